"""Won deals as revenue: for each exactly one event of its person's profile, voided and told anew when it changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from cdp.queries import profiles as cdp_profiles
from cdp.services.ingest import ingest
from cdp.services.profiles import void_events
from integrations.models import PipedriveDeal, PipedriveLink
from integrations.pipedrive.canonical import money
from integrations.pipedrive.shapes import Deal, read_deal
from integrations.services.pipedrive import mirror, pulling
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.pulling import address_of
from stratum.workspaces import plans
from stratum.workspaces.access import SYSTEM

NOT_LINKED = "Its person is not linked to a profile yet."
NO_PERSON = "It has no person."
UPDATED = [
    "title",
    "status",
    "value",
    "currency",
    "won_at",
    "person_id",
    "is_archived",
    "is_deleted",
    "update_time",
    "seen_at",
]


@dataclass(frozen=True, slots=True)
class Revenue:
    """What a deal should say as an event."""

    profile_id: int
    told: Mapping[str, Any]
    at: datetime


@transaction.atomic
def absorb(work: Work, items: Sequence[Mapping[str, Any]], *, archived: bool = False) -> None:
    """Take in what these deals say, and settle their events."""
    found = [read_deal(dict(one), archived=archived) for one in items]
    known = {row.remote_id: row for row in work.connection.deals.filter(remote_id__in=[one.id for one in found])}
    news = [one for one in found if not _is_older(one, known.get(one.id))]
    work.tally["deals_scanned"] += len(found)
    if work.dry_run:
        return
    erased = mirror.erased_of(work.connection, [one.person_id for one in news if one.person_id])
    PipedriveDeal.objects.bulk_create(
        [_row(work, one, is_named=one.person_id not in erased) for one in news],
        update_conflicts=True,
        unique_fields=["connection", "remote_id"],
        update_fields=UPDATED,
    )
    settle(work, [one.id for one in news])


def _is_older(deal: Deal, known: PipedriveDeal | None) -> bool:
    """The three streams are read one after the other: what one of them shows may be older than what is known."""
    if known is None or known.update_time is None or deal.update_time is None:
        return False
    return deal.update_time < known.update_time


def _row(work: Work, deal: Deal, *, is_named: bool) -> PipedriveDeal:
    """Titles often name a person: that of somebody who was erased here is not kept."""
    return PipedriveDeal(
        connection=work.connection,
        remote_id=deal.id,
        title=deal.title[:300] if is_named else "",
        status=deal.status[:10],
        value=Decimal(str(deal.value)),
        currency=deal.currency[:3],
        won_at=deal.won_time,
        person_id=deal.person_id,
        is_archived=deal.is_archived,
        is_deleted=deal.is_deleted,
        update_time=deal.update_time,
        seen_at=work.now(),
    )


def settle_parked(work: Work) -> None:
    """Those that waited, now that there may be a link, a rate or another setting."""
    parked = work.connection.deals.exclude(parked="").values_list("remote_id", flat=True)
    with transaction.atomic():
        settle(work, list(parked))


def settle(work: Work, remote_ids: Sequence[int]) -> None:
    """Make the events of these deals say what the deals say. In the caller's transaction."""
    deals = list(work.connection.deals.select_for_update().filter(remote_id__in=remote_ids).order_by("remote_id"))
    profiles = _profiles(work, deals)
    for deal in deals:
        _settle(work, deal, profiles.get(deal.person_id or 0))


def _profiles(work: Work, deals: Sequence[PipedriveDeal]) -> dict[int, int]:
    """Live profiles by person; also of persons that are gone, whose revenue stays theirs."""
    people = [deal.person_id for deal in deals if deal.person_id]
    links = PipedriveLink.objects.filter(connection=work.connection, kind="person", remote_id__in=people)
    rows = dict(links.exclude(remote_state="erased").values_list("remote_id", "local_id"))
    lives = pulling.live_numbers(work.workspace, rows.values())
    return {person: lives[profile] for person, profile in rows.items() if profile in lives}


def _settle(work: Work, deal: PipedriveDeal, profile_id: int | None) -> None:
    wanted, parked = _wanted(work, deal, profile_id)
    if wanted is None or deal.told != {**wanted.told, "profile": wanted.profile_id, "at": wanted.at.isoformat()}:
        _void(work, deal)
        if wanted is not None:
            parked = _tell(work, deal, wanted)
    deal.parked = parked
    deal.save(update_fields=["revision", "message_id", "told", "parked"])


