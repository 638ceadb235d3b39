"""Persons as Pipedrive shows them, a page at a time: mirrored, matched, merged into profiles.

The effects of a page and the place of the walk are one transaction. What equals what both sides agreed on is an echo,
whoever wrote it, and has no effect.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from integrations.models import PipedriveDuplicate, PipedriveLink
from integrations.pipedrive.comparing import Compared, compare, compare_labels, remote_digest_of
from integrations.pipedrive.mapping import Pair, digest, key_of, owned_labels, theirs
from integrations.pipedrive.shapes import Person, read_person
from integrations.queries import pipedrive_local
from integrations.queries.pipedrive_local import Local
from integrations.services.pipedrive import gone, links, matching, mirror, outbox, pulling
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.links import Agreed, RemoteState
from integrations.services.pipedrive.matching import Batch
from integrations.services.pipedrive.pulling import Pull

Reason = PipedriveDuplicate.Reason
INTRODUCED = (
    ("email", "emails"),
    ("phone", "phones"),
    ("first_name", "first_name"),
    ("last_name", "last_name"),
)


def read_all(items: Sequence[Mapping[str, Any]]) -> list[Person]:
    return [read_person(dict(one)) for one in items]


@transaction.atomic
def absorb(work: Work, persons: Sequence[Person]) -> None:
    """Take in what these persons say."""
    mirror.keep(work.connection, work.plan, [one for one in persons if not one.is_deleted], now=work.now())
    work.tally["scanned"] += len(persons)
    deleted = [one.id for one in persons if one.is_deleted]
    if deleted:
        gone.bury(work, deleted)
    batch = _looked_up(work, [one for one in persons if not one.is_deleted])
    matching.match(batch)
    _compare(batch)
    _take_in(batch)


def _looked_up(work: Work, persons: list[Person]) -> Batch:
    found = links.of_remotes(work.connection, [one.id for one in persons])
    news = [one for one in persons if not _is_echo(work, one, found.get(one.id))]
    work.tally["unchanged"] += len(persons) - len(news)
    if work.reconciling_from is not None:
        missed = [one for one in news if one.id in found and _is_older(one.update_time, work.reconciling_from)]
        work.tally["drift"] += len(missed)
    return Batch(work, news, found)


def _is_echo(work: Work, person: Person, link: PipedriveLink | None) -> bool:
    """Also what is older than what was seen of it, and what must not come back."""
    if link is None:
        return False
    if link.remote_state in (RemoteState.ERASED, RemoteState.MERGED):
        return True
    if _is_older(person.update_time, link.remote_update_time):
        return True
    if link.remote_state != RemoteState.LIVE:
        return False  # it is to be seen again
    return remote_hash(work, person, link.base) == link.remote_hash


def _is_older(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other


def remote_hash(work: Work, person: Person, base: Mapping[str, Mapping[str, object]]) -> str:
    plan = work.plan
    told = remote_digest_of(plan.pairs, person, base, plan.setting)
    return digest([told, owned_labels(person, plan.labels) if plan.syncs_labels else []])


def agreed_hash(work: Work, person: Person, base: Mapping[str, Mapping[str, object]]) -> str:
    """Of what was agreed on, not of what the person shows: what was changed there meanwhile is then no echo."""
    plan = work.plan
    told = [[pair.code, (base.get(key_of(pair)) or {}).get("t")] for pair in plan.pairs]
    return digest([told, owned_labels(person, plan.labels) if plan.syncs_labels else []])


def _compare(batch: Batch) -> None:
    work, plan = batch.work, batch.work.plan
    profiles = [batch.links[one.id].local_id for one in batch.persons if one.id in batch.links]
    profiles += [profile for profile in batch.newly.values() if profile is not None]
    batch.locals = pipedrive_local.read(work.workspace, profiles, names=plan.names, now=work.now())
    for person in batch.persons:
        link = batch.links.get(person.id)
        local = batch.locals.get(link.local_id if link else batch.newly.get(person.id) or 0)
        said = plan.said(local) if local else dict.fromkeys(plan.pairs)
        batch.compared[person.id] = compare(
            plan.pairs,
            said,
            person,
            link.base if link else {},
            setting=plan.setting,
            ours_at=local.times if local else {},
        )
    _keep_addresses_apart(batch)


def _keep_addresses_apart(batch: Batch) -> None:
    """An address that belongs to another profile is not taken over: that would make the two one person."""
    work = batch.work
    asked: dict[str, set[str]] = {"email": set(), "phone": set()}
    for compared in batch.compared.values():
        for pair, value in compared.pulls.items():
            if pair.local in asked and value:
                asked[pair.local].add(value)
    owners = {kind: pulling.owners_of(work.workspace, kind, values) for kind, values in asked.items() if values}
    for person in batch.persons:
        link = batch.links.get(person.id)
        own = link.local_id if link else batch.newly.get(person.id)
        compared = batch.compared[person.id]
        for pair in [one for one in compared.pulls if one.local in owners]:
            owner = owners[pair.local].get(str(compared.pulls[pair]))
            if owner is not None and owner != own:
                del compared.pulls[pair]
                if own is not None:
                    links.note_duplicate(
                        work, Reason.PROFILE_TAKEN, local_id=own, other_id=owner, remote_ids=[person.id]
                    )


def _take_in(batch: Batch) -> None:
    work = batch.work
    if not work.plan.comes_in:
        for compared in batch.compared.values():
            compared.pulls.clear()
    _tell(batch)
    if work.dry_run:
        return
    pulls = [
        _pull(batch, person) for person in batch.persons if batch.compared[person.id].pulls or _is_new(batch, person)
    ]
    pulling.attach(work, {link.local_id: link.remote_id for link in batch.links.values()} | _found_links(batch))
    now_locals = pulling.apply(work, pulls)
    _write_links(batch, now_locals)


def _is_new(batch: Batch, person: Person) -> bool:
    return person.id in batch.newly and batch.newly[person.id] is None


def _found_links(batch: Batch) -> dict[int, int]:
    return {profile: person for person, profile in batch.newly.items() if profile is not None}


def _pull(batch: Batch, person: Person) -> Pull:
    link = batch.links.get(person.id)
    profile = link.local_id if link else batch.newly.get(person.id)
    local = batch.locals.get(profile or 0)
    values = dict(batch.compared[person.id].pulls)
    if profile is None:
        values |= _introduction(batch, person)
    return Pull(person, values, profile, local.times if local else {})


def _introduction(batch: Batch, person: Person) -> dict[Pair, object]:
    """A new profile has the person's addresses and name, whatever the mapping says of directions."""
    plan = batch.work.plan
    known = {pair.code: pair for pair in plan.pairs}
    told: dict[Pair, object] = {}
    for local, code in INTRODUCED:
        pair = known.get(code) or Pair(local, code, code, "varchar", "both", "newest", "text")
        value = theirs(pair, person, plan.setting)
        if value is not None and pair.local == local:
            told[pair] = value
    return told


