"""Meta's client against its fake over real HTTP: exact shapes, every error, and answers that get lost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import orjson
import pytest

from integrations.base import Change
from integrations.meta.errors import busiest, longest_wait
from integrations.meta.mapping import WHOLE_UNITS
from integrations.meta.platform import MetaPlatform
from integrations.sandbox import demo
from integrations.sandbox.meta import FakeMeta, _error
from integrations.sandbox.server import serving
from integrations.sandbox.wire import Mishap, Request, reply
from integrations.sandbox.world import Node, Pot, Shop
from stratum.lib.http import Garbled, Gone, NotAuthorised, Rejected, Session, Throttled, Unreachable

ACCOUNT = demo.META_ACCOUNT


@dataclass(slots=True)
class Stage:
    fake: FakeMeta
    platform: MetaPlatform
    heard: list[Request]
    anew: Callable[[], MetaPlatform]

    def id_of(self, name: str) -> str:
        return next(node.id for node in self.fake.world.nodes.values() if node.name == name)

    def fail(self, code: int, message: str = "No.", path: str = "", **more: object) -> None:
        self.fake.mishaps.add(Mishap("reply", path=path, reply=_error(code, message, **more), times=3))  # type: ignore[arg-type]


@pytest.fixture
def stage(now: datetime) -> Iterator[Stage]:
    fake = FakeMeta(demo.meta(now), now=lambda: now)
    heard: list[Request] = []

    def answer(request: Request):  # type: ignore[no-untyped-def]
        heard.append(request)
        return fake.answer(request)

    with serving(answer) as url:
        session = Session(
            f"{url}/v26.0", headers={"Authorization": "Bearer sandbox"}, read_timeout=1.0, sleep=_no_pause
        )

        def anew() -> MetaPlatform:
            return MetaPlatform(session, now=lambda: now)

        yield Stage(fake, anew(), heard, anew)


def _no_pause(seconds: float) -> None:
    pass


def test_the_token_is_in_a_header_and_never_in_an_address(stage: Stage) -> None:
    assert stage.platform.login().name == "Northlight Outdoor (sandbox)"
    assert {request.path for request in stage.heard} == {"/v26.0/me", "/v26.0/me/permissions"}
    assert all(request.bearer() == "sandbox" and "access_token" not in request.params for request in stage.heard)


def test_accounts_and_entities_come_page_by_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.meta.client.PAGE", "2")
    assert [one.id for one in stage.platform.accounts()] == [ACCOUNT]
    found = list(stage.platform.entities(ACCOUNT))
    assert len(found) == len(stage.fake.world.nodes)
    abandoners = next(one for one in found if one.name == "Retargeting - Cart Abandoners")
    assert abandoners.budget is not None and abandoners.budget.amount == 120
    assert abandoners.bid == Decimal("9.5")
    assert next(one for one in found if one.name == "Retargeting").budget is None


def test_a_write_is_a_form_in_minor_units(stage: Stage) -> None:
    holiday = stage.id_of("Holiday Promo 2026")
    written = stage.platform.write(ACCOUNT, Change("campaign", holiday, "budget", Decimal("612.34")))
    assert written.request_id
    assert stage.heard[-1].form() == {"daily_budget": "61234"}
    read = stage.platform.read(ACCOUNT, "campaign", holiday)
    assert read.budget is not None and read.budget.amount == Decimal("612.34")


def test_validating_changes_nothing(stage: Stage) -> None:
    holiday = stage.id_of("Holiday Promo 2026")
    change = Change("campaign", holiday, "budget", Decimal(600))
    assert stage.platform.validate(ACCOUNT, change).accepted
    assert stage.heard[-1].form()["execution_options"] == '["validate_only"]'
    assert stage.fake.world.payer(stage.fake.world.nodes[holiday]).amount == 500


def test_the_platforms_refusal_of_a_validation_is_an_answer(stage: Stage) -> None:
    holiday = stage.id_of("Holiday Promo 2026")
    told = stage.platform.validate(ACCOUNT, Change("campaign", holiday, "budget", Decimal("0.50")))
    assert (told.status, told.accepted) == ("verified", False)
    assert "Your budget is too low" in told.sentence


@pytest.mark.parametrize("currency", sorted(WHOLE_UNITS))
def test_yen_and_ten_others_have_no_minor_unit(stage: Stage, currency: str) -> None:
    world = stage.fake.world
    world.accounts["81"] = Shop("81", "Tokyo", currency, "Asia/Tokyo")
    world.pots["pot"] = Pot("pot", "81", Decimal(50_000), Decimal(50_000), 5.0, 9_000.0)
    world.nodes["8100"] = Node("8100", "campaign", "81", "Winter", pot="pot")
    assert stage.platform.read("81", "campaign", "8100").budget.amount == 50_000  # type: ignore[union-attr]
    stage.platform.write("81", Change("campaign", "8100", "budget", Decimal(60_000)))
    assert stage.heard[-1].form() == {"daily_budget": "60000"}
    with pytest.raises(Rejected, match="whole units"):
        stage.platform.write("81", Change("campaign", "8100", "budget", Decimal("60000.5")))


def test_whose_minor_units_are_whole() -> None:
    assert sorted(WHOLE_UNITS) == ["CLP", "COP", "CRC", "HUF", "IDR", "ISK", "JPY", "KRW", "PYG", "TWD", "VND"]


@pytest.mark.parametrize(
    ("kind", "name", "field", "after", "form"),
    [
        ("campaign", "Summer Sale 2026", "status", "paused", {"status": "PAUSED"}),
        ("adset", "Tents - Broad", "status", "paused", {"status": "PAUSED"}),
        ("creative", "Last Sizes - Static", "status", "paused", {"status": "PAUSED"}),
        ("adset", "Retargeting - Cart Abandoners", "bid", Decimal("4.50"), {"bid_amount": "450"}),
        ("adset", "Retargeting - Cart Abandoners", "budget", Decimal(130), {"daily_budget": "13000"}),
    ],
)
def test_each_change_has_its_form(
    stage: Stage, kind: str, name: str, field: str, after: object, form: dict[str, str]
) -> None:
    change = Change(kind, stage.id_of(name), field, after)  # type: ignore[arg-type]
    assert stage.platform.validate(ACCOUNT, change).accepted
    stage.platform.write(ACCOUNT, change)
    assert (stage.heard[-1].path, stage.heard[-1].form()) == (f"/v26.0/{change.entity_id}", form)
    read = stage.platform.read(ACCOUNT, kind, change.entity_id)  # type: ignore[arg-type]
    assert (read.budget.amount if field == "budget" and read.budget else getattr(read, field)) == after


def test_a_reading_names_its_fields(stage: Stage) -> None:
    stage.platform.read(ACCOUNT, "campaign", stage.id_of("Summer Sale 2026"))
    asked = next(one.params["fields"] for one in stage.heard if "act_" not in one.path)
    assert {"status", "effective_status", "daily_budget", "lifetime_budget", "updated_time"} <= set(asked.split(","))


def test_metrics_are_asked_for_by_day(stage: Stage, now: datetime) -> None:
    day = now.date() - timedelta(days=10)
    assert list(stage.platform.metrics(ACCOUNT, day, day))
    params = stage.heard[-1].params
    assert (params["time_increment"], params["level"]) == ("1", "ad")
    assert orjson.loads(params["time_range"]) == {"since": str(day), "until": str(day)}


def test_only_one_action_type_counts(stage: Stage, now: datetime) -> None:
    day = now.date() - timedelta(days=10)
    rows = [row for row in stage.platform.metrics(ACCOUNT, day, day) if row.kind == "campaign"]
    assert 20 < sum(row.conversions for row in rows) < 90
    assert sum(row.spend for row in rows) == pytest.approx(1340, rel=0.1)


def test_an_answer_that_would_be_too_large_is_asked_for_in_halves(stage: Stage, now: datetime) -> None:
    until = now.date() - timedelta(days=5)
    since = until - timedelta(days=9)
    whole = list(stage.platform.metrics(ACCOUNT, since, until))
    said = _error(1, "Please reduce the amount of data you're asking for, then retry your request", subcode=99)
    stage.fake.mishaps.add(Mishap("reply", path="insights", reply=said))
    assert sorted(map(repr, stage.platform.metrics(ACCOUNT, since, until))) == sorted(map(repr, whole))


@pytest.mark.parametrize(
    ("code", "fate"),
    [
        (190, NotAuthorised), (10, NotAuthorised), (200, NotAuthorised), (17, Throttled), (613, Throttled),
        (4, Throttled), (1, Unreachable), (2, Unreachable), (100, Rejected),
        *[(code, Throttled) for code in range(80_000, 80_015)],
    ],
)  # fmt: skip
def test_each_error_has_its_fate(stage: Stage, code: int, fate: type[Exception]) -> None:
    stage.fail(code, "No.")
    with pytest.raises(fate, match="No"):
        stage.platform.accounts()


def test_a_transient_error_says_so_whatever_its_code(stage: Stage) -> None:
    stage.fail(368_999, "Hiccup", transient=True)
    with pytest.raises(Unreachable, match="Hiccup"):
        stage.platform.accounts()


@pytest.mark.parametrize("told", [{"code": 1}, {"code": 2}, {"code": 100, "transient": True}])
def test_a_write_that_meets_a_temporary_error_is_read_back_and_not_repeated(stage: Stage, told: dict) -> None:
    summer = stage.id_of("Summer Sale 2026")
    stage.fail(path=summer, **told)
    with pytest.raises(Unreachable, match="Meta could not answer") as lost:
        stage.platform.write(ACCOUNT, Change("campaign", summer, "budget", Decimal(200)))
    assert lost.value.may_have_arrived
    assert [one.method for one in stage.heard].count("POST") == 1


@pytest.mark.parametrize("code", [17, 613, 80_004])
def test_it_waits_as_long_as_it_is_told(stage: Stage, now: datetime, code: int) -> None:
    usage = {"731": [{"type": "ads_management", "call_count": 100, "estimated_time_to_regain_access": 19}]}
    headers = {"X-Business-Use-Case-Usage": orjson.dumps(usage).decode()}
    stage.fail(code, "There have been too many calls.", headers=headers)
    with pytest.raises(Throttled, match="slow down: There have been too many calls") as told:
        stage.platform.accounts()
    assert told.value.retry_at == now + timedelta(minutes=19)


def test_where_it_is_told_no_time_it_waits_five_minutes(stage: Stage, now: datetime) -> None:
    stage.fail(80_004)
    with pytest.raises(Throttled) as told:
        stage.platform.accounts()
    assert told.value.retry_at == now + timedelta(minutes=5)


USED = [
    {"X-Business-Use-Case-Usage": '{"1": [{"call_count": 3, "total_time": %d, "estimated_time_to_regain_access": 0}]}'},
    {"X-Ad-Account-Usage": '{"acc_id_util_pct": %d}'},
    {"X-App-Usage": '{"call_count": 1, "total_cputime": %d, "total_time": 9}'},
]


@pytest.mark.parametrize("header", USED)
@pytest.mark.parametrize(("percent", "waits"), [(74, False), (75, True), (99, True)])
def test_long_lists_stop_when_three_quarters_are_used(
    stage: Stage, now: datetime, header: dict[str, str], percent: int, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.meta.client.PAGE", "2")
    told = {name: value % percent for name, value in header.items()}
    stage.fake.mishaps.add(Mishap("headers", headers=told, times=99))
    if waits:
        with pytest.raises(Throttled, match=f"{percent}% of the calls") as stopped:
            list(stage.platform.entities(ACCOUNT))
        assert stopped.value.retry_at == now + timedelta(minutes=5)
    else:
        assert list(stage.platform.entities(ACCOUNT))


def test_what_is_left_is_for_changes(stage: Stage, now: datetime) -> None:
    stage.fake.mishaps.add(Mishap("headers", headers={"X-App-Usage": '{"call_count": 92}'}, times=99))
    holiday = stage.id_of("Holiday Promo 2026")
    change = Change("campaign", holiday, "budget", Decimal(600))
    stage.platform.read(ACCOUNT, "campaign", holiday)
    assert stage.platform.automations(ACCOUNT, "campaign", holiday) == []
    assert stage.platform.outside_changes(ACCOUNT, now - timedelta(days=7))
    assert stage.platform.validate(ACCOUNT, change).accepted
    assert stage.platform.write(ACCOUNT, change).request_id


def test_an_error_keeps_metas_words_its_trace_and_what_it_blames(stage: Stage) -> None:
    summer = stage.id_of("Summer Sale 2026")
    told = {
        "message": "Invalid parameter",
        "type": "OAuthException",
        "code": 100,
        "error_subcode": 1885272,
        "is_transient": False,
        "error_user_title": "Budget Is Too Low",
        "error_user_msg": "Your budget must be at least $1.00.",
        "error_data": '{"blame_field_specs": [["daily_budget"]]}',
        "fbtrace_id": "AbCdEf",
    }
    stage.fake.mishaps.add(Mishap("reply", method="POST", reply=reply({"error": told}, 400)))
    with pytest.raises(Rejected, match="Budget Is Too Low: Your budget must be at least") as refused:
        stage.platform.write(ACCOUNT, Change("campaign", summer, "budget", Decimal(2)))
    assert (refused.value.code, refused.value.request_id) == ("100", "AbCdEf")
    assert [fault.pointer for fault in refused.value.faults] == ["/daily_budget"]


def test_an_error_may_come_with_200(stage: Stage) -> None:
    told = {"error": {"message": "Session has expired", "code": 190, "fbtrace_id": "x"}}
    stage.fake.mishaps.add(Mishap("reply", path="me", reply=reply(told)))
    with pytest.raises(NotAuthorised, match="Session has expired"):
        stage.platform.login()


def test_what_is_not_there_is_gone(stage: Stage) -> None:
    with pytest.raises(Gone):
        stage.platform.read(ACCOUNT, "campaign", "404404")


def test_an_ad_sets_budget_changes_four_times_an_hour(stage: Stage, now: datetime) -> None:
    adset = stage.id_of("Retargeting - Cart Abandoners")
    for amount in (121, 122, 123, 124):
        stage.platform.write(ACCOUNT, Change("adset", adset, "budget", Decimal(amount)))
    with pytest.raises(Throttled) as told:
        stage.platform.write(ACCOUNT, Change("adset", adset, "budget", Decimal(125)))
    assert told.value.retry_at == now + timedelta(minutes=60)


def test_two_hundred_with_false_is_no_success(stage: Stage) -> None:
    stage.fake.mishaps.add(Mishap("reply", method="POST", reply=reply({"success": False})))
    with pytest.raises(Rejected, match="not made"):
        stage.platform.write(ACCOUNT, Change("campaign", stage.id_of("Summer Sale 2026"), "status", "paused"))


@pytest.mark.parametrize("told", [{}, {"success": "maybe"}, {"success": None}, {"id": "1"}])
def test_an_answer_that_says_neither_leaves_a_write_unknown(stage: Stage, told: dict) -> None:
    stage.fake.mishaps.add(Mishap("reply", method="POST", reply=reply(told)))
    with pytest.raises(Garbled, match="without saying whether") as lost:
        stage.platform.write(ACCOUNT, Change("campaign", stage.id_of("Summer Sale 2026"), "status", "paused"))
    assert lost.value.may_have_arrived


@pytest.mark.parametrize(("kind", "applied"), [("drop_before", False), ("drop_after", True)])
def test_a_lost_answer_to_a_write_is_unknown_until_read_back(stage: Stage, kind: str, applied: bool) -> None:
    summer = stage.id_of("Summer Sale 2026")
    stage.fake.mishaps.add(Mishap(kind, method="POST"))  # type: ignore[arg-type]
    with pytest.raises(Unreachable) as told:
        stage.platform.write(ACCOUNT, Change("campaign", summer, "budget", Decimal(200)))
    assert told.value.may_have_arrived
    assert len([request for request in stage.heard if request.method == "POST"]) == 1
    assert stage.platform.read(ACCOUNT, "campaign", summer).budget.amount == (200 if applied else 180)  # type: ignore[union-attr]


def test_a_slow_write_is_unknown_too(stage: Stage) -> None:
    stage.fake.mishaps.add(Mishap("slow", method="POST", seconds=1.5))
    with pytest.raises(Unreachable, match="did not answer in time"):
        stage.platform.write(ACCOUNT, Change("campaign", stage.id_of("Summer Sale 2026"), "budget", Decimal(200)))


def test_a_lost_answer_to_a_question_is_asked_for_again(stage: Stage) -> None:
    stage.fake.mishaps.add(Mishap("drop_before", times=2))
    assert stage.platform.accounts()


def test_garbage_is_named(stage: Stage) -> None:
    stage.fake.mishaps.add(Mishap("garbage"))
    with pytest.raises(Garbled, match="not JSON"):
        stage.platform.accounts()


def test_native_rules_that_may_touch_it_are_told(stage: Stage) -> None:
    holiday, summer = stage.id_of("Holiday Promo 2026"), stage.id_of("Summer Sale 2026")
    filters = [
        {"field": "entity_type", "operator": "EQUAL", "value": "CAMPAIGN"},
        {"field": "id", "operator": "IN", "value": [holiday]},
    ]
    stage.fake.world.rules.append(
        {
            "id": "1",
            "name": "Scale what works",
            "status": "ENABLED",
            "evaluation_spec": {"evaluation_type": "SCHEDULE", "filters": filters},
            "execution_spec": {"execution_type": "CHANGE_CAMPAIGN_BUDGET"},
        }
    )
    [rule] = stage.platform.automations(ACCOUNT, "campaign", holiday)
    assert (rule.name, rule.fields) == ("Scale what works", ("budget",))
    assert stage.platform.automations(ACCOUNT, "campaign", summer) == []
    assert stage.platform.automations(ACCOUNT, "adset", holiday) == []
    stage.fake.world.rules[0]["status"] = "DISABLED"
    assert stage.platform.automations(ACCOUNT, "campaign", holiday) != [], "read once in a platform's short life"
    assert stage.anew().automations(ACCOUNT, "campaign", holiday) == []


def test_changes_by_hand_are_told(stage: Stage, now: datetime) -> None:
    [change] = stage.platform.outside_changes(ACCOUNT, now - timedelta(days=3))
    assert (change.entity_id, change.field, change.by) == (stage.id_of("Holiday Promo 2026"), "budget", "Maya Chen")
    assert change.changed_at == now - timedelta(hours=48)


def test_match_quality_is_read_as_far_as_it_is_told(stage: Stage) -> None:
    [reading] = stage.platform.quality(ACCOUNT)
    assert reading.value == pytest.approx(8.3)
    asked = stage.heard[-1].params
    assert asked["dataset_id"] == "5540012"
    assert "event_match_quality{composite_score}" in asked["fields"] and "dedup" not in asked["fields"]


@pytest.mark.parametrize(
    "strange",
    [
        {"web": [{"event_name": "Purchase"}, {"event_match_quality": {"composite_score": "n/a"}}, "?"]},
        {"web": [{"event_name": "Purchase", "event_match_quality": "good", "event_coverage": 7}]},
        {"web": {}},
        {"web": None},
        {},
    ],
)
def test_match_quality_that_is_not_told_is_unknown(stage: Stage, strange: dict) -> None:
    stage.fake.mishaps.add(Mishap("reply", path="dataset_quality", reply=reply(strange)))
    assert stage.platform.quality(ACCOUNT) == []


def test_usage_headers() -> None:
    usage = {"1": [{"call_count": 28, "total_cputime": 81, "total_time": 3, "estimated_time_to_regain_access": 7}]}
    headers = {"X-Business-Use-Case-Usage": orjson.dumps(usage).decode(), "X-App-Usage": '{"call_count": 12}'}
    assert busiest(headers) == 81
    assert longest_wait(headers) == timedelta(minutes=7)
    account = {"X-Ad-Account-Usage": '{"acc_id_util_pct": 9.67, "reset_time_duration": 100}'}
    assert (busiest(account), longest_wait(account)) == (9.67, timedelta(seconds=100))
    assert (busiest({"X-App-Usage": "?"}), longest_wait({})) == (0.0, None)


def test_days_are_the_same_whenever_they_are_asked_for(stage: Stage, now: datetime) -> None:
    day = now.date() - timedelta(days=30)
    assert list(stage.platform.metrics(ACCOUNT, day, day)) == list(stage.platform.metrics(ACCOUNT, day, day))
    assert list(stage.platform.metrics(ACCOUNT, date(2030, 1, 1), date(2030, 1, 2))) == []
