"""Whose profile a person of Pipedrive is."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from integrations.models import PipedriveDuplicate, PipedriveLink
from integrations.pipedrive.comparing import Compared
from integrations.pipedrive.shapes import Person
from integrations.queries.pipedrive_local import Local
from integrations.services.pipedrive import links, mirror, pulling
from integrations.services.pipedrive.context import Work

Reason = PipedriveDuplicate.Reason


@dataclass(slots=True)
class Batch:
    """One page on its way in."""

    work: Work
    persons: list[Person]
    links: dict[int, PipedriveLink]
    locals: dict[int, Local] = field(default_factory=dict)  # by profile
    compared: dict[int, Compared] = field(default_factory=dict)  # by person
    newly: dict[int, int | None] = field(default_factory=dict)  # profile by person; None is still to be made


def match(batch: Batch) -> None:
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
