"""How often each profile has each value of a property: ClickHouse counts texts, and here they become values."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cdp.engine.aggregates import AggregateSpec, Tie
from cdp.engine.arrays import Ints
from cdp.engine.clickhouse.asked import Question, numbers
from cdp.engine.clickhouse.properties import MISSING, value_of
from cdp.engine.clickhouse.texts import encoded
from cdp.engine.clickhouse.values import from_texts
from cdp.engine.columnar.items import text_form
from cdp.engine.columnar.labels import Labels
from cdp.engine.events import Events
from cdp.engine.predicates import is_missing

MOST_COUNTED = 32  # values, each of which is a column of the answer
# When a value last came, in the order of all events.
LATEST = ("ts", "received", "seq")


@dataclass(frozen=True, eq=False)
class Tallies:
    """`profile[i]` has `labels[label[i]]` so many `times`; by ascending profile and label, which are ordered by text.

    latest: when it last came, as (time, received, sequence number, place in the list), or None where nobody asked.
    """

    profile: Ints
    label: Ints
    times: Ints
    labels: list[Any]
    latest: tuple[Ints, ...] | None

    def most_frequent(self, tie: Tie, least: int) -> tuple[Ints, Ints]:
        """Who has a value so often, and the one that comes most often."""
        if not len(self.profile):
            return self.profile, self.label
        begins = np.flatnonzero(np.diff(self.profile, prepend=self.profile[0] - 1))
        most = np.maximum.reduceat(self.times, begins)
        most_here = np.repeat(most, np.diff(begins, append=len(self.profile)))
        rows = np.flatnonzero((self.times == most_here) & (self.times >= least))
        if tie == "most_recent" and self.latest is not None:
            keys = [one[rows] for one in reversed(self.latest)]
            rows = rows[np.lexsort((*keys, self.profile[rows]))][::-1]
        who, first = np.unique(self.profile[rows], return_index=True)
        return who, self.label[rows[first]]


@dataclass(frozen=True)
class FewValues:
    """So few that each can be counted by itself: `labels` by their text, and in which `texts` each of them comes."""

    labels: tuple[Any, ...]
    texts: list[list[str]]


def few_values(question: Question, events: Events, name: str) -> FewValues | None:
    """None where values are many, or lists; and where only some profiles are asked about, who have few rows."""
    if question.profiles is not None:
        return None
    asked = question.about("distinct_values", events)
    value = value_of(name, asked)
    asked.parts |= {"values": value, "open": f"{value} NOT IN {MISSING}"}
    asked.parameters["most"] = MOST_COUNTED + 1
    found = [text for (text,) in question.server.rows(asked.text, asked.parameters)]
    if len(found) > MOST_COUNTED or any(text.startswith("[") for text in found):
        return None
    _, label, _, labels = items_of(pa.chunked_array([found], pa.string()))
    texts: list[list[str]] = [[] for _ in labels]
    for text, one in zip(found, label, strict=True):
        texts[one].append(text)
    return FewValues(tuple(labels), texts)


def read_tallies(question: Question, spec: AggregateSpec) -> Tallies:
    asked = question.about("profile_values", spec.events, missing=MISSING)
    asked.parts["where"] = question.where(spec.events, asked)
    asked.parts["value"] = value_of(str(spec.property), asked)
    has_latest = spec.fn == "mode" and spec.tie == "most_recent"
    asked.parts["latest"] = latest_of(LATEST) if has_latest else ""
    found = question.table(asked)
    rows, label, place, labels = items_of(found.column("value"))
    profile, times = numbers(found, "profile")[rows], numbers(found, "times")[rows]
    latest = (*(numbers(found, f"last_{one}")[rows] for one in LATEST), place) if has_latest else None
    return joined(profile, label, times, labels, latest)


def latest_of(keys: tuple[str, ...]) -> str:
    last = f"max(({', '.join(keys)}))"
    return "".join(f",\n    tupleElement({last}, {place}) AS last_{key}" for place, key in enumerate(keys, 1))


def items_of(texts: pa.ChunkedArray) -> tuple[Ints, Ints, Ints, list[Any]]:
    """For each item of all values its row, label, and place in its value; and the labels, in the order of texts."""
    code, different = encoded(texts)
    known = Labels()
    each = [[known.code(item) for item in items(value)] for value in from_texts(different)]
    order = sorted(range(len(known.values)), key=lambda one: text_form(known.values[one]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    size = np.array([len(some) for some in each], np.int64)
    flat = rank[np.array([one for some in each for one in some], np.int64)]
    count = size[code] if len(size) else np.empty(0, np.int64)
    first = (np.cumsum(size) - size)[code] if len(size) else count
    rows = np.repeat(np.arange(len(code)), count)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    return rows, flat[np.repeat(first, count) + place], place, [known.values[one] for one in order]


def items(value: Any) -> list[Any]:
    return [one for one in (value if isinstance(value, list) else [value]) if not is_missing(one)]


def joined(profile: Ints, label: Ints, times: Ints, labels: list[Any], latest: tuple[Ints, ...] | None) -> Tallies:
    """Each value of a profile once, though it came in several texts or several times in one."""
    order = np.lexsort((*reversed(latest), label, profile)) if latest else by_both(profile, label, len(labels))
    profile, label, times = profile[order], label[order], times[order]
    ends = np.append((profile[1:] != profile[:-1]) | (label[1:] != label[:-1]), True)[: len(profile)]
    last = np.flatnonzero(ends)
    if len(last):
        times = np.add.reduceat(times, np.append(0, last[:-1] + 1))
    newest = None if latest is None else tuple(one[order][last] for one in latest)
    return Tallies(profile[last], label[last], times, labels, newest)


def by_both(profile: Ints, label: Ints, labels: int) -> Ints:
    """Sorts by profile and label: as one number where 64 bits hold it, which is several times quicker."""
    first, last = int(profile.min(initial=0)), int(profile.max(initial=0))
    if (last - first + 1) * max(labels, 1) >= 2**63:
        return np.lexsort((label, profile))
    return np.argsort((profile - first) * labels + label)
