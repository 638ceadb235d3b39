"""Raw events in ClickHouse, where they are the truth of record."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cdp.engine.clickhouse.server import Server, server_of
from cdp.engine.clickhouse.statements import template
from cdp.engine.events import ENDLESS
from cdp.engine.raw import CHECKED, DAY, NAMES, DayCheck, RawEvent

AT_ONCE = 20_000  # rows of one answer
NUMBERS = {"id", "xid", "profile", "source_id", "ts", "received", "sent", "original_timestamp"}
COLUMNS = ", ".join(NAMES)
# A row as one text, as PostgreSQL puts it together for its own checksum.
TEXT = "concat(" + ", '\\x1f', ".join(f"ifNull(toString({name}), '\\x1e')" for name in CHECKED) + ")"


class RawStore:
    """RawKeeper on the server at `url`."""

    def __init__(self, url: str, workspace: int) -> None:
        self.url, self.workspace = url, workspace

    @property
    def server(self) -> Server:
        return server_of(self.url)

    def write(self, round_number: int, rows: Sequence[RawEvent], block: int) -> None:
        size = len(rows)
        columns: dict[str, Any] = {
            name: pa.array([getattr(row, name) for row in rows], kind_of(name)) for name in NAMES
        }
        columns |= {"workspace": np.full(size, self.workspace), "round": np.full(size, round_number)}
        columns["day"] = pa.array([row.ts // DAY for row in rows], pa.int32())
        if size:
            self.server.insert("raw", columns, f"raw-{self.workspace}-{round_number}-{block}")

    def days(
        self, rounds: Sequence[int], without: Sequence[tuple[int, int, int]] = ()
    ) -> dict[tuple[int, int], DayCheck]:
        asked, which = self.about(rounds), "1"
        if without:
            asked["without"] = list(without)
            which = "(round, day, profile) NOT IN {without:Array(Tuple(Int64, Int32, Int64))}"
        found = self.server.rows(template("raw_days").substitute(key="round, day", text=TEXT, which=which), asked)
        return {(number, day): DayCheck(rows, int(total)) for number, day, rows, total in found}

    def profile_days(self, rounds: Sequence[int], profiles: Sequence[int]) -> dict[tuple[int, int, int], DayCheck]:
        which = "profile IN {profiles:Array(Int64)}"
        sql = template("raw_days").substitute(key="round, day, profile", text=TEXT, which=which)
        found = self.server.rows(sql, {**self.about(rounds), "profiles": list(profiles)}) if profiles else []
        return {(number, day, profile): DayCheck(rows, int(total)) for number, day, profile, rows, total in found}

    def events(self, rounds: Sequence[int]) -> Iterator[RawEvent]:
        """Day by day, because a day is what a partition finds."""
        for (day,) in self.server.rows(template("raw_dates").template, self.about(rounds)):
            yield from self.of_day(rounds, day)

    def of_day(self, rounds: Sequence[int], day: int) -> Iterator[RawEvent]:
        return self.read(rounds, "day = {day:Int32}", day=day)

    def of_profiles(self, rounds: Sequence[int], profiles: Sequence[int]) -> Iterator[RawEvent]:
        return self.read(rounds, "profile IN {profiles:Array(Int64)}", profiles=list(profiles))

    def by_id(self, rounds: Sequence[int], ids: Sequence[int]) -> list[RawEvent]:
        return list(self.read(rounds, "id IN {ids:Array(Int64)}", ids=list(ids))) if ids else []

    def read(self, rounds: Sequence[int], which: str, **bound: Any) -> Iterator[RawEvent]:
        sql, after = template("raw_events").substitute(columns=COLUMNS, which=which), -1
        while True:
            asked = {**self.about(rounds), **bound, "after": after, "most": AT_ONCE}
            found = [RawEvent(*row) for row in self.server.rows(sql, asked)]
            yield from found
            if len(found) < AT_ONCE:
                return
            after = found[-1].id

    def timeline(
        self, rounds: Sequence[int], profiles: Sequence[int], most: int, before: tuple[int, int] | None = None
    ) -> list[RawEvent]:
        ts, row_id = before or (ENDLESS, 0)
        asked = {**self.about(rounds), "profiles": list(profiles), "ts": ts, "id": row_id, "most": most}
        rows = self.server.rows(template("raw_timeline").substitute(columns=COLUMNS), asked)
        return [RawEvent(*row) for row in rows]

    def facts(
        self, rounds: Sequence[int], profiles: Sequence[int], name: str, as_of: int, without: Sequence[int]
    ) -> dict[int, tuple[int, int, int, int]]:
        asked = {**self.about(rounds), "profiles": list(profiles), "name": name, "as_of": as_of}
        rows = self.server.rows(template("raw_facts").template, asked | {"without": list(without)})
        return {profile: (events, named, last, last_named) for profile, events, named, last, last_named in rows}

    def ids_of(self, rounds: Sequence[int], profiles: Sequence[int]) -> list[int]:
        rows = self.server.rows(template("raw_ids").template, {**self.about(rounds), "profiles": list(profiles)})
        return [row_id for (row_id,) in rows]

    def forget_profiles(self, rounds: Sequence[int], profiles: Sequence[int]) -> int:
        which = "has({rounds:Array(Int64)}, round) AND profile IN {profiles:Array(Int64)}"
        return self.delete(which, rounds=list(rounds), profiles=list(profiles)) if profiles else 0

    def forget_days_before(self, day: int) -> int:
        return self.delete("day < {day:Int32}", day=day)

    def forget_rounds_but(self, rounds: Sequence[int]) -> int:
        return self.delete("NOT has({rounds:Array(Int64)}, round)", rounds=list(rounds))

    def delete(self, which: str, **bound: Any) -> int:
        """Nothing is rewritten where there is nothing to delete: no other months, no other workspaces."""
        asked = {"workspace": self.workspace, **bound}
        found = self.server.rows(template("raw_partitions").substitute(which=which), asked)
        place = {"table": self.server.layout.stored("raw"), "workspace": self.workspace, "which": which}
        for month, _ in found:
            self.server.change(template("raw_delete").substitute(place, month=month), asked)
        return sum(rows for _, rows in found)

    def about(self, rounds: Sequence[int]) -> dict[str, Any]:
        return {"workspace": self.workspace, "rounds": list(rounds)}


def kind_of(name: str) -> pa.DataType:
    if name == "kind":
        return pa.uint8()
    return pa.int64() if name in NUMBERS else pa.string()
