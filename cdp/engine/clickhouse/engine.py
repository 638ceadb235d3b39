"""The engine of a workspace in ClickHouse. What it cannot answer so far says so (NotSupported)."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from uuid import uuid4

from cdp.engine.aggregates import Aggregate, AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.base import CatchUp, Cursor
from cdp.engine.clickhouse import aggregate, compaction, conditions, funnel, overview
from cdp.engine.clickhouse.asked import Question
from cdp.engine.clickhouse.checks import condemn, examine
from cdp.engine.clickhouse.marks import Asked
from cdp.engine.clickhouse.server import Server, server_of
from cdp.engine.clickhouse.state import LEASE_SECONDS, PAUSE_SECONDS, Head, claimed, read_current, read_head, tell
from cdp.engine.clickhouse.statements import Statement, template
from cdp.engine.clickhouse.writer import ClickHouseWriter
from cdp.engine.conditions import Condition, Members
from cdp.engine.errors import Damage, EngineBusy, EngineDamaged, EngineError, EngineOvertaken
from cdp.engine.funnels import Bucket, FunnelAnswer, FunnelPeople, FunnelSpec
from cdp.engine.overviews import Activity, Catalog, Census, Daily, Stored
from cdp.engine.timeline import AttributeValue, Position, TimelineEvent

SWITCH_SECONDS = 30.0  # for whoever writes while a rebuilt edition is to take its place
TABLES = ("event", "attribute", "link", "void", "erased", "moved")


class ClickHouseEngine:
    def __init__(self, url: str, workspace: int, edition: int | None = None) -> None:
        """`edition`: of a rebuild that is not in place yet, else the one that is."""
        self.url = url
        self.workspace = workspace
        self.edition = edition
        self.checked = ""

    @property
    def server(self) -> Server:
        return server_of(self.url)

    def place(self) -> int:
        return self.state().edition if self.edition is None else self.edition

    def state(self) -> Head:
        """As it is, damaged or not."""
        if self.edition is None:
            return read_current(self.server, self.workspace)
        return read_head(self.server, self.workspace, self.edition)

    def head(self) -> Head:
        """What questions are asked about. Raises EngineDamaged."""
        head = self.state()
        if head.damage:
            raise EngineDamaged(head.damage[0].file, head.damage[0].reason)
        return head

    def open(self) -> None:
        self.head()

    @contextmanager
    def writing(self, timeout: float) -> Iterator[ClickHouseWriter]:
        place = self.place()
        with claimed(self.server, self.workspace, place, timeout) as claim:
            if self.place() != place:  # it was replaced while somebody else held the claim
                raise EngineOvertaken
            yield ClickHouseWriter(self.server, claim)

    def cursor(self) -> Cursor | None:
        return self.state().cursor

    @contextmanager
    def rebuilding(self, timeout: float, catch_up: CatchUp | None = None) -> Iterator["ClickHouseEngine"]:
        edition = self.begin_edition(timeout)
        key = {"workspace": self.workspace, "edition": edition}
        draft = ClickHouseEngine(self.url, self.workspace, edition)
        try:
            yield draft
            with ExitStack() as stack:
                if catch_up is not None:
                    stack.enter_context(claimed(self.server, self.workspace, self.place(), SWITCH_SECONDS))
                    catch_up(draft)
                tell(self.server, key, 0, "current", str(uuid4()))
        except BaseException:
            with suppress(EngineError):  # else the next rebuild drops it
                self.drop(edition)
            raise
        self.drop_others(edition)

    def begin_edition(self, timeout: float) -> int:
        """The number of a new draft; one that was not written to for LEASE_SECONDS is nobody's any more."""
        deadline = time.monotonic() + timeout
        while True:
            rows = self.server.rows(template("editions").template, {"workspace": self.workspace})
            current = self.place()
            busy = [
                edition
                for edition, what, age, _ in rows
                if edition > current and "gone" not in what and age < LEASE_SECONDS * 1_000
            ]
            edition = int(max([current, *(one for one, *_ in rows)])) + 1
            key = {"workspace": self.workspace, "edition": edition}
            if not busy and tell(self.server, key, 0, "draft", str(uuid4())):
                return edition
            if time.monotonic() >= deadline:
                raise EngineBusy("Another process rebuilds the analytics of this workspace.")
            time.sleep(PAUSE_SECONDS)

    def drop_others(self, current: int) -> None:
        for edition, what, _, highest in self.server.rows(template("editions").template, {"workspace": self.workspace}):
            if edition < current and ("gone" not in what or highest):
                self.drop(edition)

    def drop(self, edition: int) -> None:
        """Its number stays taken. It answers no more before anything of it is dropped; what is left of it when the
        server dies meanwhile still has lines of generations, by which the next rebuild knows."""
        key = {"workspace": self.workspace, "edition": edition}
        tell(self.server, key, 0, "gone", str(uuid4()))
        for table in TABLES:
            drop = Statement(
                "drop_edition",
                {},
                table=self.server.layout.stored(table),
                workspace=str(self.workspace),
                edition=str(edition),
            )
            self.server.change(drop.text, {})
        self.server.change(Statement("forget_edition", key).text, key)

    def remove(self) -> None:
        for edition, *_ in self.server.rows(template("editions").template, {"workspace": self.workspace}):
            self.drop(edition)
        forget = Statement("forget_workspace", {"workspace": self.workspace})
        self.server.change(forget.text, forget.parameters)

    def check(self, most_bytes: int | None = None) -> list[Damage]:
        found, self.checked = examine(self.server, self.workspace, self.place(), most_bytes, self.checked)
        return found

    def condemn(self, damage: Damage) -> None:
        condemn(self.server, self.state(), damage)

    def compact(self) -> bool:
        """ClickHouse merges parts by itself; rows that do not count any more leave it here."""
        return compaction.compact(self.server, self.workspace, self.place())

    def maintain(self) -> None:
        compaction.maintain(self.server, self.workspace, self.place())

    def stored(self) -> Stored:
        head = self.head()
        count = head.question("stored")
        parts = Statement("stored_parts", head.key, parts=self.server.layout.parts)
        ((events,),) = self.server.rows(count.text, count.parameters)
        ((files, size),) = self.server.rows(parts.text, parts.parameters)
        return Stored(events, files, size)

    def asked(self, spec: FunnelSpec, as_of: int) -> Asked:
        return Asked(self.server, self.head(), spec, as_of)

    def funnel(self, spec: FunnelSpec, as_of: int) -> FunnelAnswer:
        return funnel.funnel(self.asked(spec, as_of))

    def funnel_people(self, spec: FunnelSpec, as_of: int) -> FunnelPeople:
        return funnel.funnel_people(self.asked(spec, as_of))

    def trend(self, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> tuple[Bucket, ...]:
        return funnel.trend(self.asked(spec, as_of), edges)

    def aggregates(
        self, specs: Sequence[AggregateSpec], as_of: int, profiles: Ints | None = None
    ) -> tuple[Aggregate, ...]:
        return aggregate.aggregates(Question(self.server, self.head(), as_of, profiles), specs)

    def members(self, condition: Condition, as_of: int, profiles: Ints | None = None) -> Members:
        return conditions.members(Question(self.server, self.head(), as_of, profiles), condition)

    def timeline(
        self, profile: int, as_of: int, limit: int, before: Position | None = None
    ) -> tuple[TimelineEvent, ...]:
        return overview.timeline(self.server, self.head(), profile, as_of, limit, before)

    def attributes(self, profile: int) -> dict[str, tuple[AttributeValue, ...]]:
        return overview.attributes(self.server, self.head(), profile)

    def catalog(self, since: int, as_of: int) -> Catalog:
        return overview.catalog(self.server, self.head(), since, as_of)

    def activity(self, as_of: int) -> Activity:
        return overview.activity(self.server, self.head(), as_of)

    def daily(self, start: int, end: int, as_of: int, offset: int = 0) -> Daily:
        return overview.daily(self.server, self.head(), start, end, as_of, offset)

    def census(self, as_of: int) -> Census:
        return overview.census(self.server, self.head(), as_of)
