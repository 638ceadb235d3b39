"""What the sync keeps about a person: told to whoever asks for it, and gone when they are erased."""

import json
from typing import Any

from django.core import serializers

from cdp.models import Profile
from cdp.queries import subject
from cdp.services import profiles
from integrations import models
from integrations.models import PipedriveDuplicate, PipedriveLink, PipedriveRow
from integrations.pipedrive.choices import ActivityEvent
from integrations.services.pipedrive import connecting, previews
from tests.integrations.pipedrive.stage import Stage

SECRETS = ("ada@x.io", "Lovelace", "Countess")


def told(stage: Stage, profile: Profile) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(b"".join(subject.document(stage.workspace, profile, now=stage.now)))
    found: dict[str, Any] = whole["pipedrive"]
    return found


def lived(stage: Stage) -> Profile:
    """Somebody with everything that the sync can keep about them, and Grace, who stays."""
    ada = stage.identify("u1", email="ada@x.io", first_name="Ada", last_name="Byron")
    stage.identify("u2", email="grace@x.io", first_name="Grace", last_name="Hopper")
    stage.connect()
    connecting.update_settings(
        workspace=stage.workspace,
        by=stage.by,
        now=stage.now,
        objects=["persons", "activities", "deals"],
        activities=[ActivityEvent("purchase", "task")],
    )
    stage.fake.company.webhooks[1] = {"id": 1, "event_object": "person", "event_action": "*"}
    stage.settle()
    person = stage.link(ada).remote_id
    stage.track("u1", "purchase", product="Countess Ring")
    stage.deal(title="Countess", person_id=person, value=10, status="won")
    stage.identify("u1", last_name="King")
    stage.edit(person, first_name="Ada", last_name="Lovelace")
    stage.deliver()
    stage.settle()
    previews.test_profile(workspace=stage.workspace, by=stage.by, profile_id=ada.pk, now=stage.clock.ours)
    return ada


def test_what_is_kept_is_told(stage: Stage) -> None:
    ada = lived(stage)
    found = told(stage, ada)
    assert [one["person"] for one in found["links"]] == [stage.link(ada).remote_id]
    assert [one["name"] for one in found["persons"]] == ["Ada Lovelace"]
    assert [one["title"] for one in found["deals"]] == ["Countess"]
    assert len(found["activities"]) == 1
    assert [one["local"] for one in found["conflicts"]] == ["last_name"]
    assert {one["action"] for one in found["sync_rows"]} >= {"create", "activity", "revenue"}
    assert found["tests"][0]["exchanges"]
    assert "Grace" not in json.dumps(found)


def test_a_workspace_without_a_crm_has_nothing_to_tell(stage: Stage) -> None:
    whole = subject.document(stage.workspace, stage.identify("u1", email="ada@x.io"), now=stage.now)
    assert json.loads(b"".join(whole))["pipedrive"] is None


def test_erased_nothing_is_left(stage: Stage) -> None:
    ada = lived(stage)
    assert all(secret in kept() for secret in SECRETS)
    profiles.erase(workspace=stage.workspace, profile=ada, by=stage.by, now=stage.now)
    assert not [secret for secret in SECRETS if secret in kept()]
    assert "Hopper" in kept()
    stage.edit(stage.link(ada).remote_id, first_name="Ada", last_name="Lovelace")
    stage.edit_deal(stage.connection.deals.get().remote_id, title="Countess Lovelace", value=11)
    stage.deliver()
    stage.pass_time(days=1, minutes=1)
    stage.settle()
    left = [row for row in kept().splitlines() if "ada@x.io" in row or "Lovelace" in row]
    assert not left, "the next look brought it back"
    assert len(stage.persons) == 2
    assert not PipedriveRow.objects.filter(local_id=ada.pk).exists()


def kept() -> str:
    """Every row that the sync has stored, as text."""
    rows = [
        row for name in models.__all__ if name.startswith("Pipedrive") for row in getattr(models, name).objects.all()
    ]
    return serializers.serialize("jsonl", rows)


def test_who_comes_again_is_no_second_person(stage: Stage) -> None:
    ada = stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    stage.settle()
    profiles.erase(workspace=stage.workspace, profile=ada, by=stage.by, now=stage.now)
    stage.pass_time(minutes=5)
    stage.identify("u9", email="ada@x.io", first_name="Ada")
    stage.pass_time(days=1)
    for _ in range(3):
        stage.sync()
        stage.pass_time(minutes=6)
    assert len(stage.persons) == 1
    assert PipedriveDuplicate.objects.get().reason == "person_taken"
    assert PipedriveLink.objects.get(kind="person").remote_state == "erased"
