"""Persons both ways, over a real wire."""

from datetime import timedelta

import pytest
from django.db import transaction

from integrations.models import PipedriveConnection, PipedriveRow, PipedriveRun
from integrations.services.pipedrive import runs
from stratum.lib.refusal import NotAllowed
from stratum.workspaces.models import Workspace
from tests.integrations.pipedrive.stage import Stage


def test_a_profile_becomes_a_person(stage: Stage) -> None:
    ada = stage.identify("u1", email="Ada@X.io", first_name="Ada", last_name="Lovelace", phone="+49 30 901820")
    stage.connect()
    run = stage.sync()
    assert run.state == "succeeded", run.error
    person = stage.only_person()
    assert (person["first_name"], person["last_name"]) == ("Ada", "Lovelace")
    assert [one["value"] for one in person["emails"]] == ["ada@x.io"]
    assert [one["value"] for one in person["phones"]] == ["+4930901820"]
    assert person["custom_fields"][stage.code()] == str(ada.pk)
    assert run.counts["created"] == 1


def test_an_unchanged_record_costs_no_call(stage: Stage) -> None:
    stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    stage.settle()
    stage.fake.calls.clear()
    run = stage.sync()
    assert run.state == "succeeded"
    assert stage.fake.writes() == []
    assert stage.fake.calls == ["GET persons", "GET deals", "GET deals", "GET deals/archived"]


def test_a_person_becomes_a_profile(stage: Stage) -> None:
    stage.person(name="Grace Hopper", emails=["grace@navy.mil"], phones=["+1 415 555 2671"])
    stage.connect()
    stage.settle()
    grace = stage.profile_by_email("grace@navy.mil")
    assert (grace.attributes["first_name"], grace.attributes["last_name"]) == ("Grace", "Hopper")
    assert grace.attributes["phone"] == "+14155552671"
    assert len(stage.persons) == 1
    assert stage.only_person()["custom_fields"][stage.code()] == str(grace.pk)


def test_they_are_matched_by_email(stage: Stage) -> None:
    stage.person(name="Ada King", emails=["ada@x.io"])
    ada = stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    stage.settle()
    assert len(stage.persons) == 1
    assert stage.link(ada).remote_id == stage.only_person()["id"]
    assert stage.profile("u1").attributes["last_name"] == "King"


def test_edits_travel_both_ways(stage: Stage) -> None:
    ada = stage.identify("u1", email="ada@x.io", first_name="Ada", last_name="Lovelace")
    stage.connect()
    stage.settle()
    stage.identify("u1", first_name="Augusta")
    stage.settle()
    assert stage.only_person()["first_name"] == "Augusta"
    stage.pass_time(minutes=1)
    stage.edit(stage.link(ada).remote_id, first_name="Augusta", last_name="King")
    stage.settle()
    assert stage.profile("u1").attributes["last_name"] == "King"
    stage.fake.calls.clear()
    stage.settle()
    assert stage.fake.writes() == []


def test_a_plan_without_a_crm_pauses_the_schedule_and_loses_nothing(stage: Stage) -> None:
    stage.connect()
    connection, workspace = stage.connection, stage.workspace
    PipedriveConnection.objects.filter(pk=connection.pk).update(next_sync_at=stage.now, schedule="hourly")
    Workspace.objects.filter(pk=workspace.pk).update(plan="starter")
    workspace.refresh_from_db()
    with pytest.raises(NotAllowed, match="Pipedrive CRM is part of the Professional plan"):
        runs.start_sync(workspace=workspace, by=stage.by, now=stage.now)
    with transaction.atomic():
        runs.claim_due(stage.now)
    assert not PipedriveRun.objects.exists()
    assert stage.reload().next_sync_at == stage.now + timedelta(hours=1)
    Workspace.objects.filter(pk=workspace.pk).update(plan="professional")
    with transaction.atomic():
        runs.claim_due(stage.now + timedelta(hours=1))
    assert PipedriveRun.objects.get().trigger == "schedule"


def test_runs_are_forgotten_after_ninety_days_unless_somebody_is_waited_for(stage: Stage) -> None:
    stage.identify("u1", email="ada@x.io")
    stage.connect()
    done, waiting, young = stage.sync("full"), stage.begin(), stage.begin()
    PipedriveRow.objects.create(run=waiting, kind="person", action="failed", state="open", at=stage.now)
    PipedriveRun.objects.filter(pk__in=[waiting.pk, young.pk]).update(state="failed")
    PipedriveRun.objects.filter(pk=young.pk).update(created_at=stage.now + timedelta(days=1))
    stage.pass_time(days=90)
    last = stage.sync()
    assert last.state == "succeeded"
    left = set(PipedriveRun.objects.values_list("pk", flat=True))
    assert left == {waiting.pk, young.pk, last.pk}
    assert not PipedriveRow.objects.filter(run=done.pk).exists()
