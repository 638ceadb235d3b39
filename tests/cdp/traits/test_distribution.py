"""How the values of a trait are spread."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from cdp.queries import trait_distribution as distributions
from stratum.lib import clock

BERLIN = ZoneInfo("Europe/Berlin")


def micros(*texts: str) -> np.ndarray:
    return np.array([clock.to_micros(datetime.fromisoformat(text)) for text in texts], np.int64)


class TestNumbers:
    def test_figures_and_bins(self) -> None:
        found = distributions.of_numbers(np.array([1.0, 2, 2, 3, 12]))
        assert (found.kind, found.count, found.least, found.median, found.most) == ("numbers", 5, 1, 2, 12)
        assert found.average == 4
        assert sum(each.count for each in found.bins) == 5
        assert (found.bins[0].start, found.bins[-1].end) == (1, 12)

    def test_whole_numbers_get_bins_of_whole_numbers(self) -> None:
        found = distributions.of_numbers(np.array([1.0, 1, 2, 3, 3]))
        assert [(each.start, each.count) for each in found.bins] == [(1, 2), (2, 3)]

    def test_one_giant_does_not_push_all_others_into_one_bar(self) -> None:
        found = distributions.of_numbers(np.concatenate([np.linspace(0, 100, 1_000), [10**9]]))
        assert max(each.count for each in found.bins) < 100
        assert found.bins[-1].end == 10**9
        assert sum(each.count for each in found.bins) == 1_001

    @pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [-1.5, 1.5], [0.000001, 0.000002], [1e15, 2e15]])
    def test_every_value_is_in_a_bin(self, values: list[float]) -> None:
        found = distributions.of_numbers(np.array(values))
        assert sum(each.count for each in found.bins) == len(values)
        starts = [each.start for each in found.bins]
        assert starts == sorted(starts)

    def test_nobody(self) -> None:
        found = distributions.of_numbers(np.zeros(0))
        assert (found.count, found.bins, found.median) == (0, (), None)


class TestInstants:
    def test_days_of_the_workspace(self) -> None:
        found = distributions.of_instants(micros("2026-01-01T22:30:00+00:00", "2026-01-01T23:30:00+00:00"), BERLIN)
        assert [(each.start, each.count) for each in found.bins] == [
            ("2026-01-01T00:00:00+01:00", 1),
            ("2026-01-02T00:00:00+01:00", 1),
        ]
        assert found.least == "2026-01-01T23:30:00+01:00"

    @pytest.mark.parametrize(
        ("last", "first_bin", "bins"),
        [
            ("2026-03-15", "2025-12-29T00:00:00+01:00", 11),
            ("2026-12-15", "2026-01-01T00:00:00+01:00", 12),
            ("2031-01-01", "2026-01-01T00:00:00+01:00", 6),
        ],
    )
    def test_weeks_months_and_years(self, last: str, first_bin: str, bins: int) -> None:
        found = distributions.of_instants(micros("2026-01-01T12:00:00+00:00", f"{last}T12:00:00+00:00"), BERLIN)
        assert (found.bins[0].start, len(found.bins)) == (first_bin, bins)
        assert (found.bins[0].count, found.bins[-1].count) == (1, 1)


class TestValues:
    def test_by_falling_count(self) -> None:
        found = distributions.of_json(["shoes", "tents", "shoes"])
        assert [(each.value, each.count) for each in found.values] == [("shoes", 2), ("tents", 1)]
        assert (found.values[0].rate, found.count, found.distinct) == (2 / 3, 3, 2)

    def test_beyond_the_shown_ones(self) -> None:
        found = distributions.of_json([f"v{number:02}" for number in range(25)])
        assert (len(found.values), found.others, found.distinct) == (20, 5, 25)

    def test_each_item_of_a_list_counts(self) -> None:
        found = distributions.of_json([["a", "b"], ["a"]])
        assert [(each.value, each.count, each.rate) for each in found.values] == [("a", 2, 1), ("b", 1, 0.5)]

    def test_texts_and_numbers_are_different_values(self) -> None:
        found = distributions.of_json(["1", 1, 1.0, True])
        assert {(type(each.value).__name__, each.count) for each in found.values} == {
            ("str", 1),
            ("int", 2),
            ("bool", 1),
        }

    def test_numbers_alone_are_numbers(self) -> None:
        assert distributions.of_json([1, 2.5]).kind == "numbers"
