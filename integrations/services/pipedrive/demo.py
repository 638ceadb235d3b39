"""The demo workspace's Pipedrive: a sandbox with some of the shop's customers, some strangers, and deals; connected."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from cdp.demo.names import FIRST_NAMES, LAST_NAMES
from cdp.models import Change, Event, Identifier
from cdp.queries import profiles as cdp_profiles
from integrations.models import PipedriveConnection, SandboxState
from integrations.sandbox.pipedrive import FakePipedrive, dump, founded
from integrations.sandbox.pipedrive import deals as fake_deals
from integrations.sandbox.pipedrive import persons as fake_persons
from integrations.sandbox.pipedrive.company import DEMO_TOKEN
from integrations.sandbox.pipedrive.world import World
from integrations.services.pipedrive import connecting, mapping, runs
from integrations.services.pipedrive.sandbox import PLATFORM
from stratum.lib.refusal import Refusal
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace

CUSTOMERS, STRANGERS, DEALS = 70, 24, 58
SCOPE = ("High-Value At-Risk", "VIP customers")  # only a segment goes out: thousands would say no more
STATUSES = ("won", "won", "open", "lost", "won", "open")
TITLES = ("Group order", "Guided tour", "Corporate gifts", "Rental fleet", "Club membership", "Expedition package")


@dataclass(frozen=True, slots=True)
class Dice:
    """The same every time."""

    seed: str

    def roll(self, what: str, sides: int) -> int:
        digest = hashlib.sha1(f"{self.seed}:{what}".encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest[:4], "big") % sides


def build(workspace: Workspace, now: datetime) -> None:
    """Once: found the company, connect it, create its fields, and put the first sync in line."""
    if PipedriveConnection.objects.filter(workspace=workspace).exists():
        return
    found(workspace, now)
    try:
        connecting.connect(workspace=workspace, by=SYSTEM, api_token=DEMO_TOKEN, now=now)
        mapping.create_fields(workspace=workspace, by=SYSTEM, now=now)
    except Refusal:
        return  # a plan without CRM
    _choose(workspace, now)
    with suppress(Refusal):
        runs.start_sync(workspace=workspace, by=SYSTEM, now=now, trigger="first")


@transaction.atomic
def remove(workspace: Workspace, now: datetime) -> None:
    """The sandbox and what came out of it, events too; a connection to a real company stays."""
    for connection in PipedriveConnection.objects.filter(workspace=workspace, is_sandbox=True):
        told = Event.objects.filter(workspace=workspace, message_id__startswith=f"pipedrive:{connection.company_id}:")
        Change.objects.filter(workspace=workspace, event_id__in=list(told.values_list("id", flat=True))).delete()
        told.delete()
        connection.delete()
    SandboxState.objects.filter(workspace=workspace, platform=PLATFORM).delete()


def found(workspace: Workspace, now: datetime) -> SandboxState:
    """The company, unless it is there already."""
    row = SandboxState.objects.filter(workspace=workspace, platform=PLATFORM).first()
    if row is not None:
        return row
    company = founded(DEMO_TOKEN, currency=workspace.currency)
    _people(workspace, company_at(company, now), now)
    state = {"state": dump(company), "changed_at": now}
    return SandboxState.objects.get_or_create(workspace=workspace, platform=PLATFORM, defaults=state)[0]


def company_at(company: object, now: datetime) -> FakePipedrive:
    return FakePipedrive(company, now=lambda: now)  # type: ignore[arg-type]


@transaction.atomic
def _choose(workspace: Workspace, now: datetime) -> None:
    segments = {one.name: one for one in workspace.segments.filter(archived_at=None)}
    scope = next((segments[name] for name in SCOPE if name in segments), None)
    if scope is not None:
        connecting.update_settings(
            workspace=workspace, by=SYSTEM, now=now, segment=scope.pk, labels=[scope.pk], schedule="hourly"
        )


# Its people


def _people(workspace: Workspace, fake: FakePipedrive, now: datetime) -> None:
    dice = Dice("northlight")
    world = fake.world
    moments = _Moments(world, now, dice)
    for number, given in enumerate([*_customers(workspace, now, dice), *_strangers(dice)]):
        moments.choose(f"person {number}", days=170)
        fake_persons.add(world, given)
    ids = sorted(world.company.persons)
    for number in range(min(DEALS, len(ids))):
        _deal(world, moments, dice, number, ids[dice.roll(f"of {number}", len(ids))])
    world.hooks.clear()


class _Moments:
    """Sets the world's clock back to a day of the past."""

    def __init__(self, world: World, now: datetime, dice: Dice) -> None:
        self._world, self._now, self._dice = world, now, dice

    def choose(self, what: str, *, days: int) -> datetime:
        ago = timedelta(days=1 + self._dice.roll(what, days), minutes=self._dice.roll(f"{what} m", 600))
        moment = self._now - ago
        self._world.now = lambda: moment
        return moment


def _customers(workspace: Workspace, now: datetime, dice: Dice) -> Iterator[dict[str, object]]:
    """Of the shop's known customers; a few are written a little otherwise there."""
    known = Identifier.objects.filter(workspace=workspace, kind="email").order_by("id")
    ids = list(dict.fromkeys(known.values_list("profile_id", flat=True)[: CUSTOMERS * 40]))
    chosen = ids[:: max(1, len(ids) // CUSTOMERS)][:CUSTOMERS]
    for card in cdp_profiles.shown(workspace, chosen, now=now):
        first, last = (str(card.attributes.get(name) or "") for name in ("first_name", "last_name"))
        email = card.email or ""
        if dice.roll(email, 5) == 0:
            email = email.capitalize()
        phones = [card.phone] if card.phone and dice.roll(f"phone {email}", 3) else []
        yield {"name": f"{first} {last}".strip() or email, "emails": [email], "phones": phones}


def _strangers(dice: Dice) -> Iterator[dict[str, object]]:
    """People whom only the salespeople know."""
    for number in range(STRANGERS):
        first = _one_of(FIRST_NAMES, dice, f"first {number}")
        last = _one_of(LAST_NAMES, dice, f"last {number}")
        email = f"{first}.{last}@summit-partners.example".lower().replace(" ", "")
        yield {"name": f"{first} {last}", "emails": [email], "phones": [f"+1 212 555 {1000 + number * 37}"]}


def _one_of(names: Sequence[object], dice: Dice, what: str) -> str:
    return str(list(names)[dice.roll(what, len(names))])


def _deal(world: World, moments: _Moments, dice: Dice, number: int, person_id: int) -> None:
    person = world.company.persons[person_id]
    moments.choose(f"deal {number}", days=75)
    status = STATUSES[dice.roll(f"status {number}", len(STATUSES))]
    title = f"{TITLES[dice.roll(f'title {number}', len(TITLES))]} - {person['last_name'] or person['name']}"
    value = 60 + 10 * dice.roll(f"value {number}", 140)
    deal = fake_deals.add(world, title=title, person_id=person_id, value=value)
    if status != "open":
        moments.choose(f"closed {number}", days=55)
        fake_deals.edit(world, deal["id"], status=status)
