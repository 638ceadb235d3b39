"""One group of questions to our engine and every peer: equal answers first, then who is how fast."""

from collections.abc import Iterable, Sequence

from benchmarks.engine.peers import NotComparable, Peer, Way
from benchmarks.engine.questions import Asked, Columns, difference
from benchmarks.engine.report import Table
from benchmarks.engine.timing import Timing, take_turns
from cdp.engine.base import Engine

OURS = "Stratum"
NOTHING = "—"


class Unequal(Exception):
    """Two databases give different answers: nothing is worth measuring before one is mended."""


def comparison(title: str, about: str, questions: Iterable[Asked], engine: Engine, peers: Sequence[Peer]) -> Table:
    """Medians in milliseconds with minima beside them; ratios are of medians, against the peer's fastest way."""
    head = ["question", f"{OURS}, ms", *(part for peer in peers for part in (f"{peer.name}, ms", "ratio")), "wanted"]
    rows = [row(question, engine, peers) for question in questions]
    versions = ", ".join(f"{peer.name} {peer.version}" for peer in peers)
    return Table(title, f"{about} {versions}.", head, rows)


def row(question: Asked, engine: Engine, peers: Sequence[Peer]) -> list[str]:
    answers = question.columns(question.ask(engine))
    refused: dict[str, str] = {}
    ways = {
        (peer.name, way.name): way
        for peer in peers
        for way in peer.ways(question)
        if agrees(question, answers, peer, way, refused)
    }
    timings = take_turns({name: way.run for name, way in ways.items()} | {(OURS, ""): lambda: question.ask(engine)})
    said = ", ".join(f"{' '.join(name)} {one.median:.1f}" for name, one in timings.items())
    print(f"{question.key}: {said}", flush=True)
    ours = timings.pop((OURS, ""))
    cells = [part for peer in peers for part in peer_cells(peer.name, ours, timings, refused)]
    return [question.title, shown(ours), *cells, f"{question.wanted:g}×" if question.wanted else ""]


def agrees(question: Asked, answers: Columns, peer: Peer, way: Way, refused: dict[str, str]) -> bool:
    try:
        found = difference(answers, way.columns())
    except NotComparable as reason:
        refused[peer.name] = str(reason)
        return False
    if found:
        raise Unequal(f"{question.key}, {peer.name} {way.name}: {found}")
    return True


def peer_cells(
    name: str, ours: Timing, timings: dict[tuple[str, str], Timing], refused: dict[str, str]
) -> tuple[str, str]:
    mine = {way: timing for (peer, way), timing in timings.items() if peer == name}
    if not mine:
        return refused.get(name, NOTHING), ""
    best = min(mine, key=lambda way: mine[way].median)
    return f"{shown(mine[best])} {best}".strip(), f"{mine[best].median / ours.median:.1f}×"


def shown(timing: Timing) -> str:
    return f"{number(timing.median)} ({number(timing.least)})"


def number(milliseconds: float) -> str:
    return f"{milliseconds:,.0f}" if milliseconds >= 100 else f"{milliseconds:.1f}"
