"""Moving a workspace's analytics from one engine to another one while both ends stay in use.

The truth is read into the new engine piece by piece; each piece is committed together with the place it reached, so
whatever interrupts a move, the next run goes on from there. Questions are answered by the old engine until the new one
holds the very same rows and gave the same answers. Only then one row is changed, which every process reads before it
asks. The old engine goes on answering those who asked for it a moment before, and is emptied a little later.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import SystemRandom

from cdp.engine import open_engine
from cdp.engine.base import Engine
from cdp.engine.errors import EngineError, NotSupported
from cdp.models import EnginePlace
from cdp.queries.engine import settled_engine
from cdp.queries.engine_places import address_of, is_same, opened, place_of, resolved
from cdp.queries.engine_sample import Sampled, first_difference, questions
from cdp.queries.position import Position, database
from cdp.queries.projection import CHUNK, WAIT, advance_to, count_up_to, is_foldable, project
from cdp.services import raw_archive
from cdp.services.engine_alone import alone
from stratum.lib import seal
from stratum.lib.refusal import Refusal
from stratum.workspaces.models import Workspace

PIECE = 100_000  # rows of one commit: what an interruption costs
LEFT_FOR = timedelta(minutes=15)  # a request that began before the switch is long over by then
WAITS_FOR = timedelta(days=7)  # an interrupted move, until what it copied is removed
PATIENCE = 90.0  # seconds; what a killed run had begun to write is given up after a minute
ATTEMPTS = 5  # to ask both engines between two changes, before the old one is held still
MOST_DIFFERENCES = 20

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a move is. `done` and `total` are rows; `resumed` of them were there when this run began."""

    stage: str
    done: int
    total: int
    resumed: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Rows per second of this run."""
        return (self.done - self.resumed) / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        return (self.total - self.done) / self.rate if self.rate else None


@dataclass(frozen=True, slots=True)
class Difference:
    question: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Moved:
    """`compared`: how many questions both engines answered alike. `refused`: what one of them does not answer."""

    workspace: str
    rows: int
    events: int
    seconds: float
    compared: int
    refused: tuple[str, ...]


class EnginesDiffer(Refusal):
    """The new engine does not say what the old one says: the old one stays."""

    def __init__(self, differences: list[Difference]) -> None:
        told = "\n".join(f"- {one.question}: {one.sentence}" for one in differences)
        super().__init__(
            "engines_differ",
            f"The engines differ, so the old one stays and the new one was emptied:\n{told}\n"
            "Run rebuild_engine if the old one may be wrong, then move again.",
        )
        self.differences = differences


Tell = Callable[[Progress], None]


def move(*, workspace: Workspace, to: str, now: datetime, tell: Tell, seed: int | None = None) -> Moved:
    """Bring the workspace to the engine with that address; goes on where an interrupted run stopped.

    Raises Refusal, EnginesDiffer and EngineError; the old engine answers then as before. `seed` chooses the questions
    that are compared.
    """
    begun = time.monotonic()
    with alone(workspace):
        source_url, target_url = address_of(workspace), resolved(to)
        if is_same(source_url, target_url):
            return _stay(workspace, to, source_url == target_url)
        raw_archive.bring_back(
            workspace=workspace, tell=lambda done, total: tell(Progress("brought back days of raw events", done, total))
        )
        source, target = settled_engine(workspace), open_engine(target_url, workspace.pk)
        _begin(workspace, to, source_url, source, target, now)
        rows = _fill(workspace, source, target, tell)
        outcome = _compare(
            workspace, source, target, now, tell, SystemRandom().randrange(2**32) if seed is None else seed
        )
        if outcome.differences:
            _give_up(workspace, target)
            raise EnginesDiffer(outcome.differences)
        _switch(workspace, to, source_url, now)
        events = target.stored().events
    return Moved(workspace.slug, rows, events, time.monotonic() - begun, outcome.alike, tuple(outcome.refused))


def _stay(workspace: Workspace, to: str, is_known: bool) -> Moved:
    """Only who signs in there is another one: nothing has to be copied."""
    if is_known:
        raise Refusal("already_there", f"{workspace.slug} is on this engine already.")
    open_engine(resolved(to), workspace.pk).open()
    EnginePlace.objects.update_or_create(workspace=workspace, defaults={"address": seal.seal(to)})
    return Moved(workspace.slug, 0, 0, 0.0, 0, ())


# The stages


def _begin(workspace: Workspace, to: str, source_url: str, source: Engine, target: Engine, now: datetime) -> None:
    """Go on with what an earlier run has filled, or make room. That a state is ours is noted after it was emptied, so
    that a leftover of other times is never taken for it."""
    place = place_of(workspace)
    if opened(place.moving_to) != to or not _is_on_the_way(source, target):
        for earlier in filter(None, {opened(place.left), opened(place.moving_to)}):
            if not is_same(resolved(earlier), source_url):
                empty(open_engine(resolved(earlier), workspace.pk))
        empty(target)
    fresh = {"moving_to": seal.seal(to), "moving_since": now, "left": "", "left_at": None}
    EnginePlace.objects.update_or_create(workspace=workspace, defaults=fresh)


def _is_on_the_way(source: Engine, target: Engine) -> bool:
    """Whether the target holds some of what the source has read, in the same order."""
    here, goal = Position.of(target.cursor()), Position.of(source.cursor())
    return here.database in ("", database()) and here.is_within(goal)


def empty(engine: Engine) -> None:
    """What takes the place of everything is an empty state."""
    with engine.rebuilding(WAIT):
        pass


def _fill(workspace: Workspace, source: Engine, target: Engine, tell: Tell) -> int:
    """Until the target stands where the source stands; how many rows that took."""
    project(source, workspace.pk)
    begun, goal, here = time.monotonic(), Position.of(source.cursor()), Position.of(target.cursor())
    resumed = count_up_to(workspace.pk, Position(), here)
    told = Progress("copied", resumed, resumed + count_up_to(workspace.pk, here, goal), resumed)
    tell(told)
    while here != goal:
        rows = advance_to(target, workspace.pk, goal, most=PIECE, patience=PATIENCE)
        if is_foldable(target.stored()):
            target.compact()
        done = told.done + rows
        told = replace(told, done=done, total=max(told.total, done), seconds=time.monotonic() - begun)
        tell(told)
        project(source, workspace.pk)
        goal, here = Position.of(source.cursor()), Position.of(target.cursor())
    if target.stored().events > CHUNK:
        target.compact()
    return told.done - told.resumed


@dataclass(slots=True)
class _Outcome:
    alike: int
    refused: list[str]
    differences: list[Difference]


def _compare(workspace: Workspace, source: Engine, target: Engine, now: datetime, tell: Tell, seed: int) -> _Outcome:
    asked, outcome = list(questions(workspace, source, now=now, seed=seed)), _Outcome(0, [], [])
    for number, question in enumerate(asked, 1):
        try:
            ours, theirs = _both(workspace, source, target, question)
        except NotSupported as error:
            outcome.refused.append(f"{question.name}: {error}")
        else:
            if ours == theirs:
                outcome.alike += 1
            else:
                outcome.differences.append(Difference(question.name, first_difference(ours, theirs)))
        tell(Progress("compared", number, len(asked)))
        if len(outcome.differences) >= MOST_DIFFERENCES:
            break
    return outcome


def _both(workspace: Workspace, source: Engine, target: Engine, question: Sampled) -> tuple[object, object]:
    """The answers of both about the very same rows. Where events come all the time, the old engine is held still for
    this question: others are answered from the state it has meanwhile."""
    for _ in range(ATTEMPTS):
        goal = _level(workspace, source, target)
        answers = question.ask(source), question.ask(target)
        if answers[0] == answers[1] or Position.of(source.cursor()) == goal:
            return answers
    with source.writing(WAIT):
        _level(workspace, source, target)
        return question.ask(source), question.ask(target)


def _level(workspace: Workspace, source: Engine, target: Engine) -> Position:
    """Bring the target to where the source stands."""
    goal = Position.of(source.cursor())
    while Position.of(target.cursor()) != goal:
        advance_to(target, workspace.pk, goal, most=PIECE, patience=PATIENCE)
    return goal


def _give_up(workspace: Workspace, target: Engine) -> None:
    """A second run begins anew."""
    EnginePlace.objects.filter(workspace=workspace).update(moving_to="", moving_since=None)
    empty(target)


def _switch(workspace: Workspace, to: str, source_url: str, now: datetime) -> None:
    """One statement: who asks after it asks the new engine."""
    EnginePlace.objects.filter(workspace=workspace).update(
        address=seal.seal(to), moving_to="", moving_since=None, left=seal.seal(source_url), left_at=now
    )


# Afterwards


def tidy(workspace: Workspace, *, now: datetime) -> bool:
    """Empty the engine that the workspace left a while ago, and the one that a move filled which nobody went on with;
    whether there was one. What is erased from now on must not stay there."""
    place = place_of(workspace)
    is_left = place.left_at is not None and place.left_at <= now - LEFT_FOR
    is_given_up = place.moving_since is not None and place.moving_since <= now - WAITS_FOR
    if not (is_left or is_given_up):
        return False
    try:
        with alone(workspace):
            unused = resolved(opened(place.left if is_left else place.moving_to))
            if not is_same(unused, address_of(workspace)):
                empty(open_engine(unused, workspace.pk))
            gone = {"left": "", "left_at": None} if is_left else {"moving_to": "", "moving_since": None}
            EnginePlace.objects.filter(workspace=workspace).update(**gone)
    except (EngineError, Refusal) as error:
        log.warning("An engine that %s does not use any more cannot be emptied: %s", workspace.slug, error)
        return False
    return True
