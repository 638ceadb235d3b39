"""What somebody may ask for: everything stored about them, and its erasure with a proof."""

import json
from datetime import datetime, timedelta

import numpy as np
from django.http import StreamingHttpResponse
from django.test import Client
from rest_framework.test import APIClient

from cdp.models import Profile
from cdp.services import ingest, profiles, segments
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Workspace
from trustlayer.models import LedgerEntry
from trustlayer.services import verification

API = "/api/v1/cdp/profiles"


def read(answer: object) -> dict[str, object]:
    assert isinstance(answer, StreamingHttpResponse)
    whole: dict[str, object] = json.loads(b"".join(answer.streaming_content))  # type: ignore[arg-type]
    return whole


def test_it_works(workspace: Workspace, anna: Profile, as_alice: Client, by_alice: Actor, now: datetime) -> None:
    people = np.array([anna.pk])
    segment = segments.create_static(
        workspace=workspace, by=by_alice, now=now, name="Friends", description="", profiles=people
    )
    answer = as_alice.get(f"/dashboard/cdp/profiles/{anna.pk}/export")
    assert answer["Content-Disposition"] == f'attachment; filename="profile-{anna.pk}.json"'
    found = read(answer)
    assert found["profile"] == anna.pk
    assert found["identifiers"]["user_id"]
    assert [stay["segment"] for stay in found["segments"]] == [segment.name]
    assert found["events"]
    assert {event["name"] for event in found["events"]} >= {"purchase"}


def test_a_program_reads_the_same(anna: Profile, as_alice: Client, api: APIClient, now: datetime) -> None:
    page = read(as_alice.get(f"/dashboard/cdp/profiles/{anna.pk}/export"))
    assert read(api.get(f"{API}/{anna.pk}/export")) == page


def test_it_tells_of_merged_profiles_and_long_lives(
    workspace: Workspace, anna: Profile, as_alice: Client, now: datetime
) -> None:
    items = [
        {"type": "track", "event": f"e{n}", "userId": "long", "messageId": f"m{n}", "timestamp": now.isoformat()}
        for n in range(2_300)
    ]
    ingest.ingest(workspace=workspace, source=None, items=items, received_at=now + timedelta(seconds=1))
    long = Profile.objects.get(user_id="long")
    found = read(as_alice.get(f"/dashboard/cdp/profiles/{long.pk}/export"))
    assert len(found["events"]) == 2_300


def test_it_checks_ownership(
    workspace: Workspace, anna: Profile, as_charlie: Client, stranger_api: APIClient, as_role: object
) -> None:
    assert as_charlie.get(f"/dashboard/cdp/profiles/{anna.pk}/export").status_code == 404
    assert stranger_api.get(f"{API}/{anna.pk}/export").status_code == 404
    assert as_role("viewer").get(f"/dashboard/cdp/profiles/{anna.pk}/export").status_code == 403


def test_an_erasure_stands_in_the_book(workspace: Workspace, anna: Profile, by_alice: Actor, now: datetime) -> None:
    profiles.erase(workspace=workspace, profile=anna, by=by_alice, now=now)
    entry = LedgerEntry.objects.get(workspace=workspace, kind=LedgerEntry.Kind.ERASURE)
    assert entry.reason == f"Profile {anna.pk} was erased: identifiers, attributes and the content of its events"
    assert entry.user == by_alice.label
    evidence = json.loads(entry.evidence)
    assert evidence["profiles"] == [anna.pk]
    assert evidence["events"] > 0
    assert {"segments", "traits"} <= set(evidence["rooms"])
    assert "anna" not in entry.evidence.lower()
    assert verification.check(workspace).broken is None


def test_an_erased_profile_has_no_export(workspace: Workspace, anna: Profile, as_alice: Client, now: datetime) -> None:
    profiles.erase(workspace=workspace, profile=anna, by=SYSTEM, now=now)
    assert as_alice.get(f"/dashboard/cdp/profiles/{anna.pk}/export").status_code == 404
