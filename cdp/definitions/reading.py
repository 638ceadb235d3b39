"""Reading a definition from JSON: every fault is kept, and something harmless stands in for what was wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from math import isfinite
from typing import Any

from cdp.engine.predicate_grammar import VALUES_ONLY, PredicateError, Refs, parse_predicate
from cdp.engine.predicates import Predicate
from stratum.lib import periods, problems
from stratum.lib.refusal import Fault


@dataclass(frozen=True, slots=True)
class Reading:
    """One pass over a body."""

    zone: tzinfo = UTC
    faults: list[Fault] = field(default_factory=list)

    def fault(self, pointer: str, sentence: str, code: str = "invalid") -> None:
        self.faults.append(Fault(pointer, sentence, code))

    def fields(self, value: object, pointer: str, known: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.fault(pointer, f"This must be a JSON object with {', '.join(known)}.", "wrong_type")
            return {}
        self.faults.extend(problems.unknown_fields(value, tuple(known), pointer))
        return value

    def text(self, fields: Mapping[str, Any], name: str, pointer: str, longest: int) -> str:
        value = fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.fault(f"{pointer}/{name}", f"The {name} must be text.", "wrong_type")
            return ""
        if len(value) > longest:
            self.fault(f"{pointer}/{name}", f"The {name} has at most {longest} characters.", "too_long")
        return value.strip()

    def choice(self, value: object, pointer: str, choices: Sequence[str]) -> str:
        if value in choices:
            return str(value)
        self.fault(pointer, f"Choose one of: {', '.join(choices)}.", "unknown_choice")
        return choices[0]

    def whole(self, value: object, pointer: str, least: int, most: int) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.fault(pointer, f"Give a whole number from {least} to {most}.", "out_of_range")
        return least

    def scalar(self, value: object, pointer: str) -> str | float | bool | None:
        if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and isfinite(value)):
            return value
        self.fault(pointer, "Give text, a number, true or false.", "wrong_type")
        return None

    def duration(self, value: object, pointer: str, longest: int) -> int:
        """Microseconds, more than none and at most `longest`."""
        if not isinstance(value, str):
            self.fault(pointer, "Write it as text like P30D (30 days) or PT12H (12 hours).", "wrong_type")
            return longest
        try:
            micros = periods.parse_duration(value)
        except ValueError as error:
            self.fault(pointer, str(error))
            return longest
        if not 0 < micros <= longest:
            most = f"{periods.duration_words(longest)} ({periods.format_duration(longest)})"
            self.fault(pointer, f"Choose something longer than nothing and at most {most}.", "out_of_range")
            return longest
        return micros

    def where(self, value: object, pointer: str, *, refs: Refs = VALUES_ONLY) -> Predicate | None:
        if value is None:
            return None
        try:
            return parse_predicate(value, pointer, self.zone, refs=refs)
        except PredicateError as error:
            self.fault(error.pointer, error.sentence)
            return None
