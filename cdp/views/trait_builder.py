"""/dashboard/cdp/computed-traits/new and …/edit: the builder with its live preview, as form and as YAML."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from cdp.definitions.trait_templates import TEMPLATES
from cdp.definitions.trait_yaml import read_yaml, write_yaml
from cdp.definitions.traits import parse_trait
from cdp.forms.durations import UNIT_WORDS
from cdp.forms.funnel_matches import OPERATORS
from cdp.forms.trait_parts import CALENDARS, WINDOWS
from cdp.forms.traits import TraitBuilder
from cdp.models import Trait
from cdp.queries import profiles
from cdp.queries import traits as queries
from cdp.queries.trait_preview import named
from cdp.services import traits as services
from cdp.views import trait_words as words
from cdp.views.event_picker import event_picker
from cdp.views.trait_previews import previewed
from cdp.views.traits import HERE
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.lib.routes import route
from stratum.workspaces import access, limits
from stratum.workspaces.access import MemberRequest

Context = dict[str, object]
Body = dict[str, Any]

PROFILE_FIELDS = (
    ("lifecycle_stage", "anonymous, known, customer, churned"),
    ("email", "E-mail"),
    ("phone", "Phone"),
    ("first_name", "First name"),
    ("last_name", "Last name"),
    ("user_id", "User id"),
    ("created_at", "First seen"),
    ("last_seen_at", "Last seen"),
)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def trait_new(request: MemberRequest) -> HttpResponse:
    limits.require_feature(request.workspace, services.FEATURE)
    if request.method == "POST":
        return _built(request, lambda body, draft: _created(request, body, draft=draft))
    chosen = TEMPLATES.get(request.GET.get("template", ""))
    if chosen is None:
        return _builder_page(request, TraitBuilder(focus="name"))
    body = {**read_yaml(chosen.yaml), "label": chosen.label, "description": chosen.sentence}
    return _builder_page(request, TraitBuilder.of_body(body))


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def trait_edit(request: MemberRequest, trait_id: UUID) -> HttpResponse:
    limits.require_feature(request.workspace, services.FEATURE)
    trait = queries.get(request.workspace, trait_id)
    if request.method == "POST":
        return _built(request, lambda body, draft: _updated(request, trait, body, draft=draft), trait=trait)
    builder = TraitBuilder.of_body({**_newest(trait), "label": trait.label, "description": trait.description})
    builder.expected = queries.tag(trait)
    return _builder_page(request, builder, trait=trait)


def _newest(trait: Trait) -> Body:
    """What was saved last, also while it is still being computed."""
    newest = queries.versions(trait).first()
    return dict(newest.definition if newest else trait.definition)


@require_POST
@access.page("view")
def trait_preview(request: MemberRequest) -> HttpResponse:
    return _preview_answer(request, None)


@require_POST
@access.page("view")
def trait_edit_preview(request: MemberRequest, trait_id: UUID) -> HttpResponse:
    """Also says how many values of the saved trait would change."""
    return _preview_answer(request, queries.get(request.workspace, trait_id))


def _preview_answer(request: MemberRequest, trait: Trait | None) -> HttpResponse:
    """The live preview beside the builder. Errors go to their fields; the last good one stays while there are any."""
    context = _preview(request, TraitBuilder.of_post(request.POST), trait) | {"live_errors": True}
    response = render(request, "cdp/traits/builder.html#preview", context)
    if "preview" not in context and "waiting" not in context:
        response["HX-Reswap"] = "none"
    return response


def _built(
    request: MemberRequest, save: Callable[[Body, bool], HttpResponse], *, trait: Trait | None = None
) -> HttpResponse:
    """Follow the button that sent the form: change rows, turn form and YAML into each other, or save."""
    builder = TraitBuilder.of_post(request.POST)
    do = request.POST.get("do", "save")
    if do in {"fill", "write"}:
        builder = _turned(request, builder, do)
        return _builder_page(request, builder, trait=trait)
    if builder.act(do) or do not in {"save", "draft"}:
        return _builder_page(request, builder, trait=trait)
    try:
        return save(_body(builder), do == "draft")
    except Invalid as refused:
        builder.show(refused.faults)
    except Refusal as refused:
        builder.show([Fault("/form", refused.sentence)])
    return _builder_page(request, builder, trait=trait, status=422)


def _turned(request: MemberRequest, builder: TraitBuilder, do: str) -> TraitBuilder:
    """What was typed, in the other view."""
    if do == "write":
        return _as_yaml(request, builder)
    if not builder.yaml:
        builder.view = "form"
        return builder
    builder.view = "yaml"
    try:
        definition = parse_trait(read_yaml(builder.yaml), zone=queries.zone_of(request.workspace))
    except Invalid as refused:
        builder.show(refused.faults)
        return builder
    filled = TraitBuilder.of_body(definition.to_json())
    filled.expected, filled.yaml = builder.expected, builder.yaml
    filled.focus, filled.said = "name", "The form is filled in."
    return filled


def _as_yaml(request: MemberRequest, builder: TraitBuilder) -> TraitBuilder:
    """A form that says no whole trait yet leaves the text as it was."""
    builder.view = "form"
    try:
        body = named(_body(builder))
        builder.yaml = write_yaml(parse_trait(body, zone=queries.zone_of(request.workspace)))
    except Invalid as refused:
        if not builder.is_blank:
            builder.errors["yaml"] = f"The form is not complete yet: {refused.sentence}"
    builder.view, builder.focus, builder.said = "yaml", "yaml", "The definition as YAML."
    return builder


def _body(builder: TraitBuilder) -> Body:
    """The API's body of what was typed. Raises Invalid with what could not be written as one."""
    if builder.view == "yaml":
        return read_yaml(builder.yaml)
    body, faults = builder.body()
    if faults:
        raise Invalid(faults)
    return body


