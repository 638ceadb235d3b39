"""Sizes of all regions of several sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.engine.errors import NotSupported
from cdp.engine.overlap import region, region_sizes

IDS = st.integers(-5, 20) | st.integers(10**12, 10**12 + 5)
SETS = st.lists(st.sets(IDS, max_size=12), min_size=1, max_size=5)


@given(SETS)
def test_every_profile_is_in_one_region(sets: list[set[int]]) -> None:
    arrays = [np.array(sorted(one), np.int64) for one in sets]
    sizes = region_sizes(arrays)
    assert len(sizes) == 1 << len(sets)
    assert sizes[0] == 0
    for inside in range(1, len(sizes)):
        members = [
            one for one in set().union(*sets) if inside == sum((one in some) << bit for bit, some in enumerate(sets))
        ]
        assert sizes[inside] == len(members)
        assert region(arrays, inside).tolist() == sorted(members)


def test_ten_sets() -> None:
    sets = [np.arange(0, 1_000, step, dtype=np.int64) for step in range(1, 11)]
    sizes = region_sizes(sets)
    assert sizes.sum() == 1_000
    assert sizes[0b1111111111] == 1


def test_too_many_sets() -> None:
    with pytest.raises(NotSupported):
        region_sizes([np.empty(0, np.int64)] * 17)


def test_many_profiles() -> None:
    """More than are marked at once, and by several threads."""
    random = np.random.default_rng(1)
    inside = random.random((3, 400_000)) < 0.3
    sets = [np.flatnonzero(one) + 7 for one in inside]
    expected = np.bincount(inside[0] + 2 * inside[1] + 4 * inside[2])
    expected[0] = 0
    assert region_sizes(sets).tolist() == expected.tolist()
