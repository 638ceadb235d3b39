"""/dashboard/cdp/funnels/new and …/edit: the builder with its live result."""

from collections.abc import Callable
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from cdp.definitions.funnel_questions import Question
from cdp.definitions.funnel_templates import TEMPLATES
from cdp.definitions.funnels import FunnelDraft, parse_draft
from cdp.forms.durations import UNIT_WORDS
from cdp.forms.funnel_matches import OPERATORS
from cdp.forms.funnels import Builder
from cdp.models import Funnel
from cdp.queries import funnels as queries
from cdp.queries.funnel_results import FunnelName
from cdp.queries.funnels import Caution
from cdp.services import funnels as services
from cdp.views.api_code import api_code
from cdp.views.event_picker import event_picker
from cdp.views.funnel_range import RANGES, range_of
from cdp.views.funnel_results import shown
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.lib.routes import route
from stratum.workspaces import access, limits
from stratum.workspaces.access import MemberRequest

Context = dict[str, object]

MODES = (
    ("ordered", "In this order", "Other events may happen in between. The usual choice."),
    ("strict", "In this order, nothing in between", "Any other event of the user between two steps ends the attempt."),
    ("any_order", "In any order", "All steps within the Conversion Window, whichever comes first."),
)
COUNTINGS = (
    ("unique", "Unique users", "Everybody counts once, with their best attempt. Recommended."),
    ("totals", "Total events", "Every attempt counts: who goes through twice counts twice."),
)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def funnel_new(request: MemberRequest) -> HttpResponse:
    limits.require_feature(request.workspace, "funnel_builder")
    if request.method == "POST":
        return _built(request, lambda draft: _created(request, draft))
    chosen = TEMPLATES.get(request.GET.get("template", ""))
    builder = Builder.of_draft(parse_draft(chosen.body)) if chosen else Builder(focus="name")
    return _builder_page(request, builder)


