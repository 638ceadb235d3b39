"""Fisher, Wilson, Benjamini–Hochberg and Student against textbooks and exact fractions."""

from fractions import Fraction
from math import atan, comb, lgamma, log, pi, sqrt

import numpy as np
import pytest

from cdp.insights.distributions import log_gamma, student_both_tails, student_lower_tail
from cdp.insights.shares import benjamini_hochberg, fisher, wilson


def exact_fisher(count: int, of: int, other_count: int, other_of: int) -> Fraction:
    drawn = count + other_count
    ways = {k: comb(of, k) * comb(other_of, drawn - k) for k in range(max(0, drawn - other_of), min(drawn, of) + 1)}
    return Fraction(sum(each for each in ways.values() if each <= ways[count]), comb(of + other_of, drawn))


def test_the_lady_tasting_tea() -> None:
    """Fisher (1935): 3 of 4 right is 34/70 two-sided, all 4 right 2/70."""
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert fisher(4, 4, 0, 4) == pytest.approx(2 / 70)


def test_convictions_of_like_sex_twins() -> None:
    """Fisher's twins (1925): 10 of 13 monozygotic against 2 of 17 dizygotic; two-sided 0.00054."""
    assert fisher(10, 13, 2, 17) == pytest.approx(0.0005367, abs=5e-7)


def test_fisher_is_exact_on_every_small_table() -> None:
    for of in range(1, 9):
        for other_of in range(1, 9):
            for count in range(of + 1):
                for other in range(other_of + 1):
                    exact = float(exact_fisher(count, of, other, other_of))
                    assert fisher(count, of, other, other_of) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("table", [(90, 1_000, 150, 1_200), (0, 400, 9, 500), (700, 2_000, 650, 2_100)])
def test_fisher_is_exact_on_large_tables(table: tuple[int, int, int, int]) -> None:
    assert fisher(*table) == pytest.approx(float(exact_fisher(*table)), rel=1e-8)


def test_fisher_of_millions_stays_a_probability() -> None:
    assert fisher(100_000, 2_000_000, 100_000, 2_000_000) == pytest.approx(1.0, abs=1e-3)
    assert 0 <= fisher(100_000, 2_000_000, 150_000, 2_000_000) < 1e-200


def test_log_gamma() -> None:
    x = np.array([0.5, 1, 2, 3.25, 9.999, 10, 100.5, 1e6])
    assert log_gamma(x) == pytest.approx([lgamma(one) for one in x], rel=1e-13, abs=1e-14)
    assert float(log_gamma(5)) == pytest.approx(log(24))


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_in_newcombe(count: int, of: int, low: float, high: float) -> None:
    """Newcombe (1998), table I, method 3."""
    assert wilson(count, of) == pytest.approx((low, high), abs=6e-5)


def test_wilson_at_the_ends() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(5, 5)[1] == 1.0


def test_benjamini_hochberg_by_hand() -> None:
    """0.01·5/1, min(0.02·5/2, 0.03·5/3), 0.03·5/3, 0.04·5/4 and 0.5."""
    assert benjamini_hochberg([0.5, 0.01, 0.04, 0.02, 0.03]).tolist() == pytest.approx([0.5, 0.05, 0.05, 0.05, 0.05])


def test_benjamini_hochberg_in_their_paper() -> None:
    """The 15 p values of Benjamini and Hochberg (1995), section 4.1: at 0.05 the first four are rejected."""
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1,
    ]
    corrected = benjamini_hochberg(p)
    assert (corrected <= 0.05).tolist() == [True] * 4 + [False] * 11
    assert corrected[3] == pytest.approx(0.0095 * 15 / 4)


def test_nothing_tested_is_nothing_corrected() -> None:
    assert benjamini_hochberg([]).tolist() == []


@pytest.mark.parametrize(
    ("t", "degrees", "tails"), [(12.706, 1, 0.05), (2.228, 10, 0.05), (3.169, 10, 0.01), (1.984, 100, 0.05)]
)
def test_student_as_in_the_tables(t: float, degrees: int, tails: float) -> None:
    assert student_both_tails(t, degrees) == pytest.approx(tails, rel=1e-3)
    assert student_lower_tail(-t, degrees) == pytest.approx(tails / 2, rel=1e-3)
    assert student_lower_tail(t, degrees) == pytest.approx(1 - tails / 2, rel=1e-3)


@pytest.mark.parametrize("t", [-30.0, -3.0, -0.1, 0.0, 0.7, 5.0])
def test_student_in_closed_form(t: float) -> None:
    assert student_lower_tail(t, 1) == pytest.approx(0.5 + atan(t) / pi, rel=1e-9)
    assert student_lower_tail(t, 2) == pytest.approx(0.5 + t / (2 * sqrt(2 + t * t)), rel=1e-9)