def _created(request: MemberRequest, body: Body, *, draft: bool) -> HttpResponse:
    trait = services.create(workspace=request.workspace, by=request.actor, body=body, now=request.now, draft=draft)
    return _saved(request, trait)


def _updated(request: MemberRequest, trait: Trait, body: Body, *, draft: bool) -> HttpResponse:
    """Of a draft, Save is also what publishes it."""
    updated = services.update(
        workspace=request.workspace,
        by=request.actor,
        trait_id=trait.pk,
        body=body,
        now=request.now,
        expected=request.POST.get("expected") or None,
    )
    if updated.status == Trait.Status.DRAFT and not draft:
        updated = services.publish(workspace=request.workspace, by=request.actor, trait_id=trait.pk, now=request.now)
    return _saved(request, updated)


def _saved(request: MemberRequest, trait: Trait) -> HttpResponse:
    under_way = trait.next_version is not None
    messages.success(
        request, f"“{words.title(trait)}” is saved." + (" Its values are being computed." if under_way else "")
    )
    return redirect("trait", trait.pk)


def _builder_page(
    request: MemberRequest, builder: TraitBuilder, *, trait: Trait | None = None, status: int = 200
) -> HttpResponse:
    """A button that changes rows gets the fields alone; the live preview then follows by itself."""
    context: Context = {"builder": builder, "trait": trait} | _choices(request)
    context["act_url"] = reverse("trait_edit", args=[trait.pk]) if trait else reverse("trait_new")
    if trait is not None:
        context |= {"title": words.title(trait), "is_draft": trait.status == Trait.Status.DRAFT}
    if request.htmx:
        response = render(request, "cdp/traits/builder.html#fields", context, status=status)
        response["HX-Trigger-After-Settle"] = "builder-changed"
        return response
    context |= _preview(request, builder, trait, quiet=True) | {"dirty": request.method == "POST"}
    return render(request, "cdp/traits/builder.html", context, status=status)


def _preview(request: MemberRequest, builder: TraitBuilder, trait: Trait | None, *, quiet: bool = False) -> Context:
    """The values of what is typed so far, or the errors at their fields; `quiet` leaves those to Save."""
    context: Context = {"builder": builder, "trait": trait}
    if builder.is_empty:
        return context | {"waiting": True}
    try:
        return context | previewed(request, _body(builder), trait)
    except Invalid as refused:
        if not quiet:
            builder.show(refused.faults)
    except Refusal as refused:
        builder.show([Fault("/form", refused.sentence)])
    return context


def _choices(request: MemberRequest) -> Context:
    """What the fields offer; of the pickers also the data for their script."""
    return event_picker(request) | {
        "templates": TEMPLATES.values(),
        "chosen_template": request.GET.get("template", ""),
        "yaml_example": TEMPLATES["total_spend_30d"].yaml,
        "operators": OPERATORS,
        "units": UNIT_WORDS,
        "windows": WINDOWS,
        "calendars": CALENDARS,
        "types": words.TYPES,
        "functions": words.FUNCTIONS,
        "calculations": words.CALCULATIONS,
        "frequencies": words.FREQUENCIES,
        "ties": words.TIES,
        "profile_fields": _profile_fields(request),
    }


def _profile_fields(request: MemberRequest) -> list[tuple[str, str]]:
    """What a profile filter may ask: the fields of every profile, attributes that were seen, and computed traits."""
    attributes = [(f"attributes.{name}", "Attribute") for name in profiles.attribute_names(request.workspace)]
    traits = [(f"traits.{trait.name}", words.title(trait)) for trait in queries.listed(request.workspace)]
    return [*PROFILE_FIELDS, *attributes, *traits]


urlpatterns = [
    route(f"{HERE}/new", trait_new, "trait_new"),
    route(f"{HERE}/preview", trait_preview, "trait_preview"),
    route(f"{HERE}/<uuid:trait_id>/edit", trait_edit, "trait_edit"),
    route(f"{HERE}/<uuid:trait_id>/preview", trait_edit_preview, "trait_edit_preview"),
]
