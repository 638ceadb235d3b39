"""Faults 1 to 8: lost answers, slow answers, killed workers, rivals, and a search that lies."""

from threading import Thread

import pytest
from django.db import connections

from integrations.models import PipedriveLink, PipedriveOutbox
from integrations.pipedrive.choices import ActivityEvent
from integrations.sandbox.wire import reply
from integrations.services.pipedrive import connecting, creating, gateway, links, mapping, outbox, previews, sync
from stratum.lib.refusal import Refusal
from tests.integrations.pipedrive.stage import TOKEN, Stage, segment_of


def test_1_the_answer_of_a_creation_is_lost(stage: Stage) -> None:
    ada = stage.identify("u1", email="ada@x.io", first_name="Ada", last_name="L")
    stage.connect()
    stage.fake.spoil("drop_after", "POST", "/persons")
    run = stage.sync()
    assert run.counts["ambiguous"] == 1
    assert PipedriveOutbox.objects.get().state == "ambiguous"
    stage.settle()
    assert stage.link(ada).remote_id == stage.only_person()["id"]


def test_1_also_where_the_list_lags_behind(stage: Stage) -> None:
    stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    stage.fake.company.habits.list_lag = 3
    stage.fake.spoil("drop_after", "POST", "/persons")
    stage.settle()
    assert len(stage.persons) == 1


def test_2_the_answer_of_an_activity_is_lost(stage: Stage) -> None:
    stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    _choose_purchases(stage)
    stage.settle()
    stage.track("u1", "purchase", revenue=120, currency="EUR")
    stage.fake.spoil("drop_after", "POST", "/activities")
    stage.settle()
    [activity] = stage.fake.company.activities.values()
    assert activity["subject"] == "Purchase 120 EUR"
    assert activity["person_id"] == stage.only_person()["id"]


def _choose_purchases(stage: Stage) -> None:
    connecting.update_settings(
        workspace=stage.workspace,
        by=stage.by,
        now=stage.now,
        objects=["persons", "activities", "labels", "attribution", "deals"],
        activities=[ActivityEvent("purchase", "task")],
    )


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_2_the_answer_of_a_field_is_lost(stage: Stage, kind: str) -> None:
    stage.connect(create_fields=False)
    stage.fake.spoil(kind, "POST", "/personFields")
    try:
        mapping.create_fields(workspace=stage.workspace, by=stage.by, now=stage.now)
    except Refusal:
        mapping.create_fields(workspace=stage.workspace, by=stage.by, now=stage.now)
    names = [one["field_name"] for one in stage.fake.company.fields if one["is_custom_field"]]
    assert len(names) == len(set(names))
    assert {"LTV", "Last Purchase", "Stratum - Campaign", "Stratum - Profile ID"} <= set(names) or "LTV" not in {
        one.remote_name for one in mapping.missing(stage.reload())
    }


def test_2_the_answer_of_a_filter_and_a_label_is_lost(stage: Stage) -> None:
    vip = segment_of(stage, "VIP", [])
    stage.connect()
    connecting.update_settings(workspace=stage.workspace, by=stage.by, now=stage.now, labels=[vip.pk])
    stage.fake.spoil("drop_after", "POST", "/options")
    stage.fake.spoil("drop_after", "POST", "/filters")
    stage.settle()
    labels = next(one for one in stage.fake.company.fields if one["field_code"] == "label_ids")["options"]
    assert [one["label"] for one in labels].count("VIP") == 1
    assert [one["name"] for one in stage.fake.company.filters.values()] == ["Stratum: VIP"]


def test_2_the_answer_of_a_webhook_is_lost(stage: Stage, settings: object) -> None:
    settings.BASE_URL = "https://stratum.example.com"  # type: ignore[attr-defined]
    stage.workspace.plan = "enterprise"
    stage.workspace.save()
    stage.connect()
    connecting.update_settings(workspace=stage.workspace, by=stage.by, now=stage.now, schedule="realtime")
    stage.fake.spoil("drop_after", "POST", "/webhooks")
    stage.settle()
    stage.settle()
    objects = sorted(one["event_object"] for one in stage.fake.company.webhooks.values())
    assert objects == ["deal", "person"]


def test_3_the_request_never_arrived(stage: Stage) -> None:
    ada = stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    stage.fake.spoil("drop_before", "POST", "/persons")
    stage.settle()
    assert stage.link(ada).remote_id == stage.only_person()["id"]


def test_4_the_server_finishes_after_we_gave_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "read_timeout", 0.3)
    stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    stage.fake.spoil("slow", "POST", "/persons", seconds=0.8)
    run = stage.sync()
    assert run.counts["ambiguous"] == 1
    stage.settle()
    assert len(stage.persons) == 1


