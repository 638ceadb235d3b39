"""What comes from Pipedrive is told to the profile as an `identify`, as if an SDK had sent it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from cdp.models import Identifier, Profile
from cdp.queries.arrays import NOBODY
from cdp.queries.survivors import survivors
from cdp.services import profiles as cdp_services
from cdp.services.ingest import ingest
from integrations.pipedrive.canonical import Canonical
from integrations.pipedrive.fields import ATTRIBUTES
from integrations.pipedrive.mapping import Pair, digest, pulled
from integrations.pipedrive.shapes import Person
from integrations.queries import pipedrive_local
from integrations.queries.pipedrive_local import Local
from integrations.services.pipedrive.context import Work
from stratum.lib.clock import MICROSECOND
from stratum.workspaces.models import Workspace

DEVICE = "anonymous_id"  # the kind of identifier by which a person of Pipedrive finds its profile
NEW_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Pull:
    """What a person says anew. `profile_id` None makes a profile."""

    person: Person
    values: Mapping[Pair, Canonical]
    profile_id: int | None
    known_times: Mapping[str, datetime]


def address_of(company_id: int, person_id: int) -> str:
    return f"pipedrive:{company_id}:{person_id}"


def attach(work: Work, links: Mapping[int, int]) -> None:
    """Let profiles be found by their persons: number of the person by number of the profile."""
    values = {profile: address_of(work.connection.company_id, person) for profile, person in links.items()}
    cdp_services.attach(workspace=work.workspace, kind=DEVICE, values=values, now=work.now())


def apply(work: Work, pulls: Sequence[Pull]) -> dict[int, Local]:
    """Tell the profiles, in the caller's transaction; how they stand now, by number of the person.

    The instant is now, or just after what was told last: what was decided must not lose to its own clock.
    """
    if not pulls:
        return {}
    now = work.now()
    items = [_identify(work, pull, now) for pull in pulls]
    ingest(workspace=work.workspace, source=None, items=items, received_at=now)
    owners = profiles_of(work.workspace, work.connection.company_id, [pull.person.id for pull in pulls])
    found = pipedrive_local.read(work.workspace, list(owners.values()), names=work.plan.names, now=now)
    return {person: found[profile] for person, profile in owners.items() if profile in found}


def _identify(work: Work, pull: Pull, now: datetime) -> dict[str, Any]:
    traits = {pair.local.removeprefix(ATTRIBUTES): pulled(pair, value) for pair, value in pull.values.items()}
    latest = max([now, *(at + MICROSECOND for at in pull.known_times.values() if at <= now + timedelta(hours=1))])
    address = address_of(work.connection.company_id, pull.person.id)
    stamp = pull.person.update_time.isoformat() if pull.person.update_time else ""
    return {
        "type": "identify",
        "messageId": f"{address}:{digest([traits, stamp, latest.isoformat()])}",
        "anonymousId": address,
        "traits": traits,
        "timestamp": latest.isoformat(),
        "context": {"library": {"name": "pipedrive"}},
    }


def profiles_of(workspace: Workspace, company_id: int, person_ids: Iterable[int]) -> dict[int, int]:
    """Live profiles by the persons that lead there."""
    asked = {address_of(company_id, person): person for person in person_ids}
    owners = owners_of(workspace, DEVICE, asked)
    return {asked[value]: profile for value, profile in owners.items()}


def owners_of(workspace: Workspace, kind: str, values: Iterable[str]) -> dict[str, int]:
    """The live profile behind each identifier that somebody has."""
    rows = Identifier.objects.filter(workspace=workspace, kind=kind, value__in=list(values))
    found = dict(rows.values_list("value", "profile_id"))
    lives = live_numbers(workspace, found.values())
    return {value: lives[profile] for value, profile in found.items() if profile in lives}


def live_numbers(workspace: Workspace, profile_ids: Iterable[int]) -> dict[int, int]:
    """Each number and that of the profile it stands for now; erased ones are left out."""
    rows = Profile.objects.filter(workspace=workspace, pk__in=set(profile_ids), erased_at=None)
    return {pk: merged_into or pk for pk, merged_into in rows.values_list("pk", "merged_into")}


def alive(workspace: Workspace, profile_ids: Iterable[int]) -> set[int]:
    numbers = np.array(sorted(set(profile_ids)), np.int64)
    return set(survivors(workspace, numbers if len(numbers) else NOBODY).tolist())
