"""Persons as Pipedrive shows them, a page at a time: mirrored, matched, merged into profiles.

The effects of a page and the place of the walk are one transaction. What equals what both sides agreed on is an echo,
whoever wrote it, and has no effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from integrations.models import PipedriveDuplicate, PipedriveLink
from integrations.pipedrive.comparing import Compared, compare, compare_labels, remote_digest_of
from integrations.pipedrive.mapping import Pair, digest, key_of, owned_labels, theirs
from integrations.pipedrive.shapes import Person, read_person
from integrations.queries import pipedrive_local
from integrations.queries.pipedrive_local import Local
from integrations.services.pipedrive import links, mirror, outbox, pulling
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.links import Agreed, RemoteState
from integrations.services.pipedrive.pulling import Pull

Reason = PipedriveDuplicate.Reason
INTRODUCED = (
    ("email", "emails"),
    ("phone", "phones"),
    ("first_name", "first_name"),
    ("last_name", "last_name"),
)


@dataclass(slots=True)
class Batch:
    """One page on its way in."""

    work: Work
    persons: list[Person]
    links: dict[int, PipedriveLink]
    locals: dict[int, Local] = field(default_factory=dict)  # by profile
    compared: dict[int, Compared] = field(default_factory=dict)  # by person
    newly: dict[int, int | None] = field(default_factory=dict)  # profile by person; None is still to be made


def read_all(items: Sequence[Mapping[str, Any]]) -> list[Person]:
    return [read_person(dict(one)) for one in items]


@transaction.atomic
def absorb(work: Work, persons: Sequence[Person]) -> None:
    """Take in what these persons say."""
    mirror.keep(work.connection, work.plan, [one for one in persons if not one.is_deleted], now=work.now())
    work.tally["scanned"] += len(persons)
    gone = [one.id for one in persons if one.is_deleted]
    if gone:
        bury(work, gone)
    batch = _looked_up(work, [one for one in persons if not one.is_deleted])
    _match(batch)
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


# Who is who


def _match(batch: Batch) -> None:
    """Find the profiles of persons without a link: by our own id in them, by e-mail address, by phone number."""
    work = batch.work
    unlinked = [one for one in batch.persons if one.id not in batch.links]
    if not unlinked or not work.connection.syncs("persons"):
        batch.persons = [one for one in batch.persons if one.id in batch.links]
        return
    candidates = _candidates(work, unlinked)
    everybody = {profile for found in candidates.values() for profile in found}
    taken = {profile: link.remote_id for profile, link in links.of_profiles(work.connection, everybody).items()}
    for person in unlinked:
        _settle(batch, person, candidates[person.id], taken)
    batch.persons = [one for one in batch.persons if one.id in batch.links or one.id in batch.newly]


def _candidates(work: Work, persons: Sequence[Person]) -> dict[int, list[int]]:
    """Profiles by person, the strongest kind of match only."""
    code = mirror.profile_code(work.connection)
    said = {one.id: mirror.said_profile(one, code) for one in persons}
    live = pulling.live_numbers(work.workspace, (one for one in said.values() if one is not None))
    found = {person: mirror.addresses(one, work.plan.setting) for one in persons for person in [one.id]}
    emails = pulling.owners_of(work.workspace, "email", {value for one, _ in found.values() for value in one})
    phones = pulling.owners_of(work.workspace, "phone", {value for _, one in found.values() for value in one})
    answer: dict[int, list[int]] = {}
    for person, (own_emails, own_phones) in found.items():
        own = said[person]
        by_id = [live[own]] if own in live else []
        by_email = [emails[one] for one in own_emails if one in emails]
        by_phone = [phones[one] for one in own_phones if one in phones]
        answer[person] = list(dict.fromkeys(by_id or by_email or by_phone))
    return answer


def _settle(batch: Batch, person: Person, candidates: list[int], taken: dict[int, int]) -> None:
    work = batch.work
    if len(candidates) > 1:
        first, second = candidates[:2]
        links.note_duplicate(work, Reason.PROFILE_TAKEN, local_id=first, other_id=second, remote_ids=[person.id])
    elif candidates and candidates[0] in taken:
        remotes = [taken[candidates[0]], person.id]
        links.note_duplicate(work, Reason.SEVERAL_PERSONS, local_id=candidates[0], remote_ids=remotes)
    elif candidates:
        batch.newly[person.id] = candidates[0]
        taken[candidates[0]] = person.id
    elif work.plan.comes_in and any(mirror.addresses(person, work.plan.setting)):
        if not _is_shared(batch, person):
            batch.newly[person.id] = None
    else:
        work.tally["skipped"] += 1


def _is_shared(batch: Batch, person: Person) -> bool:
    """Whether an earlier person of this page has the same address: only the first makes a profile."""
    mine = set(mirror.addresses(person, batch.work.plan.setting)[0])
    for other in batch.persons:
        if other.id in batch.newly and mine & set(mirror.addresses(other, batch.work.plan.setting)[0]):
            ids = [other.id, person.id]
            links.note_duplicate(batch.work, Reason.SEVERAL_PERSONS, local_id=None, remote_ids=ids)
            return True
    return False


# What they say


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
    for local, code in (
        ("email", "emails"),
        ("phone", "phones"),
        ("first_name", "first_name"),
        ("last_name", "last_name"),
    ):
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


# Gone


def bury(work: Work, remote_ids: Sequence[int]) -> None:
    """Deleted in Pipedrive: the profile stays, nothing is written to the person any more, and it is not made again."""
    ended = list(links.of_remotes(work.connection, remote_ids).values())
    mirror.drop(work.connection, remote_ids)
    ended = [link for link in ended if link.remote_state in (RemoteState.LIVE, RemoteState.INVISIBLE)]
    if work.dry_run:
        return
    links.end(ended, RemoteState.DELETED)
    outbox.forget(work.connection, "person", [link.local_id for link in ended])
    for link in ended:
        work.tally["deleted"] += 1
        work.note("deleted", local_id=link.local_id, remote_id=link.remote_id, title="Deleted in Pipedrive")


def hide(work: Work, remote_ids: Sequence[int]) -> None:
    """Not to be seen any more, which may mean anything: nothing is written until it is seen again."""
    ended = [one for one in links.of_remotes(work.connection, remote_ids).values() if one.remote_state == "live"]
    if not work.dry_run:
        links.end(ended, RemoteState.INVISIBLE)
        outbox.forget(work.connection, "person", [link.local_id for link in ended])
    work.tally["hidden"] += len(ended)


def follow_merge(work: Work, loser: int, survivor: int) -> None:
    """Two persons became one in Pipedrive: the link leads to what is left, unless that has one of its own."""
    found = links.of_remotes(work.connection, [loser, survivor])
    mirror.drop(work.connection, [loser])
    link = found.get(loser)
    if link is None or work.dry_run:
        return
    if survivor in found:
        other = found[survivor].local_id
        links.end([link], RemoteState.MERGED)
        outbox.forget(work.connection, "person", [link.local_id])
        reason = Reason.PERSONS_MERGED
        links.note_duplicate(work, reason, local_id=link.local_id, other_id=other, remote_ids=[survivor])
        return
    link.remote_id, link.remote_state, link.remote_hash = survivor, RemoteState.LIVE, ""
    link.remote_update_time = None
    link.save(update_fields=["remote_id", "remote_state", "remote_hash", "remote_update_time"])
    pulling.attach(work, {link.local_id: survivor})
    outbox.put(work.connection, "person", [link.local_id], now=work.now(), forced=True)
