"""Raw events outside PostgreSQL: what a row is, and what whoever keeps them can do.

Texts of JSON stay byte for byte as PostgreSQL gave them; instants are whole microseconds since 1970 UTC. Rows are
written by rounds; a round counts for nobody until PostgreSQL names it, so every question says which rounds it means.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class RawEvent:
    """A row of cdp_event. `properties`, `context` and `flags` are JSON texts."""

    id: int
    xid: int
    profile: int
    kind: int
    name: str
    message_id: str
    pair_key: str | None
    source_id: int | None
    original_name: str
    ts: int
    received: int
    sent: int | None
    original_timestamp: int | None
    properties: str
    context: str
    platform: str | None
    device: str | None
    campaign: str | None
    flags: str


NAMES = tuple(field.name for field in fields(RawEvent))
CHECKED = tuple(name for name in NAMES if name != "xid")  # which changes when a dump is restored elsewhere


@dataclass(frozen=True, slots=True)
class DayCheck:
    """`checksum`: the sum of the first 60 bits of the MD5 of every row: of its CHECKED values as texts, joined by 0x1f,
    0x1e where there is none."""

    rows: int
    checksum: int


class RawKeeper(Protocol):
    """The raw events of one workspace."""

    def write(self, round_number: int, rows: Sequence[RawEvent], block: int) -> None:
        """`block` numbers the calls of a round; one that is repeated adds nothing."""

    def days(
        self, rounds: Sequence[int], without: Sequence[tuple[int, int, int]] = ()
    ) -> Mapping[tuple[int, int], DayCheck]:
        """By round and day since 1970 UTC; `without`: rows of these rounds, days and profiles."""

    def profile_days(self, rounds: Sequence[int], profiles: Sequence[int]) -> Mapping[tuple[int, int, int], DayCheck]:
        """By round, day and profile."""

    def events(self, rounds: Sequence[int]) -> Iterator[RawEvent]:
        """All of them, day by day."""

    def of_day(self, rounds: Sequence[int], day: int) -> Iterator[RawEvent]: ...

    def of_profiles(self, rounds: Sequence[int], profiles: Sequence[int]) -> Iterator[RawEvent]:
        """By number; profiles as ingested here and below."""

    def by_id(self, rounds: Sequence[int], ids: Sequence[int]) -> list[RawEvent]: ...

    def timeline(
        self, rounds: Sequence[int], profiles: Sequence[int], most: int, before: tuple[int, int] | None = None
    ) -> list[RawEvent]:
        """Newest first; `before` is (ts, id) of the last one seen."""

    def facts(
        self, rounds: Sequence[int], profiles: Sequence[int], name: str, as_of: int, without: Sequence[int]
    ) -> Mapping[int, tuple[int, int, int, int]]:
        """By profile: events that count, those called `name`, and the last time of each (0 for never). `without`:
        numbers of voided events."""

    def ids_of(self, rounds: Sequence[int], profiles: Sequence[int]) -> list[int]: ...

    def forget_profiles(self, rounds: Sequence[int], profiles: Sequence[int]) -> int:
        """From disk too; how many rows that were, here and below."""

    def forget_days_before(self, day: int) -> int: ...

    def forget_rounds_but(self, rounds: Sequence[int]) -> int:
        """What interrupted rounds left."""
