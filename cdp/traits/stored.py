"""Values in columns, and the JSON that is stored of them: many at a time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cdp.engine.aggregates import MILLION
from cdp.engine.arrays import Ints, Mask
from stratum.lib import clock

Form = Literal["whole", "scaled", "instant", "label", "list"]
PLACES = 6


@dataclass(frozen=True, eq=False)
class Column:
    """One value per place. `value`: whole numbers, millionths, microseconds, places in `known`, or sizes of lists whose
    items follow each other in `items`, places in `known`."""

    form: Form
    value: Ints
    known: tuple[Any, ...] = ()
    items: Ints | None = None

    def only(self, keep: Mask) -> "Column":
        if self.form != "list":
            return Column(self.form, self.value[keep], self.known)
        assert self.items is not None
        return Column("list", self.value[keep], self.known, self.items[np.repeat(keep, self.value)])

    def spread(self, place: Ints, size: int) -> "Column":
        """At these places of a longer column; elsewhere 0."""
        full = np.zeros(size, np.int64)
        full[place] = self.value
        return Column(self.form, full, self.known, self.items)

    def decoded(self) -> list[Any]:
        """As JSON; whatever stands where nothing is."""
        values: list[int] = self.value.tolist()
        match self.form:
            case "whole":
                return values
            case "scaled":
                return list(map(number, values))
            case "label":
                return [self.known[place] for place in values] if self.known else [None] * len(values)
            case "instant":
                return [iso(one) for one in values]
        assert self.items is not None
        named = [self.known[place] for place in self.items.tolist()]
        ends = np.cumsum(self.value).tolist()
        return [named[end - size : end] for size, end in zip(values, ends, strict=True)]

    def json_texts(self, places: Ints, present: Mask) -> list[str | None]:
        """The JSON text of the values at these places, None where `present` is not."""
        if self.form == "list":
            texts = self._list_texts(places)
        elif self.form == "label":
            words = [_text(one) for one in self.known] or ["null"]
            texts = [words[place] for place in self.value[places].tolist()]
        elif self.form == "instant":
            texts = [f'"{iso(micros)}"' for micros in self.value[places].tolist()]
        elif self.form == "scaled":
            texts = decimals(self.value[places])
        else:
            texts = [str(one) for one in self.value[places].tolist()]
        if present.all():
            return list(texts)
        return [text if is_there else None for text, is_there in zip(texts, present.tolist(), strict=True)]

    def _list_texts(self, places: Ints) -> list[str]:
        assert self.items is not None
        words = [_text(one) for one in self.known]
        named = [words[place] for place in self.items.tolist()]
        ends = np.cumsum(self.value)
        starts = (ends - self.value)[places].tolist()
        return [f"[{', '.join(named[start:end])}]" for start, end in zip(starts, ends[places].tolist(), strict=True)]


def whole(value: Ints) -> Column:
    return Column("whole", value)


def scaled(value: Ints) -> Column:
    return Column("scaled", value)


def instants(value: Ints) -> Column:
    return Column("instant", value)


def labels(value: Ints, known: Sequence[Any]) -> Column:
    return Column("label", value, tuple(known))


def lists(size: Ints, items: Ints, known: Sequence[Any]) -> Column:
    return Column("list", size, tuple(known), items)


def number(millionths: int) -> float:
    return millionths // MILLION if millionths % MILLION == 0 else millionths / MILLION


def iso(micros: int) -> str:
    """UTC, as the API writes instants."""
    return clock.from_micros(micros).isoformat().replace("+00:00", "Z")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def decimals(value: Ints) -> list[str]:
    """Millionths as the shortest decimals, exact: 12500000 is 12.5."""
    if not len(value):
        return []
    if not (value % MILLION).any():
        return [str(one) for one in (value // MILLION).tolist()]
    return [_point(str(one)) for one in value.tolist()]


def _point(text: str) -> str:
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    digits = digits.rjust(PLACES + 1, "0")
    return f"{sign}{digits[:-PLACES]}.{digits[-PLACES:]}".rstrip("0").rstrip(".")
