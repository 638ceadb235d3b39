"""What apps upstairs tell the ground floor in their `ready()`: it never looks up itself."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from stratum.lib.periods import Period
from stratum.workspaces.models import Workspace
from stratum.workspaces.roles import Right


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


class Registry(dict[str, T], Generic[T]):
    """Entries by name. A second entry of a name is a mistake in the program."""

    def register(self, entry: T) -> None:
        if entry.name in self:
            raise ValueError(f"{entry.name!r} is registered twice")
        self[entry.name] = entry


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts what a plan limits; `name` is a key of plans.METERS."""

    name: str
    count: Callable[[Workspace], int]


@dataclass(frozen=True, slots=True)
class HomeCard:
    """A card of the first page: `template` is rendered with `card.facts`, what `facts(workspace, now)` returned.
    Where these take long, `outline(workspace)` is quick: the page shows it first, with `card.waiting`, and as large.
    """

    name: str
    title: str
    template: str
    facts: Callable[[Workspace, datetime], object]
    right: Right = "view"
    order: int = 100
    outline: Callable[[Workspace], object] | None = None


@dataclass(frozen=True, slots=True)
class ProfileCard:
    """A card of every profile's page: `template` is rendered with `card.facts`, what `facts(workspace, profile, now)`
    returned for the number of a live profile; None leaves the card out.
    """

    name: str
    title: str
    template: str
    facts: Callable[[Workspace, int, datetime], object | None]
    order: int = 100


@dataclass(frozen=True, slots=True)
class Banner:
    """A line above every page while `told(workspace)` gives a sentence; `url_name` leads to the switch."""

    name: str
    told: Callable[[Workspace], str]
    url_name: str
    link: str
    icon: str = "info-circle"


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure over a period: `text` as people read it, one value for each of its days (None: not measured), and the
    value of the period before.
    """

    text: str
    value: float | None
    days: Sequence[float | None]
    previous: float | None = None


@dataclass(frozen=True, slots=True)
class Kpi:
    """A figure of the first page and of the dashboard export: `measure(workspace, period, period before, now)` about
    whole local days, today included; a Refusal says why it cannot be measured. `better`: up, down or neither.
    `tile` False: a card of the first page shows it already, so it stands only in the table and in the export.
    """

    name: str
    label: str
    definition: str
    measure: Callable[[Workspace, Period, Period, datetime], Measured]
    unit: str = ""
    url_name: str = ""
    better: str = "up"
    right: Right = "view"
    order: int = 100
    tile: bool = True


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of the first page's activity."""

    at: datetime
    text: str
    url: str = ""
    icon: str = "activity"


@dataclass(frozen=True, slots=True)
class Activity:
    """A room's latest happenings, the newest first: `latest(workspace, most)`."""

    name: str
    latest: Callable[[Workspace, int], Sequence[Happening]]


@dataclass(frozen=True, slots=True)
class FirstStep:
    """A line of the onboarding checklist, ticked when `done(workspace)`."""

    name: str
    label: str
    sentence: str
    url_name: str
    done: Callable[[Workspace], bool]
    right: Right = "view"
    order: int = 100


@dataclass(frozen=True, slots=True)
class Eraser:
    """Forgets profiles for good: `erase(workspace, profile_ids, now)`, inside the caller's transaction."""

    name: str
    erase: Callable[[Workspace, Sequence[int], datetime], None]


@dataclass(frozen=True, slots=True)
class SubjectSource:
    """What a room stores about a person, as JSON values: `gather(workspace, profile_ids, now)`."""

    name: str
    gather: Callable[[Workspace, Sequence[int], datetime], object]


@dataclass(frozen=True, slots=True)
class Dependent:
    """Something that uses a definition of another room."""

    kind: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class SampleData:
    """What a room upstairs adds to the demo workspace, `build(workspace, now)`, as often as it is called the same; and
    takes out again, `remove(workspace, now)`.
    """

    name: str
    build: Callable[[Workspace, datetime], None]
    remove: Callable[[Workspace, datetime], None]


@dataclass(frozen=True, slots=True)
class DependentFinder:
    """Finds who uses any of the `kind` (`trait`, `segment`, …) of these references, each with the one that it uses: of
    many as of one in the same few queries. What `holds` keeps it from being deleted.
    """

    name: str
    kind: str
    find: Callable[[Workspace, frozenset[str]], Iterable[tuple[str, Dependent]]]
    holds: bool = True


@dataclass(frozen=True, slots=True)
class ScheduledWork:
    """What the tick starts. `claim(now)` runs inside a transaction: it locks due rows (`SKIP LOCKED`), moves their
    `next_run_at` on and gives the arguments of each run of `task`.
    """

    name: str
    task: str
    claim: Callable[[datetime], Iterable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Found:
    """A line of the command palette: what it is called, where it leads, a few words more."""

    label: str
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class PaletteSource:
    """`find(workspace, words)` gives what is called so, the best first; `label` is its plural."""

    name: str
    label: str
    find: Callable[[Workspace, str], Iterable[Found]]
    order: int = 100


@dataclass(frozen=True, slots=True)
class Sample:
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measure:
    """A gauge of /metrics: `samples(now)` reads it."""

    name: str
    sentence: str
    samples: Callable[[datetime], Iterable[Sample]]


meters: Registry[Meter] = Registry()
measures: Registry[Measure] = Registry()
palette_sources: Registry[PaletteSource] = Registry()
home_cards: Registry[HomeCard] = Registry()
kpis: Registry[Kpi] = Registry()
activities: Registry[Activity] = Registry()
profile_cards: Registry[ProfileCard] = Registry()
first_steps: Registry[FirstStep] = Registry()
banners: Registry[Banner] = Registry()
erasers: Registry[Eraser] = Registry()
subject_sources: Registry[SubjectSource] = Registry()
samples: Registry[SampleData] = Registry()
dependent_finders: Registry[DependentFinder] = Registry()
scheduled_work: Registry[ScheduledWork] = Registry()


def dependents(workspace: Workspace, kind: str, reference: str) -> list[Dependent]:
    """Everything that uses the definition, over all rooms."""
    return dependents_of_each(workspace, kind, [reference])[reference]


def dependents_of_each(workspace: Workspace, kind: str, references: Iterable[str]) -> dict[str, list[Dependent]]:
    """By reference, for a list of them."""
    return _found(workspace, kind, references, dependent_finders.values())


def holders(workspace: Workspace, kind: str, reference: str) -> list[Dependent]:
    """Those of them that would break without it."""
    holding = (finder for finder in dependent_finders.values() if finder.holds)
    return _found(workspace, kind, [reference], holding)[reference]


def _found(
    workspace: Workspace, kind: str, references: Iterable[str], finders: Iterable[DependentFinder]
) -> dict[str, list[Dependent]]:
    found: dict[str, list[Dependent]] = {reference: [] for reference in references}
    for finder in finders:
        if finder.kind == kind:
            for reference, dependent in finder.find(workspace, frozenset(found)):
                found[reference].append(dependent)
    return found