class Killed(BaseException):
    """As a kill does: nothing of ours handles it."""


@pytest.mark.parametrize("where", ["before intent", "after intent", "after the call", "after commit"])
def test_5_the_worker_is_killed(stage: Stage, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    ada = stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    with monkeypatch.context() as patch:
        _kill(patch, where)
        with pytest.raises(Killed):
            stage.sync()
    stage.pass_time(minutes=10)
    stage.settle()
    assert stage.link(ada).remote_id == stage.only_person()["id"]
    assert not PipedriveOutbox.objects.exists()


def _kill(patch: pytest.MonkeyPatch, where: str) -> None:
    def die(*args: object, **given: object) -> None:
        raise Killed

    if where == "before intent":
        patch.setattr(outbox, "intend", die)
    elif where == "after intent":
        patch.setattr(creating, "each", die)
    elif where == "after the call":
        patch.setattr(links, "make", die)
    else:
        original = creating._link

        def link_and_die(*args: object) -> None:
            original(*args)  # type: ignore[arg-type]
            raise Killed

        patch.setattr(creating, "_link", link_and_die)


@pytest.mark.django_db(transaction=True)
def test_6_two_workers_and_a_webhook_at_once(stage: Stage) -> None:
    stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    runs = [stage.begin(), stage.begin()]
    stage.pass_time(seconds=2)

    def carry_out(run: object) -> None:
        try:
            sync.carry_out(run, now=stage.clock.ours)  # type: ignore[arg-type]
        finally:
            connections.close_all()

    threads = [Thread(target=carry_out, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    stage.deliver()
    for thread in threads:
        thread.join()
    stage.settle()
    assert len(stage.persons) == 1
    assert PipedriveLink.objects.count() == 1


def test_7_the_search_index_lags(stage: Stage) -> None:
    """One profile is tested right after the person was made by hand: nothing is read from the list before."""
    ada = stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    stage.settle()
    stage.fake.company.habits.search_lag = 5
    stage.person(name="Grace", emails=["grace@x.io"])
    stage.identify("u2", email="grace@x.io", first_name="Grace")
    stage.settle()
    assert len(stage.persons) == 2
    assert stage.link(ada)


def test_the_test_of_a_profile_keeps_requests_and_answers(stage: Stage) -> None:
    ada = stage.identify("u1", email="ada@x.io", first_name="Ada", last_name="King")
    stage.connect()
    stage.fake.spoil("drop_before", "POST", "/persons")
    lost = previews.test_profile(workspace=stage.workspace, by=stage.by, profile_id=ada.pk, now=stage.clock.ours)
    assert (lost.exchanges[-1]["call"], lost.exchanges[-1]["answer"]) == ("POST persons", None)
    stage.settle()
    stage.identify("u1", last_name="Lovelace")
    run = previews.test_profile(workspace=stage.workspace, by=stage.by, profile_id=ada.pk, now=stage.clock.ours)
    read, written = run.exchanges[-2:]
    assert (read["call"], read["status"], read["request"]) == ("GET persons/{id}", 200, None)
    assert written["path"] == f"api/v2/persons/{stage.only_person()['id']}"
    assert written["request"] == {"first_name": "Ada", "last_name": "Lovelace"}
    assert written["answer"]["data"]["name"] == "Ada Lovelace"
    assert TOKEN not in str(run.exchanges)


@pytest.mark.parametrize("lie", ["fails", "finds nothing", "finds another"])
def test_8_the_search_lies(stage: Stage, lie: str) -> None:
    stage.person(name="Somebody Else", emails=["other@x.io"])
    ada = stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    hit = {"result_score": 0.1, "item": {"id": 1, "type": "person", "name": "Somebody", "emails": ["other@x.io"]}}
    answers = {
        "fails": reply({"success": False, "error": "Internal"}, 500),
        "finds nothing": reply({"success": True, "data": {"items": []}}),
        "finds another": reply({"success": True, "data": {"items": [hit]}}),
    }
    stage.fake.spoil("reply", "GET", "/persons/search", reply=answers[lie])
    run = previews.test_profile(workspace=stage.workspace, by=stage.by, profile_id=ada.pk, now=stage.clock.ours)
    if lie == "fails":
        assert run.state == "failed"
        assert stage.fake.writes() == [one for one in stage.fake.writes() if one == "POST personFields"]
    stage.settle()
    assert len(stage.persons) == 2
    assert {one["emails"][0]["value"] for one in stage.persons} == {"ada@x.io", "other@x.io"}
