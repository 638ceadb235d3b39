"""Faults 9 to 15: limits, budgets, firewalls, lost tokens, broken pages, times."""

from datetime import timedelta

import pytest

from integrations.models import PipedriveConnection, PipedriveCursor, PipedrivePerson
from integrations.pipedrive import shapes
from integrations.queries import pipedrive as queries
from integrations.sandbox.wire import Reply, reply
from integrations.services.pipedrive import connecting, inbound
from tests.integrations.pipedrive.stage import Stage

TOO_MANY = reply({"success": False, "error": "Rate limit exceeded"}, 429, {"x-ratelimit-reset": "1"})
BARE = reply({"success": False, "error": "Rate limit exceeded"}, 429)


@pytest.mark.parametrize("answer", [TOO_MANY, BARE], ids=["with headers", "without headers"])
def test_9_a_burst_is_waited_out(stage: Stage, answer: Reply) -> None:
    stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    stage.fake.spoil("reply", "POST", "/persons", reply=answer, times=2)
    run = stage.sync()
    assert run.state == "succeeded", run.error
    assert len(stage.persons) == 1


def test_9_our_half_of_the_burst_is_never_exceeded(stage: Stage) -> None:
    stage.crowd(60)
    stage.fake.company.habits.burst = 20
    stage.connect()
    run = stage.sync()
    assert run.state == "succeeded", run.error
    assert len(stage.persons) == 60
    assert "429" not in str(run.error)
    assert stage.reload().burst_limit == 20


def test_10_the_days_tokens_are_gone(stage: Stage) -> None:
    stage.crowd(12)
    stage.connect()
    habits = stage.fake.company.habits
    habits.daily, stage.fake.company.spent = 1_000, 1_000 - 110  # somebody else has used most of it
    connecting.update_settings(workspace=stage.workspace, by=stage.by, now=stage.now, budget_share=100)
    run = stage.sync()
    assert run.state == "stopped"
    made = len(stage.persons)
    assert 0 < made < 12
    stage.fake.calls.clear()
    stage.pass_time(minutes=20)
    assert stage.sync().state == "stopped"
    assert stage.fake.calls == []  # nothing at all before the probe
    stage.pass_time(minutes=50)
    assert stage.sync().state == "stopped"
    assert stage.fake.calls == ["GET users/me"]
    habits.daily = None
    PipedriveConnection.objects.update(daily_limit=None)
    stage.pass_time(minutes=70)
    stage.settle()
    assert len(stage.persons) == 12


def test_10_our_share_of_the_budget_is_kept(stage: Stage) -> None:
    stage.crowd(40)
    stage.fake.company.habits.daily = 400
    stage.connect()
    run = stage.sync()
    assert run.state == "stopped"
    assert "share of Pipedrive's tokens" in run.error
    assert stage.fake.company.spent <= 200
    budget = queries.budget_of(stage.reload(), now=stage.now)
    assert (budget.limit, budget.share) == (400, 200)
    assert budget.spent == stage.fake.company.spent - 2  # asking who we are came before there was a connection


def test_11_the_firewall_shuts_us_out(stage: Stage) -> None:
    stage.identify("u1", email="ada@x.io", first_name="Ada")
    stage.connect()
    page = Reply(403, b"<html>Attention required</html>", {"Content-Type": "text/html"})
    stage.fake.spoil("reply", "GET", "/persons", reply=page)
    assert stage.sync().state == "stopped"
    assert "firewall" in stage.connection.circuit_reason
    stage.fake.calls.clear()
    stage.pass_time(minutes=25)
    assert stage.sync().state == "stopped"
    assert stage.fake.calls == []
    assert queries.status(stage.workspace, now=stage.now).health == "critical"
    stage.pass_time(minutes=6)
    stage.settle()
    assert len(stage.persons) == 1


def test_12_the_token_dies_and_is_replaced(stage: Stage) -> None:
    for number in range(1_200):
        stage.person(name=f"P{number}")
    stage.connect(create_fields=False)
    stage.fake.spoil("headers", "GET", "/api/v2/persons", times=2)
    dead = reply({"success": False, "error": "unauthorized access", "errorCode": 401}, 401)
    stage.fake.spoil("reply", "GET", "/api/v2/persons", reply=dead)
    assert stage.sync().state == "stopped"
    assert stage.connection.state == "needs_attention"
    assert PipedrivePerson.objects.count() == 1_000
    assert stage.sync().state == "stopped"  # and nothing is asked meanwhile
    stage.fake.company.token = "f" * 40
    stage.fake.calls.clear()
    stage.connect(create_fields=False)
    stage.sync()
    assert PipedrivePerson.objects.count() == 1_200
    assert stage.fake.calls.count("GET persons") == 1  # it went on at the third page


def test_13_a_page_fails(stage: Stage) -> None:
    for number in range(2_100):
        stage.person(name=f"P{number}")
    stage.connect(create_fields=False)
    broken = reply({"success": False, "error": "Internal"}, 500)
    stage.fake.spoil("headers", "GET", "/api/v2/persons", times=2)
    stage.fake.spoil("reply", "GET", "/api/v2/persons", reply=broken)
    run = stage.sync()
    assert run.state == "failed"
    assert run.hwm_after is None
    stage.fake.calls.clear()
    run = stage.sync()
    assert run.state == "succeeded"
    assert stage.fake.calls.count("GET persons") == 3
    assert PipedrivePerson.objects.count() == 2_100


def test_14_records_of_one_second_and_without_a_time(stage: Stage) -> None:
    for number in range(600):
        stage.person(name=f"P{number}")
    for person in list(stage.fake.company.persons.values())[:20]:
        person["update_time"] = None
    stage.connect(create_fields=False, direction="from_pipedrive")
    stage.sync()
    assert PipedrivePerson.objects.count() == 600
    stage.pass_time(minutes=30)
    for number in range(601, 1_201):
        stage.person(name=f"Q{number}")
    stage.sync()
    assert PipedrivePerson.objects.count() == 1_200


def test_14_a_record_is_edited_during_the_walk(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(900):
        stage.person(name=f"P{number}", emails=["last@x.io"] if number == 899 else [])
    stage.connect(create_fields=False, direction="from_pipedrive")
    stage.sync()
    stage.pass_time(minutes=30)
    for person in list(stage.fake.company.persons):
        stage.edit(person, name="Before Walk")
    stage.pass_time(seconds=5)
    original, seen = inbound.absorb, []

    def absorb(work: object, persons: object) -> None:
        original(work, persons)  # type: ignore[arg-type]
        if not seen:
            seen.append(1)
            stage.pass_time(seconds=3)
            stage.edit(900, name="During Walk")

    monkeypatch.setattr(inbound, "absorb", absorb)
    stage.sync()
    stage.settle()
    assert stage.profile_by_email("last@x.io").attributes["first_name"] == "During"


def test_15_no_fraction_of_a_second_is_ever_sent(stage: Stage) -> None:
    stage.connect(create_fields=False)
    stage.clock.instant += timedelta(microseconds=123_456)
    stage.sync()
    assert stage.sync().state == "succeeded"
    with pytest.raises(shapes.Malformed):
        shapes.check("GET persons", {"updated_since": "2026-01-15T12:00:00.123Z"}, None)
    assert PipedriveCursor.objects.get(stream="persons").hwm is not None
