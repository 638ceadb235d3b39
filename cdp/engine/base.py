"""What every engine can do. The rooms beside this one say what it is told and asked, and what it answers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from cdp.engine.aggregates import Aggregate, AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.batches import AttributeBatch, EventBatch
from cdp.engine.conditions import Condition, Members
from cdp.engine.errors import Damage
from cdp.engine.funnels import Bucket, FunnelAnswer, FunnelPeople, FunnelSpec
from cdp.engine.overviews import Activity, Catalog, Census, Daily, Stored
from cdp.engine.timeline import AttributeValue, Position, TimelineEvent

Cursor = dict[str, Any]
CatchUp = Callable[["Engine"], None]


class Writer(Protocol):
    """One change of the engine's state: everything given to it counts from `commit` on, or never."""

    @property
    def cursor(self) -> Cursor | None: ...

    def append(self, batch: EventBatch) -> None: ...

    def retract(self, seqs: Iterable[int]) -> None:
        """These events are voided; events that come later under such a number are not counted either."""

    def relink(self, links: Mapping[int, int]) -> None:
        """Loser → survivor merges, p → p splits p off again: events keep the profile they came with."""

    def forget(self, profiles: Iterable[int]) -> None:
        """Erase the events and attributes that now belong to these profiles, from disk too at the next compaction."""

    def purge(self, before_ts: int) -> None:
        """Drop all events before the instant."""

    def set_attributes(self, batch: AttributeBatch) -> None: ...

    def commit(self, cursor: Cursor) -> None:
        """Once. Raises EngineUnwritable."""


class Engine(Protocol):
    """The analytics of one workspace. Any number of instances, threads and processes may read while one writes."""

    def writing(self, timeout: float) -> AbstractContextManager[Writer]:
        """Raises EngineBusy after `timeout` seconds. Leaving without commit discards."""

    def cursor(self) -> Cursor | None: ...

    def open(self) -> None:
        """Make sure that the present state can be asked. Raises EngineDamaged."""

    def rebuilding(self, timeout: float, catch_up: CatchUp | None = None) -> AbstractContextManager["Engine"]:
        """An empty engine beside this one, to be filled from the truth; leaving without an error puts it in the place
        of this one, which answers until then. `catch_up` gets it right before, while nobody writes to this one: what
        this one has told must not be missing afterwards. Raises EngineBusy while somebody else rebuilds."""

    def check(self, most_bytes: int | None = None) -> list[Damage]:
        """Read every byte and compare; with `most_bytes` about so many, beginning where the last call ended."""

    def condemn(self, damage: Damage) -> None:
        """Let nobody ask a state that names the damaged file: what follows is a rebuild."""

    def compact(self) -> bool:
        """Fold the recent runs into the base. False when somebody else changed or compacts it meanwhile, or when
        there is no room for it: all is as before then."""

    def maintain(self) -> None:
        """What is not urgent, so that questions need not do it: fold many recent runs, remove leftovers."""

    def remove(self) -> None:
        """Everything of the workspace, which is gone. Nobody writes meanwhile."""

    def stored(self) -> Stored: ...

    def funnel(self, spec: FunnelSpec, as_of: int) -> FunnelAnswer: ...

    def funnel_people(self, spec: FunnelSpec, as_of: int) -> FunnelPeople: ...

    def trend(self, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> tuple[Bucket, ...]:
        """By bucket of entry, between ascending `edges`; only entries in the range of the spec count. A user counts
        once in every bucket entered, an attempt in the bucket in which it opened."""

    def aggregates(
        self, specs: Sequence[AggregateSpec], as_of: int, profiles: Ints | None = None
    ) -> tuple[Aggregate, ...]:
        """One answer per spec; what they have in common is read once. With ascending `profiles` only of these, at a
        cost that grows with them and not with what is stored. Raises NotSupported for a spec that makes no sense."""

    def members(self, condition: Condition, as_of: int, profiles: Ints | None = None) -> Members:
        """Who fulfils the condition, of the ascending `profiles` or of all. Raises NotSupported like `aggregates`."""

    def timeline(
        self, profile: int, as_of: int, limit: int, before: Position | None = None
    ) -> tuple[TimelineEvent, ...]:
        """Newest first, up to `limit`; `before` is the position of the last event already seen."""

    def attributes(self, profile: int) -> dict[str, tuple[AttributeValue, ...]]:
        """The attribute history, oldest first."""

    def catalog(self, since: int, as_of: int) -> Catalog: ...

    def activity(self, as_of: int) -> Activity: ...

    def daily(self, start: int, end: int, as_of: int, offset: int = 0) -> Daily:
        """Events per day; days begin `offset` microseconds east of UTC midnight."""

    def census(self, as_of: int) -> Census:
        """Of everything up to `as_of`."""
