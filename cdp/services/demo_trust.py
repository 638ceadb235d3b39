"""The demo workspace's signals, decisions and history: told to the trust layer's own services at the story's times.

Nothing is written past them, so every decision is what the gate says of the readings of its time, and the book is
whole. Removed like any prefix of a book: behind a signed checkpoint, and the book says so.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from cdp.demo import trust
from cdp.demo.trust import Wish
from cdp.services.quality import SOURCE
from stratum.workspaces.access import SYSTEM, Actor, actor_of_member
from stratum.workspaces.models import Member, Workspace
from trustlayer.models import Checkpoint, HealthDay, LedgerHead, SignalReading, SignalSource
from trustlayer.services import checkpoints, history, judging, keeping, readings
from trustlayer.services.judging import Proposal
from trustlayer.services.ledger import Entity
from trustlayer.services.readings import NewReading

NAMES = {"meta": "Meta (sample)", "google": "Google (sample)", "": "own events (sample)"}
REASON = "sample data"
KNOWN_FOR = timedelta(days=90)  # before the first reading, so that the story does not begin with a week of learning


@transaction.atomic
def tell(*, workspace: Workspace, seed: int, now: datetime, days: int = trust.DAYS) -> int:
    """How many decisions were made; none where the book has begun already."""
    if LedgerHead.objects.filter(workspace=workspace, seq__gt=0).exists():
        return 0
    told = {_at(now, look): list(_readings(seed, look, _at(now, look))) for look in trust.looks(days)}
    some = [one for readings_then in told.values() for one in readings_then]
    for start in range(0, len(some), readings.MOST):
        readings.report(workspace=workspace, readings=some[start : start + readings.MOST], now=now)
    owner = actor_of_member(Member.objects.filter(workspace=workspace, role="owner").select_related("user").get())
    made = sum(_judge(workspace, owner, seed, look, _at(now, look)) for look in trust.looks(days))
    history.fill(workspace=workspace, readings=told)
    checkpoints.sign(workspace=workspace, reason=REASON, now=now)
    return made


def remove(*, workspace: Workspace, now: datetime) -> None:
    """What was measured on sample events goes with them; what was decided since stays."""
    ours = [*NAMES.values(), SOURCE]
    for model in (SignalReading, SignalSource):
        model.objects.filter(workspace=workspace, source__in=ours).delete()
    HealthDay.objects.filter(workspace=workspace).delete()
    signed = Checkpoint.objects.filter(workspace=workspace, reason=REASON).order_by("-seq").first()
    if signed:
        keeping.prune(workspace=workspace, before=signed.at, now=now, why="The removal of the sample data")


def _at(now: datetime, look: int) -> datetime:
    """A moment before the end, so that nothing later shares its instant with the story."""
    return now - timedelta(hours=trust.STEP) * look - timedelta(seconds=1)


def _readings(seed: int, look: int, at: datetime) -> Iterator[NewReading]:
    for one in trust.readings(seed, look):
        yield NewReading(
            one.signal,
            one.value,
            at,
            NAMES[one.platform],
            one.platform,
            reported=bool(one.platform),
            evidence={"sentence": one.sentence},
            since=at - KNOWN_FOR,
        )


def _judge(workspace: Workspace, owner: Actor, seed: int, look: int, at: datetime) -> int:
    wished, rule, is_dry_run = trust.wishes(seed, look)
    proposals = [_proposal(one, rule) for one in wished]
    if not proposals:
        return 0
    by = SYSTEM if rule else owner
    return len(judging.decide(workspace=workspace, by=by, proposals=proposals, now=at, dry_run=is_dry_run))


def _proposal(one: Wish, rule: str) -> Proposal:
    field = "bid_amount" if "bid" in one.action else "daily_budget"
    detail = {"field": field, "before": one.before, "after": one.after, "currency": "USD"} if one.change else {}
    entity = Entity(one.type, one.id, one.name, one.platform, one.account)
    return Proposal(one.action, entity, one.change, detail, rule=rule)
