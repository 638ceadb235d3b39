"""The canonical form of an entry of the book, and the hash that chains it to the one before. Pure.

Anybody can check an exported book with these rules: an entry is a JSON object of its fields without `entry_hash`, keys
sorted, no spaces, UTF-8; instants are UTC with microseconds and a Z; fractions are decimal strings. Its hash is the
SHA-256 of that text, in hexadecimal. `prev_hash` of the first entry is 64 zeros.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import orjson

BEGINNING = "0" * 64
FIELDS = (
    *("seq", "id", "kind", "timestamp", "decision", "signal_health", "reason", "reason_code", "blocked_reason"),
    *("action", "entity", "entity_type", "entity_id", "entity_name", "platform", "account", "change", "user"),
    *("actor_type", "actor_id", "is_dry_run", "policy_version", "action_id", "request_id", "evidence", "prev_hash"),
)
BEFORE = tuple(sorted(name for name in FIELDS if name < "evidence"))
AFTER = tuple(sorted(name for name in FIELDS if name > "evidence"))
ROW = (*BEFORE, "evidence", *AFTER)
MIDDLE = tuple(name for name in AFTER if name < "prev_hash")
BETWEEN = tuple(name for name in AFTER if "prev_hash" < name < "seq")
CLOSING = tuple(name for name in AFTER if name > "seq")
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where a book contradicts itself or what was delivered from it."""

    seq: int
    sentence: str


def canonical(entry: Mapping[str, Any]) -> str:
    """`entry` has all FIELDS; `evidence` is canonical JSON text already, as the book stores it."""
    before = _dump({name: plain(entry[name]) for name in BEFORE})
    after = _dump({name: plain(entry[name]) for name in AFTER})
    return f'{before[:-1]},"evidence":{entry["evidence"]},{after[1:]}'


def entry_hash(entry: Mapping[str, Any]) -> str:
    return sha256(canonical(entry).encode()).hexdigest()


def row_hash(row: Sequence[Any]) -> str:
    """The same of a row in the order of ROW whose instants are canonical text already: a fifth of the time.

    orjson writes strings, whole numbers, true, false and null as the canonical form has them; fractions stand in the
    evidence only, which is text.
    """
    before = orjson.dumps(dict(zip(BEFORE, row, strict=False)))
    after = orjson.dumps(dict(zip(AFTER, row[len(BEFORE) + 1 :], strict=False)))
    return sha256(b"".join((before[:-1], b',"evidence":', row[len(BEFORE)].encode(), b",", after[1:]))).hexdigest()


def pieces(row: Mapping[str, Any]) -> dict[str, str]:
    """The canonical text of a row that has no place yet, around what is left open.

    opening, evidence, middle, prev_hash, between, seq, closing make the text that `row_hash` hashes.
    """
    return {
        "opening": f'{{{_inner(row, BEFORE)},"evidence":',
        "middle": f',{_inner(row, MIDDLE)},"prev_hash":"',
        "between": f'",{_inner(row, BETWEEN)},"seq":',
        "closing": f",{_inner(row, CLOSING)}}}",
    }


def _inner(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return orjson.dumps({name: row[name] for name in names}).decode()[1:-1]


class Canonical(str):
    """JSON text that is in canonical form already: what many entries share is written once."""

    __slots__ = ()


def canonical_text(value: Any) -> Canonical:
    return Canonical(_dump(plain(value)))


def evidence_text(evidence: Mapping[str, Any]) -> str:
    """The canonical JSON of what a decision rested on: signals, thresholds, checks, change, and whatever was given."""
    parts = (f"{_dump(name)}:{_text(evidence[name])}" for name in sorted(evidence))
    return f"{{{','.join(parts)}}}"


def _text(value: Any) -> str:
    return value if isinstance(value, Canonical) else _dump(plain(value))


def plain(value: Any) -> Any:
    """What JSON holds without doubt: the same value reads the same after any way through a database."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, float | Decimal):
        return decimal(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return str(value)


def instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def decimal(number: float | Decimal) -> str:
    """Without an exponent and without zeros that say nothing: 1.50 and 1.5 are one number."""
    exact = number if isinstance(number, Decimal) else Decimal(repr(number))
    return f"{exact.normalize():f}"
