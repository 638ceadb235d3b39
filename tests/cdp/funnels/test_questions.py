"""What may be asked of a funnel, and what is refused with a sentence."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from cdp.definitions.funnel_questions import BreakdownBy, Question, parse_question, read_value, write_value
from cdp.engine.funnels import OTHER
from stratum.lib import periods
from stratum.lib.refusal import Invalid

BERLIN = ZoneInfo("Europe/Berlin")
SEGMENT = "0196b3a5-0000-7000-8000-000000000001"


def ask(now: datetime, **fields: object) -> Question:
    return parse_question(fields, now=now, zone=BERLIN)


def test_nothing_asked_is_the_last_30_days(now: datetime) -> None:
    question = ask(now)
    assert question == Question(periods.last_days(30, now, BERLIN))


def test_everything_that_can_be_asked(now: datetime) -> None:
    asked = {"from": "2026-01-01", "to": "2026-01-02", "window": "PT1H", "counting": "totals"}
    question = ask(now, **asked, breakdown="event.kind", attribution="step:2", limit="5", compare="previous")
    assert question.period.days == 2
    assert (question.window, question.counting) == (periods.HOUR, "totals")
    assert (question.breakdown, question.compare) == (BreakdownBy("event.kind", "step", 2, 5), True)
    assert ask(now, segment=SEGMENT).segment == UUID(SEGMENT)


def test_empty_parameters_ask_nothing(now: datetime) -> None:
    names = ("from", "window", "breakdown", "attribution", "limit", "segment", "compare")
    assert ask(now, **dict.fromkeys(names, "")) == ask(now, **dict.fromkeys(names)) == ask(now)


def test_what_a_breakdown_is_by() -> None:
    assert [BreakdownBy(by).event_property for by in ("platform", "device", "campaign", "event.a.b")] == [
        "$platform", "$device", "$campaign", "a.b",
    ]  # fmt: skip
    assert BreakdownBy("profile.plan").attribute == "plan"
    assert BreakdownBy("traits.total_spend").trait == "total_spend"
    assert BreakdownBy(f"segment:{SEGMENT}").segment == UUID(SEGMENT)


def test_every_fault_at_once(now: datetime) -> None:
    asked = {"from": "soon", "to": 7, "window": "P0D", "counting": "both", "breakdown": "shoe", "colour": "red"}
    with pytest.raises(Invalid) as refused:
        ask(now, **asked, attribution="step:-1", limit=0, segment="vip", compare="next")
    assert {fault.pointer: fault.code for fault in refused.value.faults} == {
        "/colour": "unknown_field", "/to": "wrong_type", "/from": "invalid", "/window": "out_of_range",
        "/counting": "unknown_choice", "/breakdown": "unknown_choice", "/attribution": "unknown_choice",
        "/limit": "out_of_range", "/segment": "invalid", "/compare": "unknown_choice",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"attribution": "last_touch"}, "/attribution", "needs_breakdown"),
        ({"limit": "5"}, "/limit", "needs_breakdown"),
        ({"breakdown": "profile.plan", "attribution": "last_touch"}, "/attribution", "invalid"),
        ({"breakdown": "traits."}, "/breakdown", "unknown_choice"),
        ({"breakdown": "traits.spend", "attribution": "last_touch"}, "/attribution", "invalid"),
        ({"breakdown": "segment:vip"}, "/breakdown", "invalid"),
        ({"breakdown": "event."}, "/breakdown", "unknown_choice"),
        ({"breakdown": "event." + "x" * 201}, "/breakdown", "unknown_choice"),
        ({"breakdown": "device", "limit": "51"}, "/limit", "out_of_range"),
        ({"breakdown": "device", "limit": True}, "/limit", "out_of_range"),
        ({"breakdown": "device", "attribution": "step"}, "/attribution", "unknown_choice"),
        ({"breakdown": "device", "attribution": "step:٢"}, "/attribution", "unknown_choice"),
        ({"breakdown": "device", "attribution": "all_steps:1"}, "/attribution", "unknown_choice"),
    ],
)
def test_breakdowns_that_cannot_be(now: datetime, fields: dict[str, object], pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        ask(now, **fields)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [(pointer, code)]
    assert refused.value.sentence.endswith(".")


def test_the_previous_period_has_as_many_local_days(now: datetime) -> None:
    """The clocks went forward on 29 March: the days before have an hour more in all."""
    march = ask(now, **{"from": "2026-03-29", "to": "2026-03-30"}).before
    assert (str(march.first_day), str(march.last_day), march.days) == ("2026-03-27", "2026-03-28", 2)
    assert march.end == datetime(2026, 3, 28, 23, tzinfo=UTC)


def test_the_previous_period_of_instants_is_as_long(now: datetime) -> None:
    before = ask(now, **{"from": "2026-01-10T12:00:00Z", "to": "2026-01-10T17:59:59.999999Z"}).before
    assert (before.start, before.end) == (datetime(2026, 1, 10, 6, tzinfo=UTC), datetime(2026, 1, 10, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    "value",
    ["meta", "", "null", "12", "true", '"quoted"', "__other__", "[1", "NaN", "ä / & ?", 12, 1.5, True, None, ["a", 1]],
)
def test_values_of_a_breakdown_survive_an_address(value: object) -> None:
    again = read_value(write_value(value))
    assert (again, type(again)) == (value, type(value))


def test_the_rest_is_no_value() -> None:
    assert read_value("__other__") is OTHER
    assert write_value(OTHER) == "__other__"
