"""Faults 16 to 25: webhooks, echoes, conflicts, ping-pong, addresses, deletions, merges, fields, labels."""

from typing import Any

import pytest

from integrations.models import PipedriveConflict, PipedriveDuplicate, PipedriveField, PipedriveInbox, PipedriveLink
from integrations.queries import pipedrive as queries
from integrations.sandbox.pipedrive import fields as fake_fields
from integrations.sandbox.pipedrive import persons as fake_persons
from integrations.services.pipedrive import connecting, duplicates
from tests.integrations.pipedrive.stage import Stage, segment_of


def linked(stage: Stage, **given: Any) -> int:
    """Ada on both sides, in agreement; the number of her person."""
    given = {"email": "ada@x.io", "first_name": "Ada", "last_name": "Lovelace", **given}
    ada = stage.identify("u1", **given)
    stage.connect()
    stage.settle()
    stage.pass_time(minutes=20)
    return stage.link(ada).remote_id


def listening(stage: Stage) -> None:
    stage.fake.company.webhooks[1] = {"id": 1, "event_object": "*", "event_action": "*"}


@pytest.mark.parametrize("how", ["twice", "reversed", "late", "lost"])
def test_16_webhooks_go_astray(stage: Stage, how: str) -> None:
    person = linked(stage)
    listening(stage)
    stage.edit(person, first_name="Augusta", last_name="Lovelace")
    stage.pass_time(seconds=5)
    stage.edit(person, first_name="Augusta", last_name="King")
    if how == "late":
        stage.pass_time(minutes=10)
    if how == "lost":
        stage.fake.world.hooks.clear()
    stage.deliver(twice=how == "twice", reverse=how == "reversed")
    assert PipedriveInbox.objects.count() == (0 if how == "lost" else 2)
    stage.sync(trigger="manual" if how == "lost" else "webhook")
    attributes = stage.profile("u1").attributes
    assert (attributes["first_name"], attributes["last_name"]) == ("Augusta", "King")
    assert not PipedriveInbox.objects.filter(processed_at=None).exists()


def test_17_an_echo_and_a_human_edit_in_the_same_second(stage: Stage) -> None:
    person = linked(stage)
    listening(stage)
    stage.identify("u1", first_name="Augusta")
    stage.sync()
    stage.fake.company.persons[person]["last_name"] = "King"  # 200 ms later: the same update_time
    stage.deliver()
    stage.sync(trigger="webhook")
    attributes = stage.profile("u1").attributes
    assert (attributes["first_name"], attributes["last_name"]) == ("Augusta", "King")
    stage.fake.calls.clear()
    stage.settle()
    assert stage.fake.writes() == []


def test_18_both_edit_different_fields(stage: Stage) -> None:
    person = linked(stage)
    stage.identify("u1", first_name="Augusta")
    stage.edit(person, first_name="Ada", last_name="King")
    stage.settle()
    assert stage.only_person()["name"] == "Augusta King"
    assert stage.profile("u1").attributes["last_name"] == "King"
    assert stage.profile("u1").attributes["first_name"] == "Augusta"


@pytest.mark.parametrize(
    ("rule", "winner"),
    [("newest", "Pipedrive"), ("crm_wins", "Pipedrive"), ("stratum_wins", "Stratum"), ("fill_blank", None)],
)
def test_18_both_edit_one_field(stage: Stage, rule: str, winner: str | None) -> None:
    person = linked(stage)
    PipedriveField.objects.filter(local="last_name").update(rule=rule)
    stage.identify("u1", last_name="Stratum")
    stage.pass_time(seconds=30)
    stage.edit(person, first_name="Ada", last_name="Pipedrive")
    stage.settle()
    ours, theirs = stage.profile("u1").attributes["last_name"], stage.only_person()["last_name"]
    assert (ours, theirs) == ((winner, winner) if winner else ("Stratum", "Pipedrive"))
    assert PipedriveConflict.objects.filter(local="last_name").exists() is (winner is not None)


def test_18_the_newer_edit_of_ours_wins(stage: Stage) -> None:
    person = linked(stage)
    stage.edit(person, first_name="Ada", last_name="Pipedrive")
    stage.pass_time(seconds=30)
    stage.identify("u1", last_name="Stratum")
    stage.settle()
    assert stage.only_person()["last_name"] == "Stratum"
    assert stage.profile("u1").attributes["last_name"] == "Stratum"


def test_19_the_server_writes_values_its_own_way(stage: Stage) -> None:
    stage.fake.company.habits.normalises = True
    linked(stage, phone="+49 30 901820", first_name="Ada  Augusta")
    assert stage.only_person()["phones"][0]["value"] == "+49 309 01820"
    stage.fake.calls.clear()
    for _ in range(2):
        stage.pass_time(minutes=20)
        stage.sync()
    assert stage.fake.writes() == []


