"""The mirror: persons as Pipedrive showed them last, found by profile id, address or number without a call."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.crypto import salted_hmac

from integrations.models import PipedriveAddress, PipedriveConnection, PipedriveLink, PipedrivePerson
from integrations.pipedrive.fields import PROFILE_ID
from integrations.pipedrive.mapping import Setting, key_of, read_contact, theirs
from integrations.pipedrive.shapes import Person
from integrations.services.pipedrive.context import Plan

UPDATED = ["name", "emails", "phones", "profile_id", "values", "labels", "update_time", "seen_at"]


def addresses(person: Person, setting: Setting) -> tuple[list[str], list[str]]:
    """(e-mail addresses, phone numbers), each once, as Stratum writes them."""
    emails = (read_contact("emails", one.value, setting) for one in person.emails)
    phones = (read_contact("phones", one.value, setting) for one in person.phones)
    return list(dict.fromkeys(filter(None, emails))), list(dict.fromkeys(filter(None, phones)))


def profile_code(connection: PipedriveConnection) -> str | None:
    """The code of the field that holds our profile id, mapped or only found by its name."""
    mapped = connection.fields.filter(local="id", enabled=True).values_list("code", flat=True).first()
    named = (one["code"] for one in connection.remote_fields if one["is_custom"] and one["name"] == PROFILE_ID)
    return mapped or next(named, None)


def said_profile(person: Person, code: str | None) -> int | None:
    text = str(person.custom_fields.get(code) or "").strip() if code else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def keep(connection: PipedriveConnection, plan: Plan, persons: Sequence[Person], *, now: datetime) -> None:
    """In the caller's transaction. Of those whose profiles were erased only digests of their addresses are kept."""
    code, erased = profile_code(connection), erased_of(connection, [one.id for one in persons])
    rows, found = [], []
    for person in persons:
        emails, phones = addresses(person, plan.setting)
        if person.id in erased:
            rows.append(PipedrivePerson(connection=connection, remote_id=person.id, seen_at=now))
            emails, phones = [veiled(one) for one in emails], [veiled(one) for one in phones]
        else:
            rows.append(_row(connection, plan, person, emails, phones, code, now))
        found += [(person.id, "email", one) for one in emails] + [(person.id, "phone", one) for one in phones]
    PipedrivePerson.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["connection", "remote_id"], update_fields=UPDATED
    )
    ids = [person.id for person in persons]
    PipedriveAddress.objects.filter(connection=connection, remote_id__in=ids).delete()
    PipedriveAddress.objects.bulk_create(
        PipedriveAddress(connection=connection, remote_id=remote, kind=kind, value=value[:254])
        for remote, kind, value in found
    )


def _row(
    connection: PipedriveConnection,
    plan: Plan,
    person: Person,
    emails: list[str],
    phones: list[str],
    code: str | None,
    now: datetime,
) -> PipedrivePerson:
    return PipedrivePerson(
        connection=connection,
        remote_id=person.id,
        name=person.name[:300],
        emails=emails,
        phones=phones,
        profile_id=said_profile(person, code),
        values={key_of(pair): theirs(pair, person, plan.setting) for pair in plan.pairs},
        labels=list(person.label_ids),
        update_time=person.update_time,
        seen_at=now,
    )


def erased_of(connection: PipedriveConnection, remote_ids: Iterable[int]) -> set[int]:
    """Which of these persons were somebody who has been erased here."""
    links = connection.links.filter(kind="person", remote_state=PipedriveLink.RemoteState.ERASED)
    return set(links.filter(remote_id__in=remote_ids).values_list("remote_id", flat=True))


def veiled(address: str) -> str:
    """A digest that nobody without our key can tell the address from."""
    return f"veiled:{salted_hmac('pipedrive.address', address, algorithm='sha256').hexdigest()}"


def veil(connection: PipedriveConnection, remote_ids: Sequence[int]) -> None:
    """Their profiles are being erased: see `keep`."""
    rows = list(PipedriveAddress.objects.filter(connection=connection, remote_id__in=remote_ids))
    for row in rows:
        row.value = veiled(row.value)
    PipedriveAddress.objects.bulk_update(rows, ["value"])
    connection.persons.filter(remote_id__in=remote_ids).update(
        name="", emails=[], phones=[], profile_id=None, values={}, labels=[], update_time=None
    )


def drop(connection: PipedriveConnection, remote_ids: Iterable[int]) -> None:
    ids = list(remote_ids)
    PipedriveAddress.objects.filter(connection=connection, remote_id__in=ids).delete()
    PipedrivePerson.objects.filter(connection=connection, remote_id__in=ids).delete()


@transaction.atomic
def drop_unseen(connection: PipedriveConnection, *, before: datetime) -> list[int]:
    """Those that a look at every person did not show; their numbers."""
    unseen = connection.persons.filter(seen_at__lt=before)
    ids = list(unseen.values_list("remote_id", flat=True))
    drop(connection, ids)
    return ids


def by_profile(connection: PipedriveConnection, profile_ids: Iterable[int]) -> dict[int, list[int]]:
    """Numbers of the persons that name these profiles."""
    found: dict[int, list[int]] = defaultdict(list)
    rows = connection.persons.filter(profile_id__in=list(profile_ids)).order_by("remote_id")
    for profile, remote in rows.values_list("profile_id", "remote_id"):
        if profile is not None:
            found[profile].append(remote)
    return found


def by_address(connection: PipedriveConnection, kind: str, values: Iterable[str]) -> dict[str, list[int]]:
    """Numbers of the persons that have these addresses, veiled ones among them."""
    asked = {written: value for value in values for written in (value, veiled(value))}
    found: dict[str, list[int]] = defaultdict(list)
    rows = PipedriveAddress.objects.filter(connection=connection, kind=kind, value__in=list(asked))
    for written, remote in rows.order_by("remote_id").values_list("value", "remote_id"):
        found[asked[written]].append(remote)
    return found


def shown(connection: PipedriveConnection, remote_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Persons by number, for people who have to choose between them."""
    rows = connection.persons.filter(remote_id__in=list(remote_ids))
    return {
        row.remote_id: {"id": row.remote_id, "name": row.name, "emails": row.emails, "phones": row.phones}
        for row in rows
    }
