"""Changing what ClickHouse holds: all is gathered, then written under a generation of its own, then committed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from cdp.engine.arrays import Ints
from cdp.engine.base import Cursor
from cdp.engine.batches import AttributeBatch, EventBatch
from cdp.engine.clickhouse.cells import cells
from cdp.engine.clickhouse.known import ORDER, Known, Own
from cdp.engine.clickhouse.properties import columns_of, with_fresh
from cdp.engine.clickhouse.server import Server
from cdp.engine.clickhouse.state import Claim, Head
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.clickhouse.values import to_text
from cdp.engine.columnar.state import State, relink, unique_ids

BLOCK = 200_000


@dataclass
class ClickHouseWriter:
    """Good for one commit."""

    server: Server
    claim: Claim
    batches: list[EventBatch] = field(default_factory=list)
    attributes: list[AttributeBatch] = field(default_factory=list)
    links: dict[int, int] | None = None
    voided: set[int] = field(default_factory=set)
    now: State | None = None
    purged_before: int | None = None
    written: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.purged_before = self.head.purged_before
        self.known: Known = self.head.known

    @property
    def head(self) -> Head:
        return self.claim.head

    @property
    def cursor(self) -> Cursor | None:
        return self.head.cursor

    def append(self, batch: EventBatch) -> None:
        if len(batch):
            self.batches.append(batch)

    def retract(self, seqs: Iterable[int]) -> None:
        self.voided.update(seqs)

    def relink(self, links: Mapping[int, int]) -> None:
        if links:
            self.links = self.state.links() if self.links is None else self.links
            relink(self.links, links)

    def forget(self, profiles: Iterable[int]) -> None:
        self.apply_links()
        self.now = self.state.forgetting(unique_ids(profiles))

    def purge(self, before_ts: int) -> None:
        self.purged_before = before_ts if self.purged_before is None else max(before_ts, self.purged_before)

    def set_attributes(self, batch: AttributeBatch) -> None:
        if len(batch):
            self.attributes.append(batch)

    @property
    def state(self) -> State:
        if self.now is None:
            self.now = self.before
        return self.now

    @property
    def before(self) -> State:
        if not hasattr(self, "read"):
            self.read = read_state(self.server, self.head)
        return self.read

    @cached_property
    def own(self) -> Own:
        """Which properties have columns of their own, when all that is appended is known."""
        own = self.head.known.own
        for batch in self.batches:
            own = with_fresh(own, batch.properties)
        return own

    def apply_links(self) -> None:
        if self.links is not None:
            self.now = self.state.linked(self.links)
            self.links = None

    def commit(self, cursor: Cursor) -> None:
        self.apply_links()
        has_moved, has_voided = self.store()
        held, swept = self.held(), self.head.swept
        flags = {"has_moved": has_moved, "has_voided": has_voided}
        self.claim.commit(cursor, self.purged_before, **flags, known=self.known, held=held, swept=swept)

    def held(self) -> dict[str, int] | None:
        """Rows by table, with those of this generation."""
        before = self.head.held
        return None if before is None else dict(Counter(before) + self.written)

    def store(self) -> tuple[bool, bool]:
        """Whether rows were ever moved, and whether any were voided."""
        fresh = unique_ids(self.voided)
        after = self.state.without(fresh, np.full(len(fresh), -1)) if len(fresh) else self.state
        moved = after.moved_since(self.before)
        erased = np.setdiff1d(after.forgotten, self.before.forgotten)
        moved = np.setdiff1d(moved, after.forgotten)
        self.write_changes(after, moved, erased, fresh)
        self.place_anew(after, moved)
        self.write_events(after)
        self.write_attributes(after)
        return self.head.has_moved or bool(len(moved) or len(erased)), self.head.has_voided or bool(len(fresh))

    def insert(self, table: str, columns: dict[str, Any], part: int = 0) -> None:
        size = len(next(iter(columns.values())))
        if size:
            self.claim.has_written = True
            self.written[table] += size
            key = {name: np.full(size, value) for name, value in self.head.key.items()}
            generation = np.full(size, self.claim.generation)
            self.server.insert(table, {**key, **columns, "generation": generation}, self.claim.token(f"{table}-{part}"))

    def write_changes(self, after: State, moved: Ints, erased: Ints, voided: Ints) -> None:
        old, new = self.before.links(), after.links()
        changed = {loser: new.get(loser, loser) for loser in old | new if new.get(loser) != old.get(loser)}
        self.insert("link", {"loser": ids(changed), "next": ids(changed.values())})
        self.insert("moved", {"origin": np.concatenate([moved, erased])})
        self.insert("erased", {"origin": erased})
        self.insert("void", {"seq": voided})

    def place_anew(self, after: State, moved: Ints) -> None:
        """Rows of these origins, as they count now, once more with their new owners."""
        if not len(moved):
            return
        self.claim.has_written = True
        of_events = ", ".join((EVENT_COLUMNS, *columns_of(self.head.known.own)))
        for table, move in (
            ("event", self.head.question("move_rows", target="event", columns=of_events)),
            ("attribute", self.head.about_attributes("move_rows", target="attribute", columns=ATTRIBUTE_COLUMNS)),
        ):
            move.parameters |= {"next_generation": self.claim.generation}
            move.parameters |= {"moved": moved.tolist(), "owners": after.owner(moved).tolist()}
            move.parameters |= {"sources": np.unique(self.before.owner(moved)).tolist()}
            self.server.change(move.text, move.parameters, self.claim.token(f"{table}-anew"))
            placed = Statement("placed_rows", self.head.key | {"generation": self.claim.generation}, table=table)
            ((rows,),) = self.server.rows(placed.text, placed.parameters)
            self.written[table] += rows

    def write_events(self, after: State) -> None:
        self.known = replace(self.head.known, own=self.own)
        for part, batch in enumerate(self.batches):
            keep = after.counts(batch.seq, batch.profile)
            if not keep.any():
                continue
            rows = np.flatnonzero(keep).tolist()
            origin = batch.profile[keep].astype(np.int64)
            properties, kinds = cells([batch.properties[row] for row in rows], self.own)
            places = {name: getattr(batch, name)[keep].astype(np.int64) for name in ORDER}
            ranges = {name: (int(some.min()), int(some.max())) for name, some in places.items()}
            self.known = self.known.with_rows(kinds, ranges)
            columns = {
                "name": pa.array([batch.name[row] for row in rows], pa.string()),
                "profile": after.owner(origin),
                **places,
                "kind": batch.kind[keep].astype(np.uint8),
                "origin": origin,
                **properties,
            }
            self.insert("event", columns, part)

    def write_attributes(self, after: State) -> None:
        for part, batch in enumerate(self.attributes):
            keep = ~np.isin(batch.profile, after.forgotten)
            rows = np.flatnonzero(keep).tolist()
            origin = batch.profile[keep].astype(np.int64)
            columns = {
                "profile": after.owner(origin),
                "name": pa.array([batch.name[row] for row in rows], pa.string()),
                "ts": batch.ts[keep].astype(np.int64),
                "value": pa.array([to_text(batch.value[row]) for row in rows], pa.string()),
                "origin": origin,
            }
            self.insert("attribute", columns, part)


EVENT_COLUMNS = "name, ts, received, seq, kind"
ATTRIBUTE_COLUMNS = "name, ts, value"


def ids(some: Iterable[int]) -> Ints:
    return np.fromiter(some, np.int64)


def read_state(server: Server, head: Head) -> State:
    """Merges, voids and erasures so far."""
    parts = {"committed": head.committed}
    link, void, erased = (Statement(name, head.parameters, **parts) for name in ("links", "voids", "erasures"))
    losers, nexts = server.columns(link.text, link.parameters)
    (voided,) = server.columns(void.text, void.parameters)
    (forgotten,) = server.columns(erased.text, erased.parameters)
    state = State(retracted=voided, retracted_from=np.full(len(voided), -1), forgotten=forgotten)
    return state.linked(dict(zip(losers.tolist(), nexts.tolist(), strict=True)))
