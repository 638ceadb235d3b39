"""Calls of a batch side by side, and what becomes of their records: done, told, tried again, given up."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from integrations.models import PipedriveConnection, PipedriveField, PipedriveLink, PipedriveOutbox
from integrations.pipedrive.client import Blocked, DailySpent
from integrations.pipedrive.comparing import Compared
from integrations.pipedrive.mapping import LABELS, body, key_of, theirs
from integrations.pipedrive.shapes import Person
from integrations.queries.pipedrive_local import Local
from integrations.services.pipedrive import gone, inbound, outbox
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.links import Agreed
from integrations.services.pipedrive.spending import Halt
from stratum.lib.http import Failure, Gone, NotAuthorised, Rejected, Throttled

WORKERS = 6  # calls under way at once; the rate limit decides how many of them come through
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


def body_of(work: Work, one: Sending) -> dict[str, Any]:
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


def each(
    work: Work,
    sendings: Sequence[Sending],
    call: Callable[[Sending], Person],
    *,
    keep: Callable[[Sequence[Sending]], None] = lambda sendings: None,
) -> None:
    """`answer` or `error` of each. Raises, after all have ended, what stops everything: those that were answered are
    given to `keep` before, those not asked stay as they are."""
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
        keep([one for one in sendings if one.answer is not None])
        raise stop[0]


def _unsent(one: Sending) -> None:
    """It was refused before it had any effect: as if it had never been tried."""
    PipedriveOutbox.objects.filter(pk=one.row.pk).update(state=State.QUEUED, intent_at=None, lease_until=None)
    one.error = None


def finish(work: Work, sendings: Sequence[Sending]) -> None:
    if not work.dry_run:
        outbox.done([one.row for one in sendings], now=work.now())


def agreement(work: Work, one: Sending, person: Person) -> Agreed:
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


def note(work: Work, action: str, one: Sending) -> None:
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


def failed(work: Work, one: Sending) -> None:
    """A refusal that names one of our fields switches that line off, and the rest is sent at once."""
    error = one.error
    sentence = error.sentence if isinstance(error, Failure) else str(error)
    if work.dry_run:
        return
    if isinstance(error, Gone) and one.link is not None:
        gone.hide(work, [one.link.remote_id])
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
