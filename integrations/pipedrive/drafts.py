"""A mapping as somebody wants it: read from a form or the API's body, with every fault at its place. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.pipedrive.fields import (
    DIRECTIONS,
    RULES,
    STANDARD,
    Direction,
    Fit,
    Kind,
    Rule,
    directions,
    fit,
    may_pull,
)
from stratum.lib import problems
from stratum.lib.refusal import Fault, Invalid

MOST_LINES = 60
LINE = ("local", "code", "direction", "rule", "enabled")


@dataclass(frozen=True, slots=True)
class Remote:
    """A field of Pipedrive's persons as its account has it now."""

    code: str
    name: str
    type: str

    @property
    def is_custom(self) -> bool:
        return self.code not in STANDARD


@dataclass(frozen=True, slots=True)
class Line:
    """One pair: a field of ours and the code of one of theirs."""

    local: str
    code: str
    direction: Direction
    rule: Rule
    enabled: bool = True


def read_mapping(body: object, kinds: Mapping[str, Kind], remotes: Mapping[str, Remote]) -> list[Line]:
    """`{"fields": [{local, code, direction, rule}, …]}`. Raises Invalid with all that is wrong."""
    faults = [*problems.unstorable(body)]
    if not isinstance(body, Mapping) or not isinstance(body.get("fields"), list):
        raise Invalid([Fault("/fields", "Give the mapping as a list of fields.", "wrong_type")])
    faults += problems.unknown_fields(body, ("fields",))
    rows: list[Any] = body["fields"]
    if len(rows) > MOST_LINES:
        faults.append(Fault("/fields", f"A mapping has at most {MOST_LINES} fields.", "too_many"))
    lines = []
    for place, row in enumerate(rows[:MOST_LINES]):
        line, wrong = _read(row, f"/fields/{place}")
        faults += wrong
        if line is not None:
            lines.append(line)
            faults += _check(line, f"/fields/{place}", kinds, remotes)
    if not faults:
        faults += _check_together(lines)
    if faults:
        raise Invalid(faults)
    return lines


def _read(row: object, pointer: str) -> tuple[Line | None, list[Fault]]:
    if not isinstance(row, Mapping):
        return None, [Fault(pointer, f"Each field is an object with {', '.join(LINE)}.", "wrong_type")]
    faults = problems.unknown_fields(row, LINE, pointer)
    faults += [
        Fault(f"{pointer}/{name}", f"Name the field of {whose}.", "required")
        for name, whose in (("local", "Stratum"), ("code", "Pipedrive"))
        if not isinstance(row.get(name), str) or not row[name]
    ]
    given = {"direction": row.get("direction", "to_pipedrive"), "rule": row.get("rule", "stratum_wins")}
    for name, known in (("direction", DIRECTIONS), ("rule", RULES)):
        if given[name] not in known:
            faults.append(Fault(f"{pointer}/{name}", f"Choose one of: {', '.join(known)}.", "unknown_choice"))
    if not isinstance(row.get("enabled", True), bool):
        faults.append(Fault(f"{pointer}/enabled", "Write true or false.", "wrong_type"))
    if faults:
        return None, faults
    return Line(row["local"], row["code"], given["direction"], given["rule"], row.get("enabled", True)), []


def _check(line: Line, pointer: str, kinds: Mapping[str, Kind], remotes: Mapping[str, Remote]) -> Iterator[Fault]:
    if line.local not in kinds:
        sentence = f"There is no field “{line.local[:80]}” in this workspace."
        yield Fault(f"{pointer}/local", sentence, "unknown_field")
    if line.code not in remotes:
        sentence = "Pipedrive has no person field with this code. Load its fields again, or create it."
        yield Fault(f"{pointer}/code", sentence, "unknown_field")
    if line.local in kinds and line.code in remotes:
        found = verdict(line, kinds, remotes)
        if found.refused:
            yield Fault(f"{pointer}/code", found.sentence, "wrong_type")
        elif line.direction not in directions(line.local, code=line.code):
            yield Fault(f"{pointer}/direction", wrong_direction(line), "wrong_direction")


def verdict(line: Line, kinds: Mapping[str, Kind], remotes: Mapping[str, Remote]) -> Fit:
    """How well the two of a line fit; both must be known."""
    return fit(kinds[line.local], remotes[line.code].type, code=line.code)


def wrong_direction(line: Line) -> str:
    if not may_pull(line.local):
        return "Stratum computes this field, so Pipedrive cannot write it. Choose Stratum → Pipedrive."
    return "Labels are written by Stratum and not read. Choose Stratum → Pipedrive."


def _check_together(lines: Sequence[Line]) -> Iterator[Fault]:
    """Two lines must not write the same field on either side."""
    written: dict[tuple[str, str], int] = {}
    for place, line in enumerate(lines):
        if not line.enabled:
            continue
        ends = [("code", line.code)]
        if line.direction != "to_pipedrive":
            ends.append(("local", line.local))
        for end in ends:
            if end in written:
                side = "Pipedrive" if end[0] == "code" else "Stratum"
                sentence = f"Line {written[end] + 1} writes this field of {side} already. Map it once."
                yield Fault(f"/fields/{place}/{end[0]}", sentence, "taken")
            written.setdefault(end, place)
