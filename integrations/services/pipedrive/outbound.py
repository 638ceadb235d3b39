"""Profiles out to persons, up to a hundred at a time.

Linked ones are read there (a hundred cost as much as ten), merged, and only what differs is sent. Unlinked ones are
looked for in the mirror before they are created, and a creation is announced in a committed row first: whoever finds
that row after a crash looks for the outcome before anything is sent again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction

from integrations.models import PipedriveConnection, PipedriveDuplicate, PipedriveField, PipedriveLink, PipedriveOutbox
from integrations.pipedrive.client import MOST_IDS, Blocked, DailySpent, Hidden
from integrations.pipedrive.comparing import Compared, compare, compare_labels
from integrations.pipedrive.limits import COSTS
from integrations.pipedrive.mapping import LABELS, body, key_of, label_ids, theirs
from integrations.pipedrive.shapes import Person
from integrations.queries import pipedrive_local
from integrations.queries.pipedrive_local import Local
from integrations.services.pipedrive import inbound, links, mirror, outbox, pulling
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.links import Agreed, RemoteState
from integrations.services.pipedrive.spending import Halt
from stratum.lib.http import READ, Failure, Gone, NotAuthorised, Rejected, Throttled, Unreachable

BATCH = MOST_IDS
SETTLES = timedelta(seconds=READ + 60)  # after which a lost creation has happened or never will
FRESH = timedelta(minutes=10)  # how old the mirror may be before it is read on
LOOKS = 2  # in vain, before a lost creation counts as never made
WORKERS = 6  # calls under way at once; the rate limit decides how many of them come through
Reason = PipedriveDuplicate.Reason
State = PipedriveOutbox.State


@dataclass(slots=True)
class Sending:
    """One record of a batch, from its outbox row to the answer."""

    row: PipedriveOutbox
    local: Local
    link: PipedriveLink | None = None
    person: Person | None = None
    compared: Compared | None = None
    request: dict[str, Any] = field(default_factory=dict)
    answer: Person | None = None
    error: Exception | None = None


def push(work: Work, rows: Sequence[PipedriveOutbox]) -> None:
    """Bring these records to Pipedrive; each row ends done, later, waiting or dead. Raises what stops everything."""
    begun = [row for row in rows if row.state in (State.IN_FLIGHT, State.AMBIGUOUS)]
    fresh = [row for row in rows if row.state == State.QUEUED]
    try:
        if begun:
            fresh += _resolve(work, begun)
        _push(work, fresh)
    except (Halt, Failure):
        _free(rows)
        raise


def _free(rows: Sequence[PipedriveOutbox]) -> None:
    """Whoever comes next may have them at once; what is in flight keeps its mark."""
    keys = [row.pk for row in rows]
    PipedriveOutbox.objects.filter(pk__in=keys, state__in=(State.QUEUED, State.IN_FLIGHT)).update(lease_until=None)


def _push(work: Work, rows: Sequence[PipedriveOutbox]) -> None:
    sendings = _looked_up(work, rows)
    linked = [one for one in sendings if one.link is not None]
    _update(work, _changed(work, linked))
    _create(work, _unmatched(work, [one for one in sendings if one.link is None]))


def _looked_up(work: Work, rows: Sequence[PipedriveOutbox]) -> list[Sending]:
    """As they stand now. Who is no profile any more, or has no e-mail address and no link, is off the list."""
    ids = [row.local_id for row in rows]
    locals_ = pipedrive_local.read(work.workspace, ids, names=work.plan.names, now=work.now())
    known = links.of_profiles(work.connection, ids)
    found, idle = [], []
    for row in rows:
        local, link = locals_.get(row.local_id), known.get(row.local_id)
        if local is None or (link is None and not local.email) or (link and link.remote_state != RemoteState.LIVE):
            idle.append(row)
        else:
            found.append(Sending(row, local, link))
    if not work.dry_run:
        outbox.done(idle, now=work.now())
    return found


# Those that are linked


def _changed(work: Work, sendings: Sequence[Sending]) -> list[Sending]:
    """An unchanged record costs no call."""
    found: list[Sending] = []
    idle: list[Sending] = []
    for one in sendings:
        assert one.link is not None
        is_same = one.link.local_hash == work.plan.local_hash(one.local) and not one.row.forced
        (idle if is_same else found).append(one)
    _finish(work, idle)
    work.tally["unchanged"] += len(idle)
    return found


def _update(work: Work, sendings: Sequence[Sending]) -> None:
    for one in _read(work, sendings):
        assert one.person is not None and one.link is not None
        one.compared = _compared(work, one, one.link.base)
    present = [one for one in sendings if one.compared is not None]
    _pull_first(work, present)
    writing = [one for one in present if one.compared and one.compared.writes]
    if work.dry_run:
        _plan_updates(work, present, writing)
        return
    for one in writing:
        one.request = _body(work, one)
    _each(work, writing, lambda one: work.client.update_person(_remote(one), one.request))
    _agree(work, present)


def _remote(one: Sending) -> int:
    assert one.link is not None
    return one.link.remote_id


def _compared(work: Work, one: Sending, base: Mapping[str, Mapping[str, Any]]) -> Compared:
    plan = work.plan
    assert one.person is not None
    found = compare(plan.pairs, plan.said(one.local), one.person, base, setting=plan.setting, ours_at=one.local.times)
    if plan.syncs_labels:
        found.labels = compare_labels(one.person, plan.labels, plan.desired_labels(one.local))
    return found


def _read(work: Work, sendings: Sequence[Sending]) -> list[Sending]:
    """The persons of these, read in one call where that is cheaper; those that are not there end their links."""
    if not sendings:
        return []
    by_remote = {_remote(one): one for one in sendings}
    many = len(by_remote) * COSTS["GET persons/{id}"] > COSTS["GET persons"]
    if many:
        for person in work.client.persons_by_id(sorted(by_remote)):
            by_remote[person.id].person = person
    _each(work, [one for one in sendings if one.person is None], lambda one: work.client.person(_remote(one)))
    for one in sendings:
        one.person = one.person or one.answer
        one.answer = None
        if one.person is not None and _is_stale(one):
            one.person, one.error = None, Unreachable("Pipedrive shows an older state than it did before.")
    _let_go(work, [one for one in sendings if one.person is None or one.person.is_deleted])
    return [one for one in sendings if one.person is not None and not one.person.is_deleted]


def _is_stale(one: Sending) -> bool:
    seen, now = one.link.remote_update_time if one.link else None, one.person.update_time if one.person else None
    return seen is not None and now is not None and now < seen


def _let_go(work: Work, sendings: Sequence[Sending]) -> None:
    """Deleted, hidden, or not answered."""
    for one in sendings:
        if one.person is not None:
            inbound.bury(work, [one.person.id])
        elif isinstance(one.error, Gone):
            inbound.hide(work, [_remote(one)])
            if not work.dry_run:
                words = "not visible to the token's user" if isinstance(one.error, Hidden) else "not found"
                work.note("skipped", local_id=one.local.profile_id, remote_id=_remote(one), title=words)
        elif one.error is not None:
            _failed(work, one)
        one.person = None


def _pull_first(work: Work, sendings: Sequence[Sending]) -> None:
    """What only the salesperson changed, and what a rule gave to him, comes in before ours goes out."""
    pulling_ones = [one for one in sendings if one.compared and one.compared.pulls and work.plan.comes_in]
    if not pulling_ones or work.dry_run:
        return
    with transaction.atomic():
        persons = [one.person for one in pulling_ones if one.person is not None]
        before = {one.local.profile_id: one for one in pulling_ones}
        inbound.absorb(work, persons)
        ids = list(before)
        after = pipedrive_local.read(work.workspace, ids, names=work.plan.names, now=work.now())
        refreshed = links.of_profiles(work.connection, ids)
    for profile, one in before.items():
        if profile in after and profile in refreshed:
            one.local, one.link = after[profile], refreshed[profile]
            one.row.refresh_from_db(fields=["changes"])
            one.compared = _compared(work, one, one.link.base)
            one.compared.pulls.clear()


def _body(work: Work, one: Sending) -> dict[str, Any]:
    assert one.compared is not None
    return body(
        one.compared.pushes,
        person=one.person,
        base=one.link.base if one.link else {},
        setting=work.plan.setting,
        label_ids=one.compared.labels,
        splits_names=work.connection.capabilities.get("names") != "name",
        fallback_name=one.local.card.name,
    )


def _plan_updates(work: Work, present: Sequence[Sending], writing: Sequence[Sending]) -> None:
    for one in present:
        assert one.compared is not None
        if one.link is not None:
            links.note_conflicts(work, one.link, one.compared.conflicts)
    for one in writing:
        work.tally["updated"] += 1
        work.planned["PATCH persons/{id}"] += COSTS["PATCH persons/{id}"]
        _note(work, "update", one)
    work.tally["unchanged"] += len(present) - len(writing)


def _agree(work: Work, sendings: Sequence[Sending]) -> None:
    """What both sides say now, from the answer of the write: Pipedrive writes some values its own way."""
    settled = [one for one in sendings if one.error is None]
    with transaction.atomic():
        kept = []
        for one in settled:
            assert one.link is not None and one.compared is not None and one.person is not None
            person = one.answer or one.person
            agreed = _agreed(work, one, person)
            kept.append(_refreshed(work, one.link, agreed))
            if one.compared.conflicts:
                links.note_conflicts(work, one.link, one.compared.conflicts)
        links.refresh(kept)
        mirror.keep(work.connection, work.plan, [one.answer for one in settled if one.answer], now=work.now())
        for one in settled:
            if one.answer is not None:
                work.tally["updated"] += 1
                _note(work, "update", one)
            else:
                work.tally["unchanged"] += 1
        _finish(work, settled)
    for one in sendings:
        if one.error is not None:
            _failed(work, one)


def _agreed(work: Work, one: Sending, person: Person) -> Agreed:
    assert one.compared is not None
    base = dict(one.compared.base)
    for pair, value in one.compared.pushes.items():
        seen = theirs(pair, person, work.plan.setting, known=(value,))
        base[key_of(pair)] = {"o": value, "t": seen}
    return Agreed(
        one.local.profile_id,
        person.id,
        base,
        work.plan.local_hash(one.local),
        inbound.agreed_hash(work, person, base),
        person.update_time,
    )


def _refreshed(work: Work, link: PipedriveLink, agreed: Agreed) -> PipedriveLink:
    link.base, link.local_hash, link.remote_hash = dict(agreed.base), agreed.local_hash, agreed.remote_hash
    link.remote_update_time, link.synced_at = agreed.update_time, work.now()
    return link


def _note(work: Work, action: str, one: Sending) -> None:
    assert one.compared is not None
    changes = [(pair, one.compared.before.get(pair), value) for pair, value in one.compared.pushes.items()]
    differences = work.differences(changes, "pipedrive")
    if one.compared.labels is not None:
        before = list(one.person.label_ids) if one.person else []
        differences.append({"field": "Labels", "before": before, "after": one.compared.labels, "to": "pipedrive"})
    work.note(
        action,
        local_id=one.local.profile_id,
        remote_id=one.answer.id if one.answer else (one.link.remote_id if one.link else None),
        title=one.local.card.name,
        differences=differences,
        request=one.request or None,
        response_code=200 if one.answer else None,
    )


# Those that have no person yet


def _unmatched(work: Work, sendings: Sequence[Sending]) -> list[Sending]:
    """Whoever is found in the mirror is linked instead; who is found twice waits for a person to decide."""
    if not sendings:
        return []
    if not work.connection.syncs("persons"):
        _finish(work, sendings)
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
        _failed(work, one)
        return
    if work.dry_run:
        work.tally["linked"] += 1
        work.note("link", local_id=one.local.profile_id, remote_id=remote_id, title=one.local.card.name)
        return
    inbound.absorb(work, [person])
    link = links.of_profiles(work.connection, [one.local.profile_id]).get(one.local.profile_id)
    if link is None:
        one.error = Rejected("The person that was found turned out to be another one.")
        _failed(work, one)
    elif link.local_hash:
        one.row.refresh_from_db(fields=["changes"])
        _finish(work, [one])
    else:
        outbox.give_back([one.row], now=work.now())


def _create(work: Work, sendings: Sequence[Sending]) -> None:
    for one in sendings:
        one.compared = _introduced(work, one)
        one.request = _body(work, one)
    if work.dry_run:
        for one in sendings:
            work.tally["created"] += 1
            work.planned["POST persons"] += COSTS["POST persons"]
            _note(work, "create", one)
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
        _each(work, sendings, lambda one: work.client.create_person(one.request))
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
        links.make(work, [_agreed(work, one, answer) for one, answer in zip(sendings, answers, strict=True)])
        pulling.attach(work, {one.local.profile_id: answer.id for one, answer in zip(sendings, answers, strict=True)})
        for one in sendings:
            work.tally["created"] += 1
            _note(work, "create", one)
        _finish(work, sendings)


def _not_created(work: Work, one: Sending) -> None:
    """Certainly not: later again. Perhaps: it is looked for first."""
    error = one.error
    if isinstance(error, Unreachable) and error.may_have_arrived:
        outbox.doubt(one.row, settles_at=work.now() + SETTLES, error=error.sentence)
        work.tally["ambiguous"] += 1
    else:
        PipedriveOutbox.objects.filter(pk=one.row.pk).update(state=State.QUEUED, intent_at=None)
        _failed(work, one)


# Creations whose outcome nobody knows


def _resolve(work: Work, rows: Sequence[PipedriveOutbox]) -> list[PipedriveOutbox]:
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


# Calls side by side, and what became of them


def _each(work: Work, sendings: Sequence[Sending], call: Callable[[Sending], Person]) -> None:
    """`answer` or `error` of each. Raises, after all have ended, what stops everything; those not asked stay as they
    are."""
    stop: list[Exception] = []

    def ask(one: Sending) -> None:
        if stop:
            one.error = stop[0]
            return
        try:
            one.answer = call(one)
        except (Halt, NotAuthorised, DailySpent, Blocked, Throttled) as error:
            one.error = error
            stop.append(error)
        except Failure as error:
            one.error = error

    if len(sendings) <= 1 or work.connection.is_sandbox:
        for one in sendings:
            ask(one)
    else:
        with ThreadPoolExecutor(max_workers=min(WORKERS, len(sendings))) as pool:
            list(pool.map(ask, sendings))
    if stop:
        for one in sendings:
            if one.error in stop:
                _unsent(one)
        _save_what_was_done(work, sendings)
        raise stop[0]


def _unsent(one: Sending) -> None:
    """It was refused before it had any effect: as if it had never been tried."""
    PipedriveOutbox.objects.filter(pk=one.row.pk).update(state=State.QUEUED, intent_at=None, lease_until=None)
    one.error = None


def _save_what_was_done(work: Work, sendings: Sequence[Sending]) -> None:
    updated = [one for one in sendings if one.answer is not None and one.link is not None and one.request]
    if updated:
        _agree(work, updated)


def _finish(work: Work, sendings: Sequence[Sending]) -> None:
    if not work.dry_run:
        outbox.done([one.row for one in sendings], now=work.now())


def _failed(work: Work, one: Sending) -> None:
    """A refusal that names one of our fields switches that line off, and the rest is sent at once."""
    error = one.error
    sentence = error.sentence if isinstance(error, Failure) else str(error)
    if work.dry_run:
        return
    if isinstance(error, Gone) and one.link is not None:
        inbound.hide(work, [one.link.remote_id])
        return
    is_final = isinstance(error, Rejected)
    if isinstance(error, Rejected) and _mend(work, error, one):
        outbox.give_back([one.row], now=work.now())
        PipedriveOutbox.objects.filter(pk=one.row.pk).update(state=State.QUEUED, intent_at=None, forced=True)
        return
    if outbox.fail(one.row, error=sentence, now=work.now(), is_final=is_final):
        work.tally["failed"] += 1
        _note_failure(work, one, sentence)
    else:
        work.tally["retried"] += 1


def _note_failure(work: Work, one: Sending, sentence: str) -> None:
    work.note(
        "failed",
        local_id=one.local.profile_id,
        remote_id=one.link.remote_id if one.link else None,
        title=one.local.card.name,
        request=one.request or None,
        response_code=400 if isinstance(one.error, Rejected) else None,
        error=sentence,
        is_open=True,
    )


def _mend(work: Work, error: Rejected, one: Sending) -> bool:
    """What can be learned from the refusal; False where it says nothing of use."""
    named = {fault.pointer.rpartition("/")[2] for fault in error.faults}
    sent = one.request.get("custom_fields", {})
    if codes := [code for code in sent if code in named]:
        lines = PipedriveField.objects.filter(connection=work.connection, code__in=codes, enabled=True)
        lines.update(enabled=False, problem=error.sentence[:300])
        _forget_field(work, codes)
        work.without(codes)
        return True
    if named & {"first_name", "last_name"} and "first_name" in one.request:
        return _learn(work, "names", "name")
    if LABELS in named and LABELS in one.request:
        return _learn(work, "stale_labels", True)
    return False


def _forget_field(work: Work, codes: Sequence[str]) -> None:
    """Until the fields are loaded again."""
    left = [one for one in work.connection.remote_fields if one["code"] not in codes]
    work.connection.remote_fields = left
    PipedriveConnection.objects.filter(pk=work.connection.pk).update(remote_fields=left)


def _learn(work: Work, what: str, value: Any) -> bool:
    """False where it was known already, and so does not help."""
    if work.connection.capabilities.get(what) == value:
        return False
    work.connection.capabilities = {**work.connection.capabilities, what: value}
    PipedriveConnection.objects.filter(pk=work.connection.pk).update(capabilities=work.connection.capabilities)
    return True
