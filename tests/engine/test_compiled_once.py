"""Compiling takes seconds, so every kernel is called with the same types of arguments."""

from types import ModuleType

import pytest

from cdp.engine import overlap, sets
from cdp.engine.columnar import aggregate_kernels, condition_kernels, distinct_kernels, plain_sequences, runs, weaving
from cdp.engine.columnar.warm_profiles import warm_profiles


@pytest.mark.parametrize(
    "module", [aggregate_kernels, condition_kernels, distinct_kernels, plain_sequences, runs, weaving, overlap, sets]
)
def test_kernels_of_profiles_are_compiled_once_by_warming_up(module: ModuleType) -> None:
    warm_profiles()
    compiled: dict[str, int] = {name: len(vars(module)[name].signatures) for name in ENTRIES[module]}
    assert compiled == dict.fromkeys(ENTRIES[module], 1)


# Those that are called from Python; inner ones may be compiled into others several times.
ENTRIES: dict[ModuleType, set[str]] = {
    aggregate_kernels: {
        "count_events", "count_usable", "add_all", "add_up", "divide", "find_range", "find_end", "take_end",
    },
    condition_kernels: {"take_counted", "count_periods"},
    distinct_kernels: {"count_unique", "count_small", "list_unique", "find_mode"},
    plain_sequences: {"find_timed", "find_gapped"},
    runs: {"mark_items"},
    weaving: {"weave"},
    overlap: {"count_regions"},
    sets: {"mark_all", "take_all"},
}  # fmt: skip
