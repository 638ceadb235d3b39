"""/dashboard/cdp/funnels/<id>/insights: the fragment of the Insights tab, and a page of its own without scripts."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from cdp.insights.report import Evidence, Finding, Numbers
from cdp.insights.words import percent
from cdp.queries import funnels as queries
from cdp.queries.insights import Insights, incomplete
from cdp.services import insights as services
from cdp.views.funnel_address import Address, address_of
from stratum.lib import periods
from stratum.lib.refusal import Invalid
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.models import Job

Context = dict[str, object]
KINDS = {"step": "Drop-off", "period": "Weak period", "group": "Comparison"}
LEADS = {"step": "Show the steps beside the period before", "period": "Show the trend", "group": "Show the breakdown"}


@dataclass(frozen=True, slots=True)
class Card:
    """A finding as shown."""

    finding: Finding
    kind: str
    url: str
    url_words: str
    observed: str
    usual: str
    usual_words: str
    expected: str
    difference: str
    lift: str
    p: str
    corrected_p: str


@require_safe
@access.page("view")
def funnel_insights(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    """With `job`, that job's progress until it has ended; its last answer is the whole fragment."""
    funnel = queries.get(request.workspace, funnel_id)
    page = reverse("funnel_detail", args=[funnel.pk])
    address = address_of(request, page)
    context: Context = {"funnel": funnel, "page": page, "query": address.query(tab="insights")}
    job_id = request.GET.get("job", "")
    if job_id:
        answer: Insights | Job = services.of_job(request.workspace, job_id)
    elif address.question is None:
        return _answer(request, context | {"errors": list(address.errors.values())}, status=400)
    else:
        try:
            answer = services.ask(
                workspace=request.workspace,
                by=request.actor,
                funnel=funnel,
                question=address.question,
                now=request.now,
            )
        except Invalid as refused:
            return _answer(request, context | {"errors": [fault.detail for fault in refused.faults]}, status=400)
    if isinstance(answer, Insights):
        return _answer(request, context | shown(answer, page), ended=bool(job_id))
    progress = {"job": answer, "may_cancel": request.actor.may("build"), "again": _again(request, address, answer)}
    return _progress(request, context | progress) if job_id and request.htmx else _answer(request, context | progress)


def _again(request: MemberRequest, address: Address, job: Job) -> str:
    return f"{request.path}?{address.query(tab='insights', job=str(job.pk))}"


def _progress(request: MemberRequest, context: Context) -> HttpResponse:
    return render(request, "cdp/funnels/_insights.html#progress", context)


def _answer(request: MemberRequest, context: Context, *, status: int = 200, ended: bool = False) -> HttpResponse:
    """What polls is the progress alone, so the findings must say that they replace the whole fragment."""
    if not request.htmx:
        return render(request, "cdp/funnels/insights.html", context, status=status)
    response = render(request, "cdp/funnels/_insights.html", context)
    if ended:
        response["HX-Retarget"] = "#funnel-insights"
        response["HX-Reswap"] = "outerHTML"
    return response


def shown(insights: Insights, page: str) -> Context:
    verdict = insights.verdict
    return {
        "insights": insights,
        "incomplete": incomplete(insights),
        "cards": [_card(finding, f"{page}?{insights.query(finding.link)}") for finding in verdict.findings],
        "false_discovery_rate": f"{100 * verdict.false_discovery_rate:.0f}%",
        "window": periods.duration_words(insights.window),
    }


def _card(finding: Finding, url: str) -> Card:
    evidence = finding.evidence
    return Card(
        finding=finding,
        kind=KINDS[finding.kind],
        url=url,
        url_words=LEADS[finding.kind],
        observed=_share(evidence.observed),
        usual=_share(evidence.usual),
        usual_words="The rest" if finding.kind == "group" else "Before",
        expected=percent(evidence.expected),
        difference=f"{100 * evidence.difference:+.1f} points",
        lift=_lift(evidence),
        p=_p(evidence.p),
        corrected_p=_p(evidence.corrected_p),
    )


def _share(numbers: Numbers) -> str:
    return (
        f"{numbers.count:,} of {numbers.of:,} = {percent(numbers.rate)} "
        f"(95% interval {percent(numbers.low)} to {percent(numbers.high)})"
    )


def _lift(evidence: Evidence) -> str:
    return "–" if evidence.lift is None else f"{100 * evidence.lift:+.0f}%"


def _p(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


urlpatterns = [
    route("dashboard/cdp/funnels/<uuid:funnel_id>/insights", funnel_insights, "funnel_insights"),
]