def _tell(batch: Batch) -> None:
    """Rows of the run, and what is counted."""
    work = batch.work
    for person in batch.persons:
        compared = batch.compared[person.id]
        link = batch.links.get(person.id)
        profile = link.local_id if link else batch.newly.get(person.id)
        local = batch.locals.get(profile or 0)
        before = dict.fromkeys(compared.pulls) if local is None else work.plan.said(local)
        changes = [(pair, before.get(pair), value) for pair, value in compared.pulls.items()]
        title = local.card.name if local else person.name
        if person.id in batch.newly:
            work.tally["linked" if profile is not None else "imported"] += 1
            work.note(
                "link" if profile is not None else "create",
                local_id=profile,
                remote_id=person.id,
                title=title,
                differences=work.differences(changes, "stratum"),
            )
        elif changes:
            work.tally["pulled"] += 1
            differences = work.differences(changes, "stratum")
            work.note("pull", local_id=profile, remote_id=person.id, title=title, differences=differences)


def _write_links(batch: Batch, told: Mapping[int, Local]) -> None:
    """Where the two stand now; what is still to be said to Pipedrive goes into the outbox."""
    work = batch.work
    made: list[Agreed] = []
    kept: list[PipedriveLink] = []
    open_profiles: list[int] = []
    for person in batch.persons:
        link, compared = batch.links.get(person.id), batch.compared[person.id]
        local = told.get(person.id) or batch.locals.get(link.local_id if link else batch.newly.get(person.id) or 0)
        if local is None:
            continue
        agreed = _agreed(work, local, person, compared)
        if compared.writes or _lacks_labels(work, local, person):
            open_profiles.append(local.profile_id)
        if link is None:
            made.append(agreed)
        else:
            kept.append(_refreshed(work, link, agreed))
    links.make(work, made)
    links.refresh(kept)
    if work.plan.goes_out:
        outbox.put(work.connection, "person", open_profiles, now=work.now(), forced=True)
    _note_conflicts(batch)


def _agreed(work: Work, local: Local, person: Person, compared: Compared) -> Agreed:
    base = {**compared.base}
    said = work.plan.said(local)
    for pair in compared.pulls:
        key = key_of(pair)
        base[key] = {"o": said.get(pair), "t": compared.base.get(key, {}).get("t")}
    return Agreed(
        local.profile_id,
        person.id,
        base,
        "" if compared.writes else work.plan.local_hash(local),
        agreed_hash(work, person, base),
        person.update_time,
    )


def _lacks_labels(work: Work, local: Local, person: Person) -> bool:
    plan = work.plan
    if not plan.syncs_labels:
        return False
    return compare_labels(person, plan.labels, plan.desired_labels(local)) is not None


def _refreshed(work: Work, link: PipedriveLink, agreed: Agreed) -> PipedriveLink:
    link.base, link.local_hash, link.remote_hash = dict(agreed.base), agreed.local_hash, agreed.remote_hash
    link.remote_update_time, link.remote_state, link.synced_at = agreed.update_time, RemoteState.LIVE, work.now()
    return link


def _note_conflicts(batch: Batch) -> None:
    ids = [one.id for one in batch.persons if batch.compared[one.id].conflicts]
    for remote, link in links.of_remotes(batch.work.connection, ids).items():
        links.note_conflicts(batch.work, link, batch.compared[remote].conflicts)