def test_20_the_address_changes_in_pipedrive(stage: Stage) -> None:
    person = linked(stage)
    stage.edit(person, emails=["countess@x.io"])
    stage.settle()
    assert len(stage.persons) == 1
    assert stage.profile_by_email("countess@x.io").pk == stage.profile("u1").pk
    stage.settle()
    assert [one["value"] for one in stage.only_person()["emails"]] == ["countess@x.io"]


def test_20_an_address_of_another_profile_is_not_taken_over(stage: Stage) -> None:
    person = linked(stage)
    stage.identify("u2", email="bob@x.io", first_name="Bob")
    stage.settle()
    stage.edit(person, emails=["bob@x.io"])
    stage.settle()
    assert stage.profile("u1").pk != stage.profile("u2").pk
    assert PipedriveDuplicate.objects.filter(state="open", reason="profile_taken").exists()


def test_21_two_persons_share_the_address(stage: Stage) -> None:
    for name in ("Ada One", "Ada Two"):
        stage.person(name=name, emails=["ada@x.io"])
    stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    stage.settle()
    assert len(stage.persons) == 2
    assert PipedriveLink.objects.count() == 1
    [duplicate] = queries.duplicates(stage.connection)
    assert duplicate.remote_ids == [1, 2]
    duplicates.resolve(
        workspace=stage.workspace, by=stage.by, duplicate_id=duplicate.pk, choice="merge", person_id=2, now=stage.now
    )
    stage.settle()
    assert stage.only_person()["id"] == 2
    assert PipedriveLink.objects.get().remote_id == 2
    assert not queries.duplicates(stage.connection).exists()


def test_21_one_person_with_three_addresses(stage: Stage) -> None:
    person = stage.person(name="Ada", emails=["a@x.io", "ada@x.io", "b@x.io"])["id"]
    ada = stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    stage.settle()
    assert stage.link(ada).remote_id == person
    stage.identify("u1", email="new@x.io")
    stage.settle()
    values = [one["value"] for one in stage.only_person()["emails"]]
    assert values[0] == "new@x.io"
    assert set(values) >= {"a@x.io", "b@x.io"}  # what a person added stays


def test_22_deleted_while_an_update_waits(stage: Stage) -> None:
    person = linked(stage)
    stage.identify("u1", first_name="Augusta")
    fake_persons.remove(stage.fake.world, person)
    stage.fake.calls.clear()
    stage.settle()
    stage.pass_time(days=1)
    stage.settle()
    assert stage.persons == []
    assert stage.fake.writes() == []
    assert PipedriveLink.objects.get().remote_state == "deleted"
    assert stage.profile("u1").attributes["first_name"] == "Augusta"


def test_22_a_list_that_shows_the_deleted(stage: Stage) -> None:
    person = linked(stage)
    stage.fake.company.habits.lists_deleted = True
    stage.pass_time(minutes=20)
    fake_persons.remove(stage.fake.world, person)
    stage.sync()
    assert PipedriveLink.objects.get().remote_state == "deleted"
    stage.identify("u1", first_name="Augusta")
    stage.settle()
    assert stage.persons == []


def test_22_a_deletion_told_by_webhook(stage: Stage) -> None:
    person = linked(stage)
    listening(stage)
    stage.fake.company.habits.shows_deleted = False
    fake_persons.remove(stage.fake.world, person)
    stage.deliver()
    stage.sync(trigger="webhook")
    assert PipedriveLink.objects.get().remote_state == "deleted"


def test_23_the_link_follows_a_merge(stage: Stage) -> None:
    person = linked(stage)
    listening(stage)
    other = stage.person(name="Ada Again")["id"]
    stage.settle()
    stage.deliver()
    stage.sync(trigger="webhook")
    fake_persons.unite(stage.fake.world, person, other)
    stage.deliver()
    stage.settle()
    assert PipedriveLink.objects.get().remote_id == other
    stage.pass_time(minutes=20)
    stage.identify("u1", last_name="King")
    stage.settle()
    assert stage.only_person()["last_name"] == "King"


def test_23_two_linked_persons_are_merged(stage: Stage) -> None:
    person = linked(stage)
    listening(stage)
    bob = stage.identify("u2", email="bob@x.io", first_name="Bob")
    stage.settle()
    stage.fake.world.hooks.clear()
    fake_persons.unite(stage.fake.world, person, stage.link(bob).remote_id)
    stage.deliver()
    stage.settle()
    assert PipedriveDuplicate.objects.filter(reason="persons_merged", state="open").exists()
    assert len(stage.persons) == 1


