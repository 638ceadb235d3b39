"""Every rule of computed traits by hand, told to the evaluation and to the oracle at once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from cdp.engine.columnar.engine import ColumnarEngine
from cdp.traits.evaluation import evaluate
from stratum.lib import clock
from tests.cdp.traits.story import (
    ANNA,
    BERLIN,
    NOON,
    Story,
    batch,
    bought,
    days_ago,
    definition,
    spent,
    trait,
    value_of,
)

MICROSECOND = timedelta(microseconds=1)
SPEND = {"fn": "sum", "property": "revenue"}
THIRTY = {"last": "P30D"}


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


# Numbers


def test_numbers_and_numeric_texts_count_and_anything_else_is_reported(story: Story) -> None:
    story.happen(*spent(10, "5.50", " 0.1 ", 0.2, "abc", True, None, "", {"a": 1}))
    assert story.value(trait(**SPEND)) == 15.8
    assert story.value(trait(fn="avg", property="revenue")) == 3.95
    assert story.value(trait(fn="min", property="revenue")) == 0.1
    assert story.value(trait(fn="max", property="revenue")) == 10
    assert story.values(trait(**SPEND)).skipped.tolist() == [3]


def test_sums_are_exact(story: Story) -> None:
    story.happen(*spent(*[0.1] * 10, 9_007_199_254.740993))
    assert story.values(trait(**SPEND)).json_texts() == ["9007199255.740993"]


@pytest.mark.parametrize(
    ("values", "average"),
    [
        ((0.000001, 0), 0),
        ((0.000003, 0), 0.000002),
        ((-0.000001, 0), 0),
        ((-0.000003, 0), -0.000002),
        ((2, 0, 0), 0.666667),
    ],
)
def test_averages_are_rounded_half_even_to_six_places(story: Story, values: tuple[float, ...], average: float) -> None:
    story.happen(*spent(*values))
    assert story.value(trait(fn="avg", property="revenue")) == average


def test_json_of_small_and_negative_numbers(story: Story) -> None:
    story.happen(*spent(-0.000001, "-12.5", 3))
    (texts,) = (story.values(trait(fn=fn, property="revenue")).json_texts() for fn in ["min"])
    assert texts == ["-12.5"]
    story.happen(*spent(12.499999))
    assert story.values(trait(**SPEND)).json_texts() == ["2.999998"]


def test_each_item_of_a_list_counts(story: Story) -> None:
    story.happen(
        bought(days_ago(2), sizes=["M", "L", "M"]), bought(days_ago(1), sizes="L"), bought(days_ago(0), sizes=[])
    )
    assert story.value(trait(property="sizes")) == 4
    assert story.value(trait(kind="unique_count", property="sizes")) == 2
    assert story.value(trait(kind="unique_list", property="sizes")) == ["L", "M"]
    assert story.value(trait(kind="first", property="sizes")) == "M"
    assert story.value(trait(kind="most_frequent", property="sizes")) == "L"
    assert story.value(trait(kind="most_frequent", property="sizes", tie="most_recent")) == "L"


# Currencies


def test_other_currencies_are_left_out_and_told(story: Story) -> None:
    events = [
        *spent(10, currency="EUR"),
        *spent(20, currency="eur"),
        *spent(30),
        *spent(400, 5, currency="USD"),
        *spent(7, currency="SEK"),
    ]
    story.happen(*events)
    body = trait(**SPEND, currency="EUR")
    assert story.value(body) == 60
    assert story.values(body).currencies == {"USD": 2, "SEK": 1}
    assert story.value(trait(currency=None, **SPEND)) == 472


def test_a_currency_that_is_no_text_is_told_too(story: Story) -> None:
    story.happen(*spent(10, currency="EUR"), *spent(1, currency=978), *spent(1, currency={"code": "USD"}))
    assert story.values(trait(**SPEND, currency="EUR")).currencies == {"other": 2}


def test_the_currency_goes_with_the_window_and_the_filter(story: Story) -> None:
    where = {"property": "shop", "op": "eq", "value": "online"}
    story.happen(
        bought(days_ago(40), revenue=1, currency="USD", shop="online"),
        bought(days_ago(1), revenue=1, currency="USD", shop="street"),
    )
    assert story.values(trait(**SPEND, currency="EUR", window=THIRTY, where=where)).currencies == {}


# Nothing counted


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (trait(), 0),
        (trait(**SPEND), 0),
        (trait(kind="unique_count", property="revenue"), 0),
        (trait(fn="avg", property="revenue"), None),
        (trait(fn="min", property="revenue"), None),
        (trait(fn="max", property="revenue"), None),
        (trait(kind="first", property="revenue"), None),
        (trait(kind="last", property="revenue"), None),
        (trait(kind="most_frequent", property="revenue"), None),
        (trait(kind="unique_list", property="revenue"), None),
        (trait(kind="ratio", numerator={"event": "purchase"}, denominator={"event": "purchase"}), None),
        (trait(kind="last", property="revenue", default="never"), "never"),
        (trait(fn="avg", property="revenue", default=0), 0),
    ],
)
def test_nothing_counted(story: Story, body: dict[str, Any], value: Any) -> None:
    story.happen(bought(days_ago(1), "page_view", revenue=5))
    assert story.value(body) == value


@pytest.mark.parametrize("fn", ["avg", "min", "max"])
def test_events_without_a_number_are_as_none(story: Story, fn: str) -> None:
    story.happen(*spent(None, "", "abc"))
    assert story.value(trait(fn=fn, property="revenue")) is None
    assert story.value(trait(fn=fn, property="revenue", default=-1)) == -1
    assert story.value(trait(**SPEND)) == 0


# Most frequent, first, last, unique


def test_most_frequent_breaks_ties_by_text_or_by_time(story: Story) -> None:
    story.happen(*spent("b", "a", "a", "b", "c"))
    assert story.value(trait(kind="most_frequent", property="revenue")) == "a"
    assert story.value(trait(kind="most_frequent", property="revenue", tie="most_recent")) == "b"


def test_numbers_tie_by_their_text_form(story: Story) -> None:
    story.happen(*spent(9, 10))
    assert story.value(trait(kind="most_frequent", property="revenue")) == 10


def test_most_frequent_may_have_to_come_several_times(story: Story) -> None:
    story.happen(*spent("a", "b", "a"))
    assert story.value(trait(kind="most_frequent", property="revenue", min_count=2)) == "a"
    assert story.value(trait(kind="most_frequent", property="revenue", min_count=3)) is None


def test_first_and_last_go_by_time_then_by_receipt_and_null_never_erases(story: Story) -> None:
    late = bought(days_ago(9), revenue="late")
    story.happen(*spent("x", None, ""), late)
    assert story.value(trait(kind="first", property="revenue")) == "late"
    assert story.value(trait(kind="last", property="revenue")) == "x"


def test_events_of_one_instant_go_by_their_receipt(story: Story) -> None:
    first = bought(days_ago(1), revenue="received second")
    second = bought(days_ago(1), revenue="received first")
    story.happen(
        type(first)(first.at, first.name, first.properties, received=20),
        type(second)(second.at, second.name, second.properties, received=10),
    )
    assert story.value(trait(kind="first", property="revenue")) == "received first"
    assert story.value(trait(kind="last", property="revenue")) == "received second"


def test_one_and_one_point_zero_are_one_value_and_its_text_another(story: Story) -> None:
    story.happen(*spent(1, 1.0, "1", True, None, "", [], {}))
    assert story.value(trait(kind="unique_count", property="revenue")) == 3
    assert len(story.value(trait(kind="unique_list", property="revenue"))) == 3


# Ratio


def test_a_ratio_divides_numbers_of_events_half_even(story: Story) -> None:
    story.happen(*[bought(days_ago(1), name) for name in ["opened"] * 2 + ["delivered"] * 3])
    body = trait(kind="ratio", numerator={"event": "opened"}, denominator={"event": "delivered"})
    assert story.value(body) == 0.666667


def test_email_open_rate_of_30_days(story: Story) -> None:
    body = trait(
        kind="ratio",
        numerator={"event": ["email_opened", "Email Opened"], "window": THIRTY},
        denominator={"event": ["email_delivered", "Email Delivered"], "window": THIRTY},
    )
    story.happen(
        bought(days_ago(31), "email_delivered"), bought(days_ago(3), "email_delivered"), bought(days_ago(2), "Email Delivered"),
        bought(days_ago(2), "email_opened"), bought(days_ago(31), "email_opened"),
    )  # fmt: skip
    assert story.value(body) == 0.5
    assert story.due(body) == days_ago(3) + timedelta(days=30) + MICROSECOND - timedelta(0)


def test_a_ratio_without_denominator_has_no_value(story: Story) -> None:
    story.happen(bought(days_ago(1), "opened"))
    body = trait(kind="ratio", numerator={"event": "opened"}, denominator={"event": "delivered"})
    assert story.value(body) is None
    assert story.value({**body, "default": 0}) == 0


# Windows


def test_a_rolling_window_includes_both_ends(story: Story) -> None:
    story.happen(bought(NOON), bought(days_ago(30)), bought(days_ago(30) - MICROSECOND))
    assert story.value(trait(window=THIRTY)) == 2
    assert story.due(trait(window=THIRTY)) == NOON + MICROSECOND
    assert story.value(trait(window=THIRTY), NOON + MICROSECOND) == 1


def test_a_day_aligned_window_has_calendar_days_of_the_workspace(story: Story) -> None:
    midnight = datetime(2026, 7, 30, tzinfo=BERLIN)
    story.happen(bought(midnight), bought(midnight - MICROSECOND))
    body = trait(window={"last": "P2D", "align": "day"})
    assert story.value(body) == 1
    assert story.due(body) == datetime(2026, 8, 1, tzinfo=BERLIN)
    assert story.value(body, zone=ZoneInfo("America/New_York")) == 0


@pytest.mark.parametrize("day", [datetime(2026, 3, 29), datetime(2026, 10, 25)])
def test_days_of_23_and_25_hours(story: Story, day: datetime) -> None:
    start = day.replace(tzinfo=BERLIN)
    end = (day + timedelta(days=1)).replace(tzinfo=BERLIN)
    noon = (day + timedelta(hours=36)).replace(tzinfo=BERLIN)
    story.happen(bought(start), bought(end.astimezone(UTC) - MICROSECOND), bought(end))
    body = trait(window={"last": "P2D", "align": "day"})
    assert story.value(body, noon) == 3
    assert story.due(body, noon) == (day + timedelta(days=2)).replace(tzinfo=BERLIN)
    assert story.value(trait(window={"calendar": "yesterday"}), noon) == 2
    assert story.value(trait(window={"last": "P1D"}), end) == (3 if day.month == 3 else 2)


def test_between_has_its_older_end_in_and_its_younger_end_out(story: Story) -> None:
    body = trait(window={"between": ["P60D", "P30D"]})
    story.happen(bought(days_ago(60)), bought(days_ago(30)), bought(days_ago(10)))
    assert story.value(body) == 1
    assert story.due(body) == NOON + MICROSECOND
    later = NOON + MICROSECOND
    assert story.value(body, later) == 1
    assert story.due(body, later) == days_ago(10) + timedelta(days=30) + MICROSECOND


def test_who_only_waits_for_the_window_is_due(story: Story) -> None:
    story.happen(bought(days_ago(10)))
    assert story.value(trait(window={"before": "P30D"})) == 0
    assert story.due(trait(window={"before": "P30D"})) == days_ago(-20) + MICROSECOND


@pytest.mark.parametrize(
    ("name", "count"),
    [("today", 1), ("yesterday", 1), ("this_week", 3), ("last_week", 1), ("this_month", 6), ("last_month", 1), ("this_year", 8), ("last_year", 1)],
)  # fmt: skip
def test_the_calendar(story: Story, name: str, count: int) -> None:
    days = [
        "2025-12-31",
        "2026-01-01",
        "2026-06-30",
        "2026-07-01",
        "2026-07-19",
        "2026-07-20",
        "2026-07-27",
        "2026-07-30",
        "2026-07-31",
    ]
    story.happen(*[bought(datetime.fromisoformat(day).replace(tzinfo=BERLIN)) for day in days])
    assert story.value(trait(window={"calendar": name})) == count


def test_from_and_to(story: Story) -> None:
    story.happen(*[bought(datetime(2026, 7, day, tzinfo=BERLIN)) for day in (1, 2, 3)])
    assert story.value(trait(window={"from": "2026-07-02", "to": "2026-07-03"})) == 1
    assert story.value(trait(window={"to": "2026-07-02T00:00:00+02:00"})) == 1
    assert story.due(trait(window={"from": "2026-07-02"})) is None


def test_no_window_is_all_time(story: Story) -> None:
    story.happen(bought(datetime(1999, 1, 1, tzinfo=UTC)))
    assert story.value(trait()) == 1
    assert story.due(trait()) is None


def test_future_events_count_when_their_time_comes(story: Story) -> None:
    ahead = NOON + timedelta(minutes=40)
    story.happen(bought(ahead))
    assert story.value(trait()) == 0
    assert story.due(trait()) == ahead
    assert story.value(trait(), ahead) == 1


def test_a_filter_that_looks_at_the_clock_is_looked_at_again(story: Story) -> None:
    body = trait(where={"property": "renewal", "op": "within_next", "value": "PT3H"})
    story.happen(bought(days_ago(1), renewal="2026-07-31T15:30:00+02:00"))
    assert story.value(body) == 0
    due = story.due(body)
    assert due == NOON + timedelta(hours=1)
    assert story.value(body, due) == 1


# Instants


def test_the_time_of_the_event_is_stored(story: Story) -> None:
    story.happen(bought(days_ago(9)), bought(days_ago(3)))
    body = trait(kind="last", property="timestamp", calculation="DAYS_SINCE")
    assert story.value(body) == "2026-07-28T10:00:00Z"
    assert story.value(trait(fn="min", property="timestamp")) == "2026-07-22T10:00:00Z"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2026-07-01", "2026-06-30T22:00:00Z"),
        ("2026-07-01T08:00:00", "2026-07-01T06:00:00Z"),
        ("2026-07-01T08:00:00.25Z", "2026-07-01T08:00:00.250000Z"),
        (1_782_900_000, "2026-07-01T10:00:00Z"),
        (1_782_900_000_000, "2026-07-01T10:00:00Z"),
    ],
)
def test_dates_in_properties_are_read_in_the_workspaces_zone(story: Story, given: Any, stored: str) -> None:
    story.happen(bought(days_ago(1), renewal=given))
    assert story.value(trait(kind="last", property="renewal", calculation="DAYS_SINCE")) == stored


def test_what_is_no_date_is_reported(story: Story) -> None:
    story.happen(bought(days_ago(1), renewal="soon"))
    body = trait(kind="last", property="renewal", calculation="HOURS_SINCE")
    assert story.value(body) is None
    assert story.values(body).skipped.tolist() == [1]


# Events


@pytest.mark.parametrize(("event", "count"), [("a", 1), (["a", "b"], 2), ({"prefix": "a"}, 2), ("*", 4)])
def test_which_events(story: Story, event: Any, count: int) -> None:
    story.happen(*[bought(days_ago(1), name) for name in ("a", "ab", "b", "c")])
    assert story.value(trait(event=event)) == count


def test_filters_that_differ_in_one_and_true_are_two(story: Story) -> None:
    story.happen(bought(days_ago(1), flag=True), bought(days_ago(1), flag=1), bought(days_ago(1), flag=1))
    bodies = [trait(where={"property": "flag", "op": "eq", "value": value}) for value in (1, True)]
    found = evaluate(story.engine, [definition(one) for one in bodies], as_of=clock.to_micros(NOON), zone=BERLIN)
    assert [one.value for one in found] == [[2], [1]]


# Whom


@pytest.fixture
def shop(tmp_path: Path) -> ColumnarEngine:
    """1 bought twice, 2 once, 3 only looked."""
    engine = ColumnarEngine(tmp_path / "shop")
    events = [(1, *spent(10)), (1, *spent(20)), (2, *spent(5)), (3, bought(days_ago(1), "page_view"))]
    with engine.writing(1) as writer:
        writer.append(batch(events))  # type: ignore[arg-type]
        writer.commit({})
    return engine


def test_whom_the_filter_keeps_out_has_no_value_not_even_zero(shop: ColumnarEngine) -> None:
    body = definition(trait(**SPEND, profile_filter={"type": "profile", "field": "email", "op": "exists"}))
    allowed = np.array([2, 3, 9])
    (found,) = evaluate(shop, [body], as_of=clock.to_micros(NOON), zone=BERLIN, allowed=[allowed])
    assert found.profile.tolist() == [2, 3, 9]
    assert found.to_store.all()
    assert [value_of(found, body, profile) for profile in (2, 3, 9)] == [5, 0, 0]


def test_few_profiles_are_answered_like_all(shop: ColumnarEngine) -> None:
    body = definition(trait(**SPEND, window=THIRTY))
    (found,) = evaluate(shop, [body], as_of=clock.to_micros(NOON), zone=BERLIN, profiles=np.array([2, 3]))
    assert (found.profile.tolist(), found.value) == ([2], [5])


def test_all_definitions_are_one_question(shop: ColumnarEngine) -> None:
    asked = []

    class Counting:
        def aggregates(self, specs: Any, as_of: int, profiles: Any = None) -> Any:
            asked.append((as_of, len(specs)))
            return shop.aggregates(specs, as_of, profiles)

    bodies = [trait(**SPEND), trait(window=THIRTY), trait(**SPEND, window=THIRTY), trait(**SPEND)]
    evaluate(Counting(), [definition(one) for one in bodies], as_of=clock.to_micros(NOON), zone=BERLIN)
    assert [count for as_of, count in asked if as_of == clock.to_micros(NOON)] == [4]


def test_values_go_with_merged_and_split_profiles(shop: ColumnarEngine) -> None:
    def spend() -> dict[int, Any]:
        (found,) = evaluate(shop, [definition(trait(**SPEND))], as_of=clock.to_micros(NOON), zone=BERLIN)
        return dict(zip(found.profile.tolist(), found.value, strict=True))

    for links, expected in (({2: 1}, {1: 35}), ({2: 2}, {1: 30, 2: 5})):
        with shop.writing(1) as writer:
            writer.relink(links)
            writer.commit({})
        assert spend() == expected


def test_who_has_no_value_and_waits_for_nothing_need_not_be_stored(story: Story) -> None:
    story.happen(*spent(None))
    values = story.values(trait(kind="last", property="revenue"))
    assert (values.profile.tolist(), values.to_store.tolist(), values.value) == ([ANNA], [False], [None])
