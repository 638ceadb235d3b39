"""What may be asked of a funnel, and what is refused with a sentence."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from cdp.definitions.funnel_questions import parse_question
from stratum.lib import periods
from stratum.lib.refusal import Invalid

BERLIN = ZoneInfo("Europe/Berlin")


def test_nothing_asked_is_the_last_30_days(now: datetime) -> None:
    question = parse_question({}, now=now, zone=BERLIN)
    assert question.period == periods.last_days(30, now, BERLIN)
    assert (question.window, question.counting) == (None, None)


def test_everything_that_can_be_asked(now: datetime) -> None:
    asked = {"from": "2026-01-01", "to": "2026-01-02", "window": "PT1H", "counting": "totals"}
    question = parse_question(asked, now=now, zone=BERLIN)
    assert question.period.days == 2
    assert (question.window, question.counting) == (periods.HOUR, "totals")


def test_empty_parameters_ask_nothing(now: datetime) -> None:
    assert parse_question({"from": "", "breakdown": "", "segment": None}, now=now, zone=BERLIN).window is None


def test_every_fault_at_once(now: datetime) -> None:
    asked = {"from": "soon", "to": 7, "window": "P0D", "counting": "both", "breakdown": "device", "colour": "red"}
    with pytest.raises(Invalid) as refused:
        parse_question(asked, now=now, zone=BERLIN)
    assert {fault.pointer: fault.code for fault in refused.value.faults} == {
        "/colour": "unknown_field", "/breakdown": "not_supported", "/to": "wrong_type", "/from": "invalid",
        "/window": "out_of_range", "/counting": "unknown_choice",
    }  # fmt: skip
