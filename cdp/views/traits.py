"""/dashboard/cdp/computed-traits: the list, and what is done to a trait as a whole."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from cdp.definitions.trait_templates import TEMPLATES
from cdp.definitions.trait_yaml import read_yaml
from cdp.models import Trait
from cdp.queries import traits as queries
from cdp.queries.traits import TraitCard
from cdp.services import traits as services
from cdp.views import trait_words as words
from cdp.views.trait_words import Status
from stratum.lib.refusal import Invalid, Refusal
from stratum.lib.routes import route
from stratum.workspaces import access, limits
from stratum.workspaces.access import MemberRequest

PER_PAGE = 30  # more than a Professional workspace may have active
HERE = "dashboard/cdp/computed-traits"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list."""

    trait: Trait
    title: str
    kind: str
    status: Status
    is_changing: bool
    coverage: str
    width: float
    used_by: int


@require_safe
@access.page("view")
def trait_list(request: MemberRequest) -> HttpResponse:
    search, status = request.GET.get("q", "").strip(), request.GET.get("status", "")
    status = status if status in words.STATUSES else ""
    found = queries.listed(request.workspace, search=search, status=status)
    own, system = found.filter(is_system=False), found.filter(is_system=True)
    page = Paginator(own, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "lines": _lines(request, page.object_list),
        "system_lines": _lines(request, system),
        "search": search,
        "status": status,
        "statuses": [(name, each.word) for name, each in words.STATUSES.items()],
        "usage": limits.usage(request.workspace, services.METER),
        "templates": TEMPLATES.values(),
        "definitions": words.DEFINITIONS,
        "may_build": request.actor.may("build"),
    }
    return render(request, "cdp/traits/list.html#rows" if request.htmx else "cdp/traits/list.html", context)


def _lines(request: MemberRequest, traits: object) -> list[Line]:
    return [_line(card) for card in queries.cards(request.workspace, traits)]  # type: ignore[arg-type]


def _line(card: TraitCard) -> Line:
    trait = card.trait
    share = words.coverage(trait.profiles_with_value, trait.profiles)
    width = 100 * (trait.profiles_with_value or 0) / trait.profiles if trait.profiles else 0
    return Line(
        trait=trait,
        title=words.title(trait),
        kind=words.kind(trait.definition),
        status=words.STATUSES[trait.status],
        is_changing=trait.next_version is not None and trait.version is not None,
        coverage=share,
        width=round(width, 3),
        used_by=card.used_by,
    )


@require_POST
@access.page("build")
def trait_from_template(request: MemberRequest, template: str) -> HttpResponse:
    if template not in TEMPLATES:
        raise Http404
    chosen = TEMPLATES[template]
    body = {**read_yaml(chosen.yaml), "label": chosen.label, "description": chosen.sentence}
    try:
        trait = services.create(workspace=request.workspace, by=request.actor, body=body, now=request.now)
    except Invalid as refusal:  # such as several currencies: there is something left to choose
        messages.error(request, refusal.sentence)
        return redirect(f"{reverse('trait_new')}?template={template}")
    messages.success(request, f"“{words.title(trait)}” is saved. Its values are being computed.")
    return redirect("trait", trait.pk)


@require_POST
@access.page("build")
def trait_publish(request: MemberRequest, trait_id: UUID) -> HttpResponse:
    trait = services.publish(workspace=request.workspace, by=request.actor, trait_id=trait_id, now=request.now)
    messages.success(request, f"“{words.title(trait)}” is being computed.")
    return redirect("trait", trait.pk)


@require_POST
@access.page("build")
def trait_disable(request: MemberRequest, trait_id: UUID) -> HttpResponse:
    trait = queries.get(request.workspace, trait_id)
    if refused := _refused(request, trait, "disable"):
        return refused
    messages.success(
        request, f"“{words.title(trait)}” is disabled.", extra_tags=reverse("trait_enable", args=[trait.pk])
    )
    return redirect("trait", trait.pk)


@require_POST
@access.page("build")
def trait_enable(request: MemberRequest, trait_id: UUID) -> HttpResponse:
    trait = services.enable(workspace=request.workspace, by=request.actor, trait_id=trait_id, now=request.now)
    messages.success(request, f"“{words.title(trait)}” is enabled. Its values are being computed.")
    return redirect("trait", trait.pk)


@require_POST
@access.page("build")
def trait_delete(request: MemberRequest, trait_id: UUID) -> HttpResponse:
    """Its values go with it, so the page asks first instead of offering Undo."""
    trait = queries.get(request.workspace, trait_id)
    if refused := _refused(request, trait, "delete"):
        return refused
    messages.success(request, f"“{words.title(trait)}” is deleted.")
    return redirect("traits")


def _refused(request: MemberRequest, trait: Trait, deed: str) -> HttpResponse | None:
    """Do it; a refusal is told where the list of users stands."""
    does = services.disable if deed == "disable" else services.delete
    try:
        does(workspace=request.workspace, by=request.actor, trait_id=trait.pk, now=request.now)
    except Refusal as refusal:
        if refusal.code != "in_use":
            raise
        messages.error(request, refusal.sentence)
        return redirect(f"{reverse('trait', args=[trait.pk])}?tab=dependencies")
    return None


urlpatterns = [
    route(HERE, trait_list, "traits"),
    route(f"{HERE}/templates/<slug:template>", trait_from_template, "trait_from_template"),
    route(f"{HERE}/<uuid:trait_id>/publish", trait_publish, "trait_publish"),
    route(f"{HERE}/<uuid:trait_id>/disable", trait_disable, "trait_disable"),
    route(f"{HERE}/<uuid:trait_id>/enable", trait_enable, "trait_enable"),
    route(f"{HERE}/<uuid:trait_id>/delete", trait_delete, "trait_delete"),
]
