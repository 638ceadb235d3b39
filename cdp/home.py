"""What the customer data rooms show on the first page, and what they ask of a new team."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.urls import reverse

from cdp import kpis
from cdp.definitions.funnel_questions import Question
from cdp.models import Event, Funnel, Segment
from cdp.queries import funnels, raw_archive
from cdp.queries.funnels import FunnelCard
from cdp.queries.universe import universe
from cdp.views.funnel_words import percent
from stratum.lib import periods
from stratum.lib.refusal import Refusal
from stratum.workspaces import registry
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Activity, FirstStep, Happening, HomeCard

DROPS, DROP_DAYS = 3, 30


@dataclass(frozen=True, slots=True)
class NewestFunnel:
    """`refused` says why there are no funnels here; without it and without a card there is none yet."""

    card: FunnelCard | None = None
    conversion: str = ""
    refused: str = ""


def profile_count(workspace: Workspace, now: datetime) -> int:
    return len(universe(workspace).profile)


def newest_funnel(workspace: Workspace, now: datetime) -> NewestFunnel:
    outline = newest_funnel_alone(workspace)
    if outline.card is None:
        return outline
    try:
        card = funnels.cards(workspace, [outline.card.funnel], now=now)[0]
    except Refusal as refusal:
        return NewestFunnel(refused=refusal.sentence)
    rate = card.overall_conversion if card.entered else None
    return NewestFunnel(card, "" if rate is None else percent(rate))


def newest_funnel_alone(workspace: Workspace) -> NewestFunnel:
    """Without its numbers."""
    try:
        newest = funnels.find(workspace).order_by("-created_at", "name").first()
    except Refusal as refusal:
        return NewestFunnel(refused=refusal.sentence)
    return NewestFunnel(funnels.outlines(workspace, [newest])[0]) if newest else NewestFunnel()


@dataclass(frozen=True, slots=True)
class Drop:
    """Where most of a funnel's users are lost: between a step and the next one. `rate` as pages write it, "" where
    nobody was lost in the last 30 days; `refused` says why it cannot be asked.
    """

    funnel: Funnel
    after: str = ""
    before: str = ""
    lost: int = 0
    rate: str = ""
    entered: int = 0
    refused: str = ""


def largest_drops(workspace: Workspace, now: datetime) -> list[Drop]:
    """Of each of the newest funnels, in the last 30 days."""
    return [_largest_drop(workspace, outline.funnel, now) for outline in drops_alone(workspace)]


def drops_alone(workspace: Workspace) -> list[Drop]:
    """The funnels that will be asked; none where the plan has none."""
    try:
        return [Drop(funnel) for funnel in funnels.find(workspace).order_by("-created_at", "name")[:DROPS]]
    except Refusal:
        return []


def _largest_drop(workspace: Workspace, funnel: Funnel, now: datetime) -> Drop:
    question = Question(periods.last_days(DROP_DAYS, now, ZoneInfo(workspace.time_zone)))
    try:
        steps = funnels.analyze_saved(workspace, funnel, question=question, now=now).steps
    except Refusal as refusal:
        return Drop(funnel, refused=refusal.sentence)
    worst = max(range(len(steps) - 1), key=lambda at: steps[at].drop_off_rate)
    if not steps[worst].drop_off:
        return Drop(funnel, entered=steps[0].count)
    lost, following = steps[worst], steps[worst + 1]
    return Drop(funnel, lost.label, following.label, lost.drop_off, percent(lost.drop_off_rate), steps[0].count)


def has_events(workspace: Workspace) -> bool:
    return Event.objects.filter(workspace=workspace).exists() or raw_archive.has_any(workspace)


def has_funnel(workspace: Workspace) -> bool:
    return workspace.funnels.exists()


def has_trait(workspace: Workspace) -> bool:
    return workspace.traits.filter(deleted_at=None, is_system=False).exists()


def latest_funnels(workspace: Workspace, most: int) -> list[Happening]:
    newest = workspace.funnels.filter(archived_at=None).order_by("-created_at", "name")[:most]
    return [_made("funnel", "funnel_detail", "chart-funnel", one) for one in newest]


def latest_segments(workspace: Workspace, most: int) -> list[Happening]:
    newest = workspace.segments.filter(archived_at=None).order_by("-created_at", "name")[:most]
    return [_made("segment", "segment_detail", "users-group", one) for one in newest]


def _made(noun: str, page: str, icon: str, one: Funnel | Segment) -> Happening:
    return Happening(one.created_at, f"New {noun}: {one.name}", reverse(page, args=[one.pk]), icon)


DROPS_CARD = HomeCard("drops", "Drop-off", "cdp/home/drops.html", largest_drops, order=35, outline=drops_alone)
FUNNEL_CARD = HomeCard(
    "funnel", "Newest funnel", "cdp/home/funnel.html", newest_funnel, order=30, outline=newest_funnel_alone
)


def register() -> None:
    registry.home_cards.register(DROPS_CARD)
    registry.kpis.register(kpis.EVENTS)
    registry.kpis.register(kpis.ACTIVE_PROFILES)
    registry.activities.register(Activity("funnels", latest_funnels))
    registry.activities.register(Activity("segments", latest_segments))
    registry.home_cards.register(HomeCard("profiles", "Profiles", "cdp/home/profiles.html", profile_count, order=10))
    registry.home_cards.register(FUNNEL_CARD)
    registry.first_steps.register(
        FirstStep(
            name="first_event",
            label="Send your first event",
            sentence="Point the SDK you already use at Stratum and watch the event arrive.",
            url_name="event_list",
            done=has_events,
            order=20,
        )
    )
    registry.first_steps.register(
        FirstStep(
            name="first_funnel",
            label="Build a funnel",
            sentence="Choose the steps from a first visit to a purchase, and see where customers leave.",
            url_name="funnel_new",
            done=has_funnel,
            right="build",
            order=30,
        )
    )
    registry.first_steps.register(
        FirstStep(
            name="first_trait",
            label="Compute a trait",
            sentence="Let behavior describe your customers, such as by total spend or favorite category.",
            url_name="trait_new",
            done=has_trait,
            right="build",
            order=40,
        )
    )
