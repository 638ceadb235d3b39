"""What the lists of the status page show, with the names that people know records by."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cdp.queries import profiles
from integrations.models import (
    PipedriveConflict,
    PipedriveConnection,
    PipedriveDuplicate,
    PipedriveLink,
    PipedriveOutbox,
    PipedrivePerson,
    PipedriveRow,
)
from integrations.pipedrive.fields import label_of
from stratum.workspaces.models import Workspace

PERSON = "person"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person that may be the profile; `linked_to` is the profile that has it now."""

    id: int
    name: str
    emails: str
    phones: str
    url: str
    linked_to: int | None


@dataclass(frozen=True, slots=True)
class DuplicateCard:
    duplicate: PipedriveDuplicate
    profile: int | None
    name: str
    reason: str
    persons: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class ConflictCard:
    conflict: PipedriveConflict
    profile: int
    name: str
    field: str


@dataclass(frozen=True, slots=True)
class RowCard:
    row: PipedriveRow
    profile: int | None
    name: str
    request: str


@dataclass(frozen=True, slots=True)
class Difference:
    field: str
    ours: Any
    theirs: Any


@dataclass(frozen=True, slots=True)
class PersonOfProfile:
    """What a profile's page says about its person in Pipedrive."""

    person: int
    url: str
    state: str
    synced_at: datetime
    waiting: str
    differences: tuple[Difference, ...]


def person_url(connection: PipedriveConnection, person_id: int) -> str:
    """Where people find it; nothing for the sandbox, which has no pages."""
    return "" if connection.is_sandbox else f"https://{connection.company_domain}.pipedrive.com/person/{person_id}"


def duplicate_cards(workspace: Workspace, found: Sequence[PipedriveDuplicate]) -> list[DuplicateCard]:
    """Of one connection; four queries."""
    if not found:
        return []
    connection = found[0].connection
    names = profiles.names(workspace, [one.local_id for one in found if one.local_id is not None])
    persons = _candidates(connection, [number for one in found for number in one.remote_ids])
    return [
        DuplicateCard(
            one,
            one.local_id,
            names.get(one.local_id or 0, "Somebody"),
            str(one.get_reason_display()),
            tuple(persons[number] for number in one.remote_ids),
        )
        for one in found
    ]


def _candidates(connection: PipedriveConnection, numbers: Iterable[int]) -> dict[int, Candidate]:
    asked = set(numbers)
    mirror = {one.remote_id: one for one in connection.persons.filter(remote_id__in=asked)}
    links = connection.links.filter(kind=PERSON, remote_id__in=asked).values_list("remote_id", "local_id")
    owners = dict(links)
    return {number: _candidate(connection, number, mirror.get(number), owners.get(number)) for number in asked}


def _candidate(
    connection: PipedriveConnection, number: int, person: PipedrivePerson | None, owner: int | None
) -> Candidate:
    url = person_url(connection, number)
    if person is None:
        return Candidate(number, f"Person {number}", "", "", url, owner)
    name = person.name or f"Person {number}"
    return Candidate(number, name, ", ".join(person.emails), ", ".join(person.phones), url, owner)


def conflict_cards(workspace: Workspace, found: Sequence[PipedriveConflict]) -> list[ConflictCard]:
    names = profiles.names(workspace, [one.link.local_id for one in found])
    return [
        ConflictCard(one, one.link.local_id, names.get(one.link.local_id, "Somebody"), label_of(one.local))
        for one in found
    ]


def row_cards(workspace: Workspace, found: Sequence[PipedriveRow]) -> list[RowCard]:
    """Rows of persons lead to their profile; those of activities, deals and labels lead nowhere."""
    keys = [row.local_id for row in found if row.kind == PERSON and row.local_id is not None]
    names = profiles.names(workspace, keys) if keys else {}
    return [_row_card(row, names) for row in found]


def _row_card(row: PipedriveRow, names: Mapping[int, str]) -> RowCard:
    known = row.local_id if row.kind == PERSON and row.local_id in names else None
    name = names.get(row.local_id or 0) or row.kind.capitalize()
    return RowCard(row, known, name, json.dumps(row.request, indent=2, ensure_ascii=False) if row.request else "")


def person_of_profile(workspace: Workspace, profile_id: int, now: datetime) -> PersonOfProfile | None:
    """None where no connection or no link is there."""
    connection = PipedriveConnection.objects.filter(workspace=workspace).first()
    if connection is None or connection.state == PipedriveConnection.State.DISCONNECTED:
        return None
    link = connection.links.filter(kind=PERSON, local_id=profile_id).first()
    if link is None:
        return None
    return PersonOfProfile(
        link.remote_id,
        person_url(connection, link.remote_id),
        "" if link.remote_state == PipedriveLink.RemoteState.LIVE else str(link.get_remote_state_display()),
        link.synced_at,
        _waiting(connection, profile_id),
        tuple(_differences(connection, link)),
    )


def _waiting(connection: PipedriveConnection, profile_id: int) -> str:
    row = connection.outbox.filter(kind=PERSON, local_id=profile_id).first()
    if row is None:
        return ""
    if row.state == PipedriveOutbox.State.WAITING:
        return f"for a person to decide: {row.last_error}"
    if row.state == PipedriveOutbox.State.DEAD:
        return f"given up: {row.last_error}"
    return "for the next sync"


def _differences(connection: PipedriveConnection, link: PipedriveLink) -> Iterable[Difference]:
    """Where the two sides, when last compared, did not come to say the same."""
    mirror = connection.persons.filter(remote_id=link.remote_id).first()
    for line in connection.fields.filter(enabled=True).order_by("position", "id"):
        key = f"{line.code}:{line.local}"
        both = link.base.get(key)
        if both is None:
            continue
        theirs = mirror.values.get(key) if mirror else both.get("t")
        if "o" not in both or theirs != both.get("t"):
            yield Difference(label_of(line.local), both.get("o"), theirs)
