"""Profiles that have their person: read there, merged, and only what differs is sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from integrations.models import PipedriveLink
from integrations.pipedrive.client import Hidden
from integrations.pipedrive.comparing import Compared, compare, compare_labels
from integrations.pipedrive.limits import COSTS
from integrations.queries import pipedrive_local
from integrations.services.pipedrive import gone, inbound, links, mirror
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.links import Agreed
from integrations.services.pipedrive.sending import Sending, agreement, body_of, each, failed, finish, note
from stratum.lib.http import Gone, Unreachable


def changed(work: Work, sendings: Sequence[Sending]) -> list[Sending]:
    """An unchanged record costs no call."""
    found: list[Sending] = []
    idle: list[Sending] = []
    for one in sendings:
        assert one.link is not None
        is_same = one.link.local_hash == work.plan.local_hash(one.local) and not one.row.forced
        (idle if is_same else found).append(one)
    finish(work, idle)
    work.tally["unchanged"] += len(idle)
    return found


def update(work: Work, sendings: Sequence[Sending]) -> None:
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
        one.request = body_of(work, one)
    each(
        work,
        writing,
        lambda one: work.client.update_person(_remote(one), one.request),
        keep=lambda done: _agree(work, done),
    )
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
    each(work, [one for one in sendings if one.person is None], lambda one: work.client.person(_remote(one)))
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
            gone.bury(work, [one.person.id])
        elif isinstance(one.error, Gone):
            gone.hide(work, [_remote(one)])
            if not work.dry_run:
                words = "not visible to the token's user" if isinstance(one.error, Hidden) else "not found"
                work.note("skipped", local_id=one.local.profile_id, remote_id=_remote(one), title=words)
        elif one.error is not None:
            failed(work, one)
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


def _plan_updates(work: Work, present: Sequence[Sending], writing: Sequence[Sending]) -> None:
    for one in present:
        assert one.compared is not None
        if one.link is not None:
            links.note_conflicts(work, one.link, one.compared.conflicts)
    for one in writing:
        work.tally["updated"] += 1
        work.planned["PATCH persons/{id}"] += COSTS["PATCH persons/{id}"]
        note(work, "update", one)
    work.tally["unchanged"] += len(present) - len(writing)


def _agree(work: Work, sendings: Sequence[Sending]) -> None:
    """What both sides say now, from the answer of the write: Pipedrive writes some values its own way."""
    settled = [one for one in sendings if one.error is None]
    with transaction.atomic():
        kept = []
        for one in settled:
            assert one.link is not None and one.compared is not None and one.person is not None
            person = one.answer or one.person
            agreed = agreement(work, one, person)
            kept.append(_refreshed(work, one.link, agreed))
            if one.compared.conflicts:
                links.note_conflicts(work, one.link, one.compared.conflicts)
        links.refresh(kept)
        mirror.keep(work.connection, work.plan, [one.answer for one in settled if one.answer], now=work.now())
        for one in settled:
            if one.answer is not None:
                work.tally["updated"] += 1
                note(work, "update", one)
            else:
                work.tally["unchanged"] += 1
        finish(work, settled)
    for one in sendings:
        if one.error is not None:
            failed(work, one)


def _refreshed(work: Work, link: PipedriveLink, agreed: Agreed) -> PipedriveLink:
    link.base, link.local_hash, link.remote_hash = dict(agreed.base), agreed.local_hash, agreed.remote_hash
    link.remote_update_time, link.synced_at = agreed.update_time, work.now()
    return link
