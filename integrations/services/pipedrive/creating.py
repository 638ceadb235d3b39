"""Profiles that have no person yet: looked for in the mirror, else created, exactly once.

A creation is announced in a committed row first: whoever finds that row after a crash looks for the outcome before
anything is sent again.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction

from integrations.models import PipedriveDuplicate, PipedriveOutbox
from integrations.pipedrive.client import MOST_IDS
from integrations.pipedrive.comparing import Compared
from integrations.pipedrive.limits import COSTS
from integrations.pipedrive.mapping import key_of, label_ids
from integrations.services.pipedrive import inbound, links, mirror, outbox, pulling
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.sending import Sending, agreement, body_of, each, failed, finish, note
from stratum.lib.http import READ, Gone, Rejected, Unreachable

BATCH = MOST_IDS
SETTLES = timedelta(seconds=READ + 60)  # after which a lost creation has happened or never will
LOOKS = 2  # in vain, before a lost creation counts as never made
Reason = PipedriveDuplicate.Reason
State = PipedriveOutbox.State


def unmatched(work: Work, sendings: Sequence[Sending]) -> list[Sending]:
    """Whoever is found in the mirror is linked instead; who is found twice waits for a person to decide."""
    if not sendings:
        return []
    if not work.connection.syncs("persons"):
        finish(work, sendings)
        return []
    candidates = _candidates(work, sendings)
    everybody = {remote for found in candidates.values() for remote in found}
    taken = links.of_remotes(work.connection, everybody)
    new: list[Sending] = []
    for one in sendings:
        found = candidates[one.local.profile_id]
        if not found:
            new.append(one)
        elif len(found) > 1:
            _wait(work, one, Reason.SEVERAL_PERSONS, found)
        elif found[0] in taken:
            _wait(work, one, Reason.PERSON_TAKEN, found, other_id=taken[found[0]].local_id)
        else:
            _adopt(work, one, found[0])
    return new


def _candidates(work: Work, sendings: Sequence[Sending]) -> dict[int, list[int]]:
    """Persons by profile: those that name it, else those with its e-mail address, else with its phone number."""
    own = mirror.by_profile(work.connection, [one.local.profile_id for one in sendings])
    emails = mirror.by_address(work.connection, "email", _told(sendings, "email"))
    phones = mirror.by_address(work.connection, "phone", _told(sendings, "phone"))
    answer: dict[int, list[int]] = {}
    for one in sendings:
        identifiers = one.local.card.identifiers
        named = own.get(one.local.profile_id, [])
        by_email = [remote for value in identifiers.get("email", ()) for remote in emails.get(value, ())]
        by_phone = [remote for value in identifiers.get("phone", ()) for remote in phones.get(value, ())]
        answer[one.local.profile_id] = list(dict.fromkeys(named or by_email or by_phone))
    return answer


def _told(sendings: Iterable[Sending], kind: str) -> set[str]:
    return {value for one in sendings for value in one.local.card.identifiers.get(kind, ())}


def _wait(work: Work, one: Sending, reason: str, remote_ids: Sequence[int], other_id: int | None = None) -> None:
    links.note_duplicate(work, reason, local_id=one.local.profile_id, remote_ids=remote_ids, other_id=other_id)
    if not work.dry_run:
        outbox.wait(one.row, reason=str(Reason(reason).label))


def _adopt(work: Work, one: Sending, remote_id: int) -> None:
    """The mirror is only a hint: the person itself is read, and its own words decide."""
    try:
        person = work.client.person(remote_id)
    except (Gone, Rejected, Unreachable) as error:
        if isinstance(error, Gone):
            mirror.drop(work.connection, [remote_id])
        one.error = error
        failed(work, one)
        return
    if work.dry_run:
        work.tally["linked"] += 1
        work.note("link", local_id=one.local.profile_id, remote_id=remote_id, title=one.local.card.name)
        return
    inbound.absorb(work, [person])
    link = links.of_profiles(work.connection, [one.local.profile_id]).get(one.local.profile_id)
    if link is None:
        one.error = Rejected("The person that was found turned out to be another one.")
        failed(work, one)
    elif link.local_hash:
        one.row.refresh_from_db(fields=["changes"])
        finish(work, [one])
    else:
        outbox.give_back([one.row], now=work.now())


def create(work: Work, sendings: Sequence[Sending]) -> None:
    for one in sendings:
        one.compared = _introduced(work, one)
        one.request = body_of(work, one)
    if work.dry_run:
        for one in sendings:
            work.tally["created"] += 1
            work.planned["POST persons"] += COSTS["POST persons"]
            note(work, "create", one)
        return
    for start in range(0, len(sendings), BATCH):
        _create_some(work, sendings[start : start + BATCH])


def _introduced(work: Work, one: Sending) -> Compared:
    """Everything that the profile says, its own number among it even where nothing maps it."""
    plan = work.plan
    said = {pair: value for pair, value in plan.said(one.local).items() if pair.goes_out and value is not None}
    found = Compared(pushes=said, base={key_of(pair): {"o": value, "t": None} for pair, value in said.items()})
    if plan.syncs_labels:
        found.labels = label_ids(None, plan.labels, plan.desired_labels(one.local))
    return found


def _create_some(work: Work, sendings: Sequence[Sending]) -> None:
    outbox.intend([one.row for one in sendings], now=work.now())  # committed before anything is sent
    code = mirror.profile_code(work.connection)
    for one in sendings:
        if code:
            one.request.setdefault("custom_fields", {})[code] = str(one.local.profile_id)
    try:
        each(work, sendings, lambda one: work.client.create_person(one.request))
    finally:
        _link(work, [one for one in sendings if one.answer is not None])
        for one in sendings:
            if one.error is not None:
                _not_created(work, one)


def _link(work: Work, sendings: Sequence[Sending]) -> None:
    if not sendings:
        return
    with transaction.atomic():
        answers = [one.answer for one in sendings if one.answer is not None]
        mirror.keep(work.connection, work.plan, answers, now=work.now())
        links.make(work, [agreement(work, one, answer) for one, answer in zip(sendings, answers, strict=True)])
        pulling.attach(work, {one.local.profile_id: answer.id for one, answer in zip(sendings, answers, strict=True)})
        for one in sendings:
            work.tally["created"] += 1
            note(work, "create", one)
        finish(work, sendings)


def _not_created(work: Work, one: Sending) -> None:
    """Certainly not: later again. Perhaps: it is looked for first."""
    error = one.error
    if isinstance(error, Unreachable) and error.may_have_arrived:
        outbox.doubt(one.row, settles_at=work.now() + SETTLES, error=error.sentence)
        work.tally["ambiguous"] += 1
    else:
        PipedriveOutbox.objects.filter(pk=one.row.pk).update(state=State.QUEUED, intent_at=None)
        failed(work, one)


def resolve(work: Work, rows: Sequence[PipedriveOutbox]) -> list[PipedriveOutbox]:
    """Look for what these may have created, in the list and not in the search, whose index lags. Those that are
    certain not to have been created are given back to be sent."""
    ripe = [row for row in rows if row.intent_at is None or row.intent_at + SETTLES <= work.now()]
    for row in rows:
        if row not in ripe and row.intent_at is not None:
            outbox.doubt(row, settles_at=row.intent_at + SETTLES, error=row.last_error)
    if not ripe or work.dry_run:
        return []
    _scan(work, ripe)
    known = links.of_profiles(work.connection, [row.local_id for row in ripe])
    again: list[PipedriveOutbox] = []
    for row in ripe:
        if row.local_id in known or row.scans + 1 >= LOOKS:
            PipedriveOutbox.objects.filter(pk=row.pk).update(state=State.QUEUED, intent_at=None, scans=0)
            row.state, row.intent_at = State.QUEUED, None
            again.append(row)
        else:
            PipedriveOutbox.objects.filter(pk=row.pk).update(scans=row.scans + 1)
            outbox.doubt(row, settles_at=work.now() + SETTLES / 3, error=row.last_error)
    return again


def _scan(work: Work, rows: Sequence[PipedriveOutbox]) -> None:
    """Every person changed since the first of them was announced: those that name our profiles become links."""
    since = min(row.intent_at or work.now() for row in rows) - timedelta(minutes=6)  # our clock may be ahead of theirs
    cursor: str | None = None
    while True:
        page = work.client.persons(since=since, cursor=cursor)
        inbound.absorb(work, inbound.read_all(page.items))
        if page.next_cursor is None:
            return
        cursor = page.next_cursor
