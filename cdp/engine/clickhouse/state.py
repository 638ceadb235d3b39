"""Which rows count: the generations that were committed, and how one is claimed, committed or given up.

A writer claims the next generation, writes its rows under that number, and tells the outcome. Both lines are compared
and set by their block token: the first one stays. A writer who lives says so; the claim of one who did not for
LEASE_SECONDS may be abandoned by the next writer; rows of an abandoned generation never count, even if they arrive
later. Who cannot tell an outcome, because the server went away, tells it when next writing.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import orjson
import pyarrow as pa

from cdp.engine.base import Cursor
from cdp.engine.clickhouse.known import Known
from cdp.engine.clickhouse.server import Server
from cdp.engine.clickhouse.statements import Statement, template
from cdp.engine.errors import Damage, EngineBusy, EngineError, EngineOvertaken
from cdp.engine.events import BEGINNING, ENDLESS

LEASE_SECONDS = 20.0  # shorter than a question waits for another writer
PAUSE_SECONDS = 0.02
# Editions begin a million further on when rows get columns that those written before do not have: what was written
# before is not asked any more, and the engine is filled from PostgreSQL again. 3: columns of properties.
COLUMNS = 3
FIRST_EDITION = 1_000_000 * COLUMNS + 1
MOST_TOKENS = 5
# Lines that are no outcome: of generations, and of editions.
OPENINGS = ("claim", "alive", "draft", "current", "gone", "sweep", "damage")


@dataclass(frozen=True)
class Head:
    """A committed state of one edition, which stays as it is: what questions are asked about."""

    workspace: int
    edition: int
    generation: int = 0
    abandoned: tuple[int, ...] = ()
    cursor: Cursor | None = None
    purged_before: int | None = None
    has_moved: bool = False
    has_voided: bool = False
    known: Known = field(default=Known(), compare=False)
    # Rows of committed generations by table, None where nobody counted; the generation up to which dead rows are gone.
    held: Mapping[str, int] | None = field(default=None, compare=False)
    swept: int = field(default=0, compare=False)
    is_sweeping: bool = field(default=False, compare=False)
    damage: tuple[Damage, ...] = field(default=(), compare=False)
    highest: int = field(default=0, compare=False)
    pending: int | None = field(default=None, compare=False)
    pending_by: str = field(default="", compare=False)
    pending_seconds: float = field(default=0.0, compare=False)

    @property
    def floor(self) -> int:
        return BEGINNING if self.purged_before is None else self.purged_before

    @property
    def key(self) -> dict[str, int]:
        return {"workspace": self.workspace, "edition": self.edition}

    @property
    def parameters(self) -> dict[str, Any]:
        bound = {**self.key, "generation": self.generation}
        return bound | {"abandoned": list(self.abandoned)} if self.abandoned else bound

    @property
    def committed(self) -> str:
        return "NOT has({abandoned:Array(Int64)}, generation)" if self.abandoned else "1"

    def live(self, table: str, when: str) -> str:
        """The rows of a table that count, `when` they happened; goes on with AND. What it needs is in `parameters`."""
        return template("live").substitute(
            table=table,
            moves=template("moves").substitute(committed=self.committed) if self.has_moved else "",
            committed=self.committed,
            placed="generation >= moved_at" if self.has_moved else "1",
            when=when,
            voided=self.not_voided if table == "event" else "1",
        )

    @property
    def not_voided(self) -> str:
        return template("voided").substitute(committed=self.committed) if self.has_voided else "1"

    @property
    def kept(self) -> str:
        """Of events: neither beyond retention nor voided."""
        return f"ts >= {self.floor} AND {self.not_voided}"

    def question(
        self, name: str, as_of: int = ENDLESS, start: int = BEGINNING, last: int = ENDLESS, /, **parts: str
    ) -> Statement:
        """A statement about the events that count, of [start, last] up to `as_of`."""
        when = self.known.during(max(start, self.floor), min(last, as_of))
        return Statement(name, self.parameters, self.known, live=self.live("event", when), **parts)

    def about_attributes(self, name: str, as_of: int = ENDLESS, **parts: str) -> Statement:
        """A statement about the changes of attributes up to `as_of`."""
        return Statement(name, self.parameters, self.known, live=self.live("attribute", f"ts <= {as_of}"), **parts)


@dataclass(frozen=True)
class Line:
    edition: int
    generation: int
    what: str
    attempt: str
    cursor: str
    purged_before: int | None
    has_moved: int
    has_voided: int
    held: str
    known: str
    age: int


def read_current(server: Server, workspace: int) -> Head:
    """Of the edition that answers. Others have few lines: all are read at once, because that takes half the time of
    asking twice."""
    lines = lines_of(server, Statement("head", {"workspace": workspace}, edition="1"))
    edition = current_edition(lines)
    return head_of(workspace, edition, [line for line in lines if line.edition == edition])


def current_edition(lines: Sequence[Line]) -> int:
    about = [line for line in lines if line.generation == 0 and line.edition >= FIRST_EDITION]
    gone = {line.edition for line in about if line.what == "gone"}
    return max(
        (line.edition for line in about if line.what == "current" and line.edition not in gone), default=FIRST_EDITION
    )


def read_head(server: Server, workspace: int, edition: int) -> Head:
    return head_of(workspace, edition, read_lines(server, workspace, edition))


def read_lines(server: Server, workspace: int, edition: int) -> list[Line]:
    key = {"workspace": workspace, "edition": edition}
    return lines_of(server, Statement("head", key, edition="edition = {edition:Int64}"))


def lines_of(server: Server, head: Statement) -> list[Line]:
    return [Line(*row) for row in server.rows(head.text, head.parameters)]


def head_of(workspace: int, edition: int, lines: Sequence[Line]) -> Head:
    outcomes = outcomes_of(lines)
    commits = [line for line in outcomes.values() if line.what == "commit"]
    last = max(commits, key=lambda line: line.generation, default=None)
    generation = last.generation if last else 0
    pending = [line for line in lines if line.what == "claim" and line.generation not in outcomes]
    # A claim below the last commit came too late, when what became of the generation had been folded away.
    pending = [line for line in pending if line.generation > generation]
    head = Head(
        workspace,
        edition,
        damage=tuple(Damage(**orjson.loads(line.cursor)) for line in lines if line.what == "damage"),
        highest=max((line.generation for line in lines), default=0),
        pending=pending[-1].generation if pending else None,
        pending_by=pending[-1].attempt if pending else "",
        pending_seconds=silence(lines, pending[-1].generation) if pending else 0.0,
    )
    if last is None:
        return replace(head, held={})
    abandoned = tuple(sorted(one.generation for one in outcomes.values() if one.what == "abandon"))
    held = orjson.loads(last.held) if last.held else None
    swept = held.pop("swept") if held else 0
    return replace(
        head,
        generation=generation,
        abandoned=tuple(one for one in abandoned if one < generation),
        cursor=orjson.loads(last.cursor),
        purged_before=last.purged_before,
        has_moved=bool(last.has_moved),
        has_voided=bool(last.has_voided),
        known=Known.from_text(last.known),
        held=held,
        swept=swept,
        is_sweeping=any(line.what == "sweep" and line.generation > swept for line in lines),
    )


def outcomes_of(lines: Sequence[Line]) -> dict[int, Line]:
    """By generation. One that was given up stays so, whatever else is told of it later."""
    found: dict[int, Line] = {}
    for line in lines:
        if line.what not in OPENINGS and (line.generation not in found or line.what == "abandon"):
            found[line.generation] = line
    return found


def silence(lines: Sequence[Line], generation: int) -> float:
    """Seconds since its writer was last heard of."""
    return min(one.age for one in lines if one.generation == generation and one.what in ("claim", "alive")) / 1_000


def tell(server: Server, key: dict[str, int], generation: int, what: str, attempt: str, **more: Any) -> bool:
    """Whether this line stayed; not if another one about the same was first."""
    columns = line_of(key, generation, what, attempt, **more)
    for again in range(1 if server.layout.cluster else MOST_TOKENS):
        server.insert("state", columns, token_of(key, generation, subject(what), again))
        lines = read_lines(server, key["workspace"], key["edition"])
        done = head_of(key["workspace"], key["edition"], lines).generation
        said = [one for one in lines if (one.generation, subject(one.what)) == (generation, subject(what))]
        if what == "claim" and generation <= done:
            return False
        if any(one.what == "abandon" != what for one in said if subject(what) == "outcome"):
            return False
        if said or 0 < generation < done:  # else it was folded away
            return bool(said) and (said[0].what, said[0].attempt) == (what, attempt)
    raise EngineBusy("ClickHouse does not keep what it was told.")


def line_of(key: dict[str, int], generation: int, what: str, attempt: str, **more: Any) -> dict[str, pa.Array]:
    line: dict[str, Any] = {**key, "generation": generation, "what": what, "attempt": attempt, "cursor": ""}
    line |= {"purged_before": None, "has_moved": 0, "has_voided": 0, "held": "", "known": ""} | more
    types = {"what": pa.string(), "attempt": pa.string(), "cursor": pa.string(), "has_moved": pa.uint8()}
    types |= {"has_voided": pa.uint8(), "held": pa.string(), "known": pa.string()}
    return {name: pa.array([value], types.get(name, pa.int64())) for name, value in line.items()}


def subject(what: str) -> str:
    return what if what in OPENINGS else "outcome"


def token_of(key: dict[str, int], generation: int, what: str, again: int = 0) -> str:
    """A server that is killed between noting a token and storing its line refuses the token and has no line: then the
    next token decides, for everybody. On a cluster such a line may still be on its way."""
    token = f"{key['workspace']}-{key['edition']}-{generation}-{what}"
    return f"{token}-{again}" if again else token


@contextmanager
def claimed(server: Server, workspace: int, edition: int, timeout: float) -> Iterator["Claim"]:
    """Raises EngineBusy when another writer holds the claim for longer than `timeout` seconds."""
    claim, ended = take(server, workspace, edition, timeout), threading.Event()
    threading.Thread(target=claim.live, args=(ended,), daemon=True).start()
    try:
        yield claim
    finally:
        ended.set()
        claim.close()


def take(server: Server, workspace: int, edition: int, timeout: float) -> "Claim":
    deadline = time.monotonic() + timeout
    settle(server)
    while True:
        head = read_head(server, workspace, edition)
        if head.pending is not None and head.pending_seconds > LEASE_SECONDS:
            tell(server, head.key, head.pending, "abandon", str(uuid4()))
            continue
        if head.pending is None:
            claim = Claim(server, head, head.highest + 1, str(uuid4()))
            if claim.is_first():
                return claim
        if time.monotonic() >= deadline:
            raise EngineBusy("Another process writes to the analytics of this workspace and did not finish in time.")
        time.sleep(PAUSE_SECONDS)


def settle(server: Server) -> None:
    """Claims that this process could not give up while the server was away hold up nobody."""
    while server.untold:
        claim = server.untold.pop()
        try:
            claim.give_up()
        except EngineError:
            server.untold.append(claim)
            raise


@dataclass
class Claim:
    """The right to write one generation after `head`."""

    server: Server
    head: Head
    generation: int
    attempt: str
    has_written: bool = False
    is_over: bool = False

    def token(self, what: str) -> str:
        """Of a block of this attempt."""
        return f"{self.attempt}-{what}"

    def is_first(self) -> bool:
        """Whether nobody else claimed this generation before."""
        try:
            return tell(self.server, self.head.key, self.generation, "claim", self.attempt)
        except EngineError:
            self.server.untold.append(self)  # it may have been stored
            raise

    def live(self, ended: threading.Event) -> None:
        """Says so until it has ended, however long its rows take."""
        while not ended.wait(max(LEASE_SECONDS / 4, 1.0)):
            with suppress(EngineError):
                line = line_of(self.head.key, self.generation, "alive", self.attempt)
                self.server.insert("state", line, str(uuid4()))

    def commit(
        self,
        cursor: Cursor,
        purged_before: int | None,
        *,
        has_moved: bool,
        has_voided: bool,
        known: Known,
        held: Mapping[str, int] | None,
        swept: int,
    ) -> None:
        """`held`: rows by table from now on, None where it is not known."""
        more = {"cursor": orjson.dumps(cursor).decode(), "purged_before": purged_before}
        more |= {"has_moved": int(has_moved), "has_voided": int(has_voided), "known": known.to_text()}
        more["held"] = "" if held is None else orjson.dumps({**held, "swept": swept}).decode()
        is_stored = tell(self.server, self.head.key, self.generation, "commit", self.attempt, **more)
        self.is_over = True
        if not is_stored:
            raise EngineOvertaken

    def close(self) -> None:
        """After a commit whose answer got lost, this comes second if it was stored, and first if not."""
        if self.is_over:
            return
        self.is_over = True
        outcome = "abandon" if self.has_written else "release"
        try:
            tell(self.server, self.head.key, self.generation, outcome, self.attempt)
        except EngineError:
            self.server.untold.append(self)

    def give_up(self) -> None:
        head = read_head(self.server, self.head.workspace, self.head.edition)
        if (head.pending, head.pending_by) == (self.generation, self.attempt):
            tell(self.server, head.key, self.generation, "abandon", self.attempt)
