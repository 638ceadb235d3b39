"""Measurements of computed traits, each one a table."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.engine.compare import shown
from benchmarks.engine.data import Size, events_file
from benchmarks.engine.report import Table
from benchmarks.engine.timing import milliseconds, take_turns, timing
from benchmarks.traits.definitions import compute, read, twenty_five
from benchmarks.traits.stage import FAVOURITE, MONEY, PREVIEWS, Stage, staged
from cdp.engine.base import Engine

ROUNDS = 5


def together(engine: Engine) -> Table:
    """Every trait of a full plan, in one run and one after the other; equal values first."""
    definitions = [read(body) for body in twenty_five()]
    one_run, alone = compute(definitions, engine), [compute([one], engine)[0] for one in definitions]
    for left, right in zip(one_run, alone, strict=True):
        if left.profile.tolist() != right.profile.tolist() or left.value != right.value:
            raise SystemExit("Traits computed together have other values than computed alone.")
    timings = take_turns(
        {
            "together": lambda: compute(definitions, engine),
            "alone": lambda: [compute([one], engine) for one in definitions],
        },
        ROUNDS,
    )
    ratio = timings["alone"].median / timings["together"].median
    rows = [
        ["25 traits of five events in one run", shown(timings["together"]), ""],
        ["the same in 25 runs", shown(timings["alone"]), f"{ratio:.1f}×"],
    ]
    return Table("A full plan of traits", "Equal values. Medians in milliseconds, minima in brackets.",
                 ["", "ms", "ratio"], rows)  # fmt: skip


def writing(stage: Stage) -> Table:
    """All values for the first time, beside a COPY of the very rows into a table with the same index."""
    rows = []
    for body in (MONEY, FAVOURITE):
        taken = [milliseconds(partial(stage.backfill, body)) for _ in range(3)]
        written = stage.stored(body["name"])
        copied = [milliseconds(partial(stage.copy, body["name"])) for _ in range(3)]
        rows.append(
            [
                body["name"], f"{written:,}", shown(timing(taken)), shown(timing(copied)),
                f"{timing(taken).median / timing(copied).median:.1f}×",
            ]
        )  # fmt: skip
    about = "Computation, COPY and merge of the product against a COPY of the stored rows alone, in the same run."
    return Table("First values of everybody", about, ["trait", "values", "backfill, ms", "COPY, ms", "ratio"], rows)


def changing(stage: Stage) -> Table:
    """New events of 1 % of the profiles, and of a single one: what it takes until every trait says so."""
    rows = []
    for title, people in (("1 % of the profiles", max(stage.profiles // 100, 1)), ("one profile", 1)):
        taken = []
        for _ in range(ROUNDS):
            stage.purchase(people)
            taken.append(milliseconds(stage.keep_current))
        rows.append([f"new events of {title}", f"{people:,}", shown(timing(taken))])
    about = "Realtime traits of purchases: projection of the events, new values of who is concerned, and their commit."
    return Table("Values kept current", about, ["", "profiles", "ms"], rows)


def growing(sizes: Sequence[Size], folder: Path) -> Table:
    """One event, with more and more stored: the cost must not follow."""
    rows = []
    for size in sizes:
        stage = staged(events_file(folder, size), size, folder)
        stage.backfill(MONEY)
        taken = []
        for _ in range(ROUNDS):
            stage.purchase(1)
            taken.append(milliseconds(stage.keep_current))
        rows.append([f"{size.events:,}", f"{size.users:,}", shown(timing(taken))])
    return Table("A realtime trait after one event", "Medians in milliseconds, minima in brackets.",
                 ["stored events", "profiles", "ms"], rows)  # fmt: skip


def previewing(stage: Stage) -> Table:
    rows = []
    for title, body in PREVIEWS:
        stage.preview(body)
        rows.append([title, shown(timing([milliseconds(partial(stage.preview, body)) for _ in range(ROUNDS)]))])
    about = f"{stage.profiles:,} profiles: coverage, distribution, sample profiles with their events. Wanted: 300 ms."
    return Table("Preview", about, ["", "ms"], rows)
