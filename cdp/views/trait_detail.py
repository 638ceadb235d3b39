"""/dashboard/cdp/computed-traits/<id>: the values of a trait, their analysis, versions, users and runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from cdp.definitions.trait_words import sentence
from cdp.models import Profile, Trait, TraitValue
from cdp.queries import profiles, trait_analysis, trait_runs, trait_why
from cdp.queries import traits as queries
from cdp.services import traits as services
from cdp.views import trait_words as words
from cdp.views.trait_charts import spread
from cdp.views.trait_evidence import Evidence, evidence
from cdp.views.trait_previews import skipped_words
from cdp.views.trait_versions import version_lines
from cdp.views.traits import HERE
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

Context = dict[str, object]

PER_PAGE = 25
LONGEST_SEARCH = 255
TABS = {
    "values": "Values",
    "analysis": "Analysis",
    "versions": "Versions",
    "dependencies": "Dependencies",
    "runs": "Backfills",
}


@dataclass(frozen=True, slots=True)
class ValueLine:
    profile: int
    name: str
    email: str
    value: str
    changed_at: datetime | None


@require_safe
@access.page("view")
def trait_detail(request: MemberRequest, trait_id: UUID) -> HttpResponse:
    trait = queries.get(request.workspace, trait_id)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "values"
    context = _head(request, trait) | {"tab": tab, "tabs": _tabs(trait, tab)} | TAB_CONTEXTS[tab](request, trait)
    if request.htmx and tab == "values":
        return render(request, "cdp/traits/detail.html#values", context)
    return render(request, "cdp/traits/detail.html", context)


def _head(request: MemberRequest, trait: Trait) -> Context:
    definition = queries.definition_of(trait, request.workspace)
    may_build = request.actor.may("build")
    return {
        "trait": trait,
        "title": words.title(trait),
        "status": words.STATUSES[trait.status],
        "kind": words.kind(trait.definition),
        "sentence": sentence(definition),
        "frequency": words.FREQUENCY_WORDS[trait.frequency],
        "coverage": words.coverage(trait.profiles_with_value, trait.profiles),
        "skipped": skipped_words(trait.skipped_values, trait.skipped_currencies),
        "definitions": words.DEFINITIONS,
        "job": trait.job if trait.next_version is not None else None,
        "time_zone": request.workspace.time_zone,
        "may_build": may_build,
        "may_change": may_build and not trait.is_system,
        "may_export": request.actor.may("export"),
    }


def _tabs(trait: Trait, active: str) -> list[dict[str, object]]:
    here = reverse("trait", args=[trait.pk])
    return [
        {"url": here if name == "values" else f"{here}?tab={name}", "label": label, "active": name == active}
        for name, label in TABS.items()
    ]


# Values


def _values(request: MemberRequest, trait: Trait) -> Context:
    search = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    stored = trait_analysis.stored(trait)
    if search:
        keys = profiles.listed(request.workspace, search, now=request.now)
        stored = stored.filter(profile_id__in=keys[: profiles.MOST_FOUND])
    page = Paginator(stored, PER_PAGE).get_page(request.GET.get("page"))
    return {
        "page": page,
        "search": search,
        "lines": list(_value_lines(request, trait, list(page.object_list))),
        "query": urlencode({"q": search} if search else {}),
    }


def _value_lines(request: MemberRequest, trait: Trait, rows: Sequence[TraitValue]) -> Iterator[ValueLine]:
    definition, zone = queries.definition_of(trait, request.workspace), queries.zone_of(request.workspace)
    found = trait_analysis.shown(request.workspace, trait, rows, now=request.now)
    cards = {
        card.id: card for card in profiles.shown(request.workspace, [one.profile for one in found], now=request.now)
    }
    for one in found:
        card = cards.get(one.profile)
        yield ValueLine(
            profile=one.profile,
            name=card.name if card else f"Profile {one.profile}",
            email=(card.email or "") if card else "",
            value=words.value(definition, one.value, zone),
            changed_at=one.changed_at,
        )


# What the other tabs show


def _analysis(request: MemberRequest, trait: Trait) -> Context:
    definition = queries.definition_of(trait, request.workspace)
    found = trait_analysis.analysis(request.workspace, trait, now=request.now)
    return {"spread": spread(found.distribution, definition, queries.zone_of(request.workspace))}


def _versions(request: MemberRequest, trait: Trait) -> Context:
    return {"versions": version_lines(request.workspace, trait)}


def _dependencies(request: MemberRequest, trait: Trait) -> Context:
    return {"dependencies": queries.dependencies(request.workspace, trait)}


def _runs(request: MemberRequest, trait: Trait) -> Context:
    return {"runs": trait_runs.runs(trait, services.BACKFILL)}


TAB_CONTEXTS: dict[str, Callable[[MemberRequest, Trait], Context]] = {
    "values": _values,
    "analysis": _analysis,
    "versions": _versions,
    "dependencies": _dependencies,
    "runs": _runs,
}


@require_safe
@access.page("export")
def trait_analysis_csv(request: MemberRequest, trait_id: UUID) -> HttpResponse:
    trait = queries.get(request.workspace, trait_id)
    zone = queries.zone_of(request.workspace)
    found = trait_analysis.analysis(request.workspace, trait, now=request.now)
    shown = spread(found.distribution, queries.definition_of(trait, request.workspace), zone)
    sheet: list[list[object]] = [
        ["value", "profiles", "share"],
        *([row.label, row.count, row.share] for row in shown.rows),
    ]
    response = HttpResponse("".join(csv_lines(sheet)), content_type="text/csv; charset=utf-8")
    day = request.now.astimezone(zone).date()
    response["Content-Disposition"] = f'attachment; filename="{trait.name}-analysis-{day}.csv"'
    return response


# The computation under way


@require_POST
@access.page("build")
def trait_backfill(request: MemberRequest, trait_id: UUID) -> HttpResponse:
    services.backfill(workspace=request.workspace, by=request.actor, trait_id=trait_id, now=request.now)
    messages.success(request, "The backfill has started. What is shown meanwhile are the values of before.")
    return redirect("trait", trait_id)


@require_POST
@access.page("build")
def trait_cancel(request: MemberRequest, trait_id: UUID) -> HttpResponse:
    services.cancel(workspace=request.workspace, by=request.actor, trait_id=trait_id, now=request.now)
    messages.success(request, "The backfill is cancelled. What served before goes on serving.")
    return redirect("trait", trait_id)


@require_safe
@access.page("view")
def trait_progress(request: MemberRequest, trait_id: UUID) -> HttpResponse:
    """The bar, which asks again; when the computation has ended, the page itself comes anew."""
    trait = queries.get(request.workspace, trait_id)
    if not request.htmx:
        return redirect("trait", trait.pk)
    if trait.next_version is None or trait.job is None or trait.job.finished_at:
        return HttpResponseClientRefresh()
    return render(request, "cdp/traits/detail.html#progress", _head(request, trait))


@require_POST
@access.page("build")
def trait_version_restore(request: MemberRequest, trait_id: UUID, number: int) -> HttpResponse:
    trait = services.restore(
        workspace=request.workspace, by=request.actor, trait_id=trait_id, number=number, now=request.now
    )
    messages.success(request, f"Version {number} of “{words.title(trait)}” is restored and being computed.")
    return redirect("trait", trait.pk)


# Why a profile has its value


@require_safe
@access.page("view")
def trait_why_page(request: MemberRequest, trait_id: UUID, profile_id: int) -> HttpResponse:
    """The events behind a value: as a fragment below it, or as a page."""
    trait = queries.get(request.workspace, trait_id)
    profile = profiles.get(request.workspace, profile_id)
    context = _why(request, trait, profile)
    return render(request, "cdp/traits/why.html#why" if request.htmx else "cdp/traits/why.html", context)


def _why(request: MemberRequest, trait: Trait, profile: Profile) -> Context:
    definition, zone = queries.definition_of(trait, request.workspace), queries.zone_of(request.workspace)
    found = trait_why.why(request.workspace, trait, profile.pk, now=request.now)
    made: Evidence = evidence(found.events, found.events_counted, definition, zone)
    return {
        "trait": trait,
        "title": words.title(trait),
        "profile": profiles.card(request.workspace, profile, now=request.now),
        "value": words.value(definition, found.value, zone),
        "reason": found.reason,
        "evidence": made,
        "as_of": found.as_of,
        "time_zone": zone.key,
    }


urlpatterns = [
    route(f"{HERE}/<uuid:trait_id>", trait_detail, "trait"),
    route(f"{HERE}/<uuid:trait_id>/analysis.csv", trait_analysis_csv, "trait_analysis_csv"),
    route(f"{HERE}/<uuid:trait_id>/backfill", trait_backfill, "trait_backfill"),
    route(f"{HERE}/<uuid:trait_id>/cancel", trait_cancel, "trait_cancel"),
    route(f"{HERE}/<uuid:trait_id>/progress", trait_progress, "trait_progress"),
    route(f"{HERE}/<uuid:trait_id>/versions/<int:number>/restore", trait_version_restore, "trait_version_restore"),
    route(f"{HERE}/<uuid:trait_id>/why/<int:profile_id>", trait_why_page, "trait_why"),
]