def _wanted(work: Work, deal: PipedriveDeal, profile_id: int | None) -> tuple[Revenue | None, str]:
    """The event that the deal should have, or why it has none though it is won."""
    if deal.is_deleted or deal.status != "won" or (deal.is_archived and not work.connection.counts_archived):
        return None, ""
    if deal.person_id is None:
        return None, NO_PERSON
    if profile_id is None:
        return None, NOT_LINKED
    at = deal.won_at or deal.update_time or work.now()
    if at < work.now() - timedelta(days=plans.of(work.workspace).retention_days or 36_500):
        return None, ""  # older than anything that is kept
    amount, sentence = _amount(work, deal)
    if amount is None:
        return None, sentence
    told = {"deal_id": deal.remote_id, "title": deal.title, "source": "pipedrive", **amount}
    return Revenue(profile_id, told, at), ""


def _amount(work: Work, deal: PipedriveDeal) -> tuple[dict[str, Any] | None, str]:
    """In the workspace's currency; a foreign one only at a rate that somebody entered."""
    own = work.workspace.currency
    if deal.currency == own or not deal.currency:
        value = money(deal.value, own)
        return ({"revenue": float(value["value"]), "currency": own} if value else None), ""
    rate = work.connection.rates.get(deal.currency)
    if rate is None:
        return None, f"It is in {deal.currency}, and nobody has entered what that is worth in {own}."
    value = money(deal.value * Decimal(rate), own)
    original = {"original_value": format(deal.value.normalize(), "f"), "original_currency": deal.currency}
    return ({"revenue": float(value["value"]), "currency": own, "rate": rate, **original} if value else None), ""


def _void(work: Work, deal: PipedriveDeal) -> None:
    if not deal.message_id:
        return
    reason = f"Deal {deal.remote_id} of Pipedrive is {'deleted' if deal.is_deleted else deal.status} or was changed"
    void_events(workspace=work.workspace, message_ids=[deal.message_id], reason=reason, by=SYSTEM, now=work.now())
    work.tally["revenue_voided"] += 1
    work.note("revenue", kind="deal", remote_id=deal.remote_id, title=f"Voided: {deal.title}")
    deal.message_id, deal.told = "", None


def _tell(work: Work, deal: PipedriveDeal, wanted: Revenue) -> str:
    """The event, with a number of its own; why it is not there in the end, or nothing."""
    deal.revision += 1
    company = work.connection.company_id
    message_id = f"pipedrive:{company}:deal:{deal.remote_id}:{deal.revision}"
    item = {
        "type": "track",
        "event": work.connection.deal_event,
        "messageId": message_id,
        "timestamp": wanted.at.isoformat(),
        "properties": dict(wanted.told),
        "context": {"library": {"name": "pipedrive"}},
        **_whose(work, wanted.profile_id, deal.person_id or 0),
    }
    receipt = ingest(workspace=work.workspace, source=None, items=[item], received_at=work.now())
    if receipt.rejected:
        return f"The event was refused: {receipt.rejected[0].reason}"[:300]
    deal.message_id = message_id
    deal.told = {**wanted.told, "profile": wanted.profile_id, "at": wanted.at.isoformat()}
    work.tally["deals"] += 1
    amount = {"field": "Revenue", "before": None, "after": wanted.told["revenue"], "to": "stratum"}
    work.note(
        "revenue",
        kind="deal",
        local_id=wanted.profile_id,
        remote_id=deal.remote_id,
        title=deal.title,
        differences=[amount],
    )
    return ""


def _whose(work: Work, profile_id: int, person_id: int) -> dict[str, Any]:
    """By what the profile is found. The address of its person is attached to it, so that this is always there."""
    address = address_of(work.connection.company_id, person_id)
    pulling.attach(work, {profile_id: person_id})
    owner = pulling.owners_of(work.workspace, pulling.DEVICE, [address]).get(address)
    if owner == profile_id:
        return {"anonymousId": address}
    profile = cdp_profiles.get(work.workspace, profile_id)
    known = cdp_profiles.card(work.workspace, profile, now=work.now())
    return {"userId": known.user_id} if known.user_id else {"anonymousId": known.first("anonymous_id") or address}


@transaction.atomic
def mark_deleted(work: Work, remote_id: int) -> None:
    """Said by a webhook, and the deal is not to be read any more."""
    work.connection.deals.filter(remote_id=remote_id).update(is_deleted=True, seen_at=work.now())
    settle(work, [remote_id])