@require_POST
@access.page("build")
def funnel_from_template(request: MemberRequest, template: str) -> HttpResponse:
    if template not in TEMPLATES:
        raise Http404
    return _created(request, parse_draft(TEMPLATES[template].body))


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def funnel_edit(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    limits.require_feature(request.workspace, "funnel_builder")
    funnel = queries.get(request.workspace, funnel_id)
    if request.method == "POST":
        return _built(request, lambda draft: _updated(request, funnel, draft), funnel=funnel)
    definition = queries.definition_of(funnel, request.workspace)
    builder = Builder.of_draft(FunnelDraft(funnel.name, funnel.description, definition))
    builder.expected = queries.tag(funnel)
    return _builder_page(request, builder, funnel=funnel)


@require_POST
@access.page("view")
def funnel_preview(request: MemberRequest) -> HttpResponse:
    """The live result beside the builder. Errors go to their fields; the last good result stays while there are any."""
    context = _preview(request, Builder.of_post(request.POST)) | {"live_errors": True}
    response = render(request, "cdp/funnels/builder.html#preview", context)
    if "result" not in context and "waiting" not in context:
        response["HX-Reswap"] = "none"
    return response


def _built(
    request: MemberRequest, save: Callable[[FunnelDraft], HttpResponse], *, funnel: Funnel | None = None
) -> HttpResponse:
    """Follow the button that sent the form: change the rows, show the result, or save."""
    builder = Builder.of_post(request.POST)
    do = request.POST.get("do", "save")
    if builder.act(do) or do != "save":
        return _builder_page(request, builder, funnel=funnel)
    try:
        return save(builder.read(zone=queries.zone_of(request.workspace)))
    except Invalid as refused:
        builder.show(refused.faults)
    except Refusal as refused:
        builder.show([Fault("/form", refused.sentence)])
    return _builder_page(request, builder, funnel=funnel, status=422)


def _created(request: MemberRequest, draft: FunnelDraft) -> HttpResponse:
    funnel = services.create(workspace=request.workspace, by=request.actor, draft=draft, now=request.now)
    return _saved(request, funnel)


def _updated(request: MemberRequest, funnel: Funnel, draft: FunnelDraft) -> HttpResponse:
    updated = services.update(
        workspace=request.workspace,
        by=request.actor,
        funnel_id=funnel.pk,
        draft=draft,
        now=request.now,
        expected=request.POST.get("expected") or None,
    )
    return _saved(request, updated)


def _saved(request: MemberRequest, funnel: Funnel) -> HttpResponse:
    """To the result, with the Date Range that the builder showed."""
    messages.success(request, f"“{funnel.name}” is saved.")
    return redirect(f"{reverse('funnel_detail', args=[funnel.pk])}?{range_of(request, request.POST).query}")


def _builder_page(
    request: MemberRequest, builder: Builder, *, funnel: Funnel | None = None, status: int = 200
) -> HttpResponse:
    """A button that changes rows gets the fields alone; the live result then follows by itself."""
    context: Context = {"builder": builder, "funnel": funnel, "range": range_of(request, request.POST)}
    context |= _choices(request)
    context["act_url"] = reverse("funnel_edit", args=[funnel.pk]) if funnel else reverse("funnel_new")
    if request.htmx:
        response = render(request, "cdp/funnels/builder.html#fields", context, status=status)
        response["HX-Trigger-After-Settle"] = "builder-changed"
        return response
    context |= _preview(request, builder, quiet=True) | {"dirty": request.method == "POST"}
    return render(request, "cdp/funnels/builder.html", context, status=status)


def _preview(request: MemberRequest, builder: Builder, *, quiet: bool = False) -> Context:
    """The result of what is typed so far, or the errors at their fields; `quiet` leaves those to Save."""
    chosen = range_of(request, request.POST)
    context: Context = {"builder": builder, "range": chosen}
    if len(builder.rows(skip_empty=True)) < 2:
        return context | {"waiting": True}
    try:
        draft = builder.read(zone=queries.zone_of(request.workspace), name_required=False, skip_empty=True)
        if chosen.period is None:
            return context
        name = FunnelName(None, draft.name, None)
        result = queries.analyze(
            request.workspace, draft.definition, question=Question(chosen.period), now=request.now, funnel=name
        )
        body = {"name": draft.name, "description": draft.description, **draft.definition.as_json()}
        code = api_code(body, request.build_absolute_uri(reverse("api_funnel_list")))
        return context | _warned(builder, shown(request, result, draft.definition)) | {"code": code}
    except Invalid as refused:
        if not quiet:
            builder.show(refused.faults, skip_empty=True)
    except Refusal as refused:
        builder.show([Fault("/form", refused.sentence)])
    return context


def _warned(builder: Builder, context: Context) -> Context:
    """What is to be known of one step stands at that step; the rest above the result."""
    cautions = cast(list[Caution], context["cautions"])
    builder.warn((caution.step, caution.sentence) for caution in cautions if caution.step is not None)
    return context | {"cautions": [caution for caution in cautions if caution.step is None]}


def _choices(request: MemberRequest) -> Context:
    """What the fields offer; of the pickers also the data for their script."""
    picker = event_picker(request)
    names = set(cast(dict[str, int], picker["seen_counts"]))
    return picker | {
        "templates": [(template, template.ready_steps(names)) for template in TEMPLATES.values()],
        "chosen_template": request.GET.get("template", ""),
        "operators": OPERATORS,
        "units": UNIT_WORDS,
        "modes": MODES,
        "countings": COUNTINGS,
        "range_choices": RANGES,
    }


urlpatterns = [
    route("dashboard/cdp/funnels/new", funnel_new, "funnel_new"),
    route("dashboard/cdp/funnels/preview", funnel_preview, "funnel_preview"),
    route("dashboard/cdp/funnels/templates/<slug:template>", funnel_from_template, "funnel_from_template"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/edit", funnel_edit, "funnel_edit"),
]
