"""Events and rejected items as people read them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdp.models import Event, Kind, RejectedItem

SUMMARY_PARTS = 4
SUMMARY_TEXT = 40  # characters of one value

FLAGS = {
    "skew_corrected": "Clock corrected: the device's clock was wrong by more than a minute.",
    "future_time": "Time in the future: more than an hour ahead, so the time of arrival counts.",
    "naive_time": "No time zone: the time was sent without one and read as UTC.",
}
FLAG_LABELS = {"skew_corrected": "clock corrected", "future_time": "future time", "naive_time": "no time zone"}
KINDS = {
    Kind.TRACK: "track",
    Kind.PAGE: "page",
    Kind.SCREEN: "screen",
    Kind.IDENTIFY: "identify",
    Kind.GROUP: "group",
    Kind.ALIAS: "alias",
}
TELLING = (Kind.IDENTIFY, Kind.GROUP)


@dataclass(frozen=True, slots=True)
class Flag:
    label: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of JSON to show; `id` names it in the page."""

    id: str
    label: str
    code: str


def flags(event: Event) -> list[Flag]:
    return [Flag(FLAG_LABELS.get(flag, flag), FLAGS.get(flag, "")) for flag in event.flags]


def kind(event: Event) -> str:
    return KINDS[Kind(event.kind)]


def event_blocks(event: Event) -> list[Block]:
    told = "Traits" if event.kind in TELLING else "Properties"
    blocks = [Block(f"event-{event.pk}-properties", told, pretty(event.properties))]
    return [*blocks, Block(f"event-{event.pk}-context", "Context", pretty(event.context))]


def rejected_blocks(item: RejectedItem) -> list[Block]:
    return [Block(f"rejected-{item.pk}-item", "As received", _as_json(item.item))]


def pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _as_json(text: str) -> str:
    """Laid out where it is JSON; as it is where it is not, or was cut."""
    try:
        return pretty(json.loads(text))
    except (ValueError, RecursionError):
        return text


def summary(properties: Mapping[str, Any]) -> str:
    """The first plain properties on one line: `value 49.9 · currency EUR`."""
    plain = (
        (name, value) for name, value in properties.items() if isinstance(value, str | int | float) and value != ""
    )
    parts = [f"{name} {_short(value)}" for name, value in plain]
    return " · ".join(parts[:SUMMARY_PARTS])


def _short(value: str | float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if len(text) <= SUMMARY_TEXT else f"{text[: SUMMARY_TEXT - 1]}…"