def test_24_a_field_is_deleted(stage: Stage) -> None:
    person = linked(stage)
    code = stage.code("Stratum - Profile ID")
    fake_fields.delete(stage.fake.world, code)
    stage.identify("u1", first_name="Augusta")
    stage.identify("u3", email="new@x.io", first_name="New")
    stage.settle()
    assert stage.fake.company.persons[person]["first_name"] == "Augusta"
    assert len(stage.persons) == 2
    line = PipedriveField.objects.get(local="id")
    assert not line.enabled and line.problem
    assert any("Profile ID" in one for one in queries.status(stage.workspace, now=stage.now).warnings)


def test_24_a_field_is_renamed_and_another_has_its_name(stage: Stage) -> None:
    linked(stage)
    code = stage.code("Stratum - Profile ID")
    stage.fake.company.field_by_code(code)["field_name"] = "Renamed"
    second = fake_fields.add(stage.fake.world, "Stratum - Profile ID", "varchar")
    bob = stage.identify("u2", email="bob@x.io", first_name="Bob")
    stage.pass_time(hours=2)
    stage.settle()
    made = next(one for one in stage.persons if one["id"] == stage.link(bob).remote_id)
    assert made["custom_fields"] == {code: str(bob.pk)}
    assert second["field_code"] not in made["custom_fields"]
    assert PipedriveField.objects.get(local="id").remote_name == "Renamed"


def test_24_the_type_of_a_field_changes(stage: Stage) -> None:
    linked(stage)
    code = stage.code("Stratum - Profile ID")
    stage.fake.company.field_by_code(code)["field_type"] = "double"
    stage.identify("u2", email="bob@x.io", first_name="Bob")
    stage.settle()
    stage.pass_time(hours=2)
    stage.settle()
    assert len(stage.persons) == 2
    assert "type" in PipedriveField.objects.get(local="id").problem or PipedriveField.objects.get(local="id").problem


def test_24_an_option_is_deleted(stage: Stage) -> None:
    vip = segment_of(stage, "VIP", ["u1"])
    linked(stage)
    connecting.update_settings(workspace=stage.workspace, by=stage.by, now=stage.now, labels=[vip.pk])
    stage.settle()
    before = stage.connection.labels.get().option_id
    assert before in stage.only_person()["label_ids"]
    fake_fields.delete_option(stage.fake.world, "label_ids", before)
    stage.pass_time(hours=2)
    stage.settle()
    after = stage.connection.labels.get().option_id
    assert after != before
    assert after in stage.only_person()["label_ids"]


def test_25_a_label_of_a_person_is_kept(stage: Stage) -> None:
    vip = segment_of(stage, "VIP", ["u1"])
    person = linked(stage)
    stage.edit(person, label_ids=[*stage.fake.company.persons[person]["label_ids"], 2])
    connecting.update_settings(workspace=stage.workspace, by=stage.by, now=stage.now, labels=[vip.pk])
    stage.settle()
    option = stage.connection.labels.get().option_id
    assert {2, option} <= set(stage.only_person()["label_ids"])
    connecting.update_settings(workspace=stage.workspace, by=stage.by, now=stage.now, labels=[])
    stage.settle()
    stage.settle()
    assert 2 in stage.only_person()["label_ids"]
    assert option not in stage.only_person()["label_ids"]
    assert stage.fake.company.filters == {}


def test_25_one_stage_at_a_time(stage: Stage) -> None:
    person = linked(stage)
    options = stage.connection.lifecycle_options
    assert stage.fake.company.persons[person]["label_ids"] == [options["known"]]
    stage.track("u1", "purchase", revenue=10)
    stage.settle()
    assert stage.only_person()["label_ids"] == [options["customer"]]


def test_25_the_account_takes_no_more_labels(stage: Stage) -> None:
    vip = segment_of(stage, "VIP", ["u1"])
    stage.fake.company.habits.label_limit = 6
    linked(stage)
    connecting.update_settings(workspace=stage.workspace, by=stage.by, now=stage.now, labels=[vip.pk])
    run = stage.sync()
    assert run.state == "succeeded", run.error
    assert "limit" in stage.connection.labels.get().problem
    assert len(stage.persons) == 1


def test_25_options_by_the_old_call(stage: Stage) -> None:
    vip = segment_of(stage, "VIP", ["u1"])
    stage.fake.company.habits.takes_label_options = False
    linked(stage)
    connecting.update_settings(workspace=stage.workspace, by=stage.by, now=stage.now, labels=[vip.pk])
    stage.settle()
    assert stage.connection.labels.get().option_id in stage.only_person()["label_ids"]
    names = [one["label"] for one in stage.fake.company.field_by_code("label_ids")["options"]]
    assert {"Hot lead", "VIP"} <= set(names)
