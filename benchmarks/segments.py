"""`python -m benchmarks.segments --events 10000000 --write`: conditions, previews and overlaps at that size.

ClickHouse (chdb) is asked what a warehouse would be asked: once from the events alone, and once with the traits ready
in a table of its own. The members are compared before anything is measured.
"""

import argparse
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.compare import shown
from benchmarks.engine.data import DAY, END, PLACES, PRIME, Size, events_file
from benchmarks.engine.report import Table, machine, write_page
from benchmarks.engine.timing import take_turns

if TYPE_CHECKING:
    from benchmarks.engine.peers.clickhouse import ClickHouse
    from benchmarks.traits.stage import Stage

FOLDER = Path(__file__).resolve().parents[1] / "var" / "bench"
BEGIN, LAST = "<!-- segments: written by `python -m benchmarks.segments` -->", "<!-- /segments -->"
SEGMENTS = 50
SETTINGS = "SETTINGS max_memory_usage = 8589934592"

Body = dict[str, Any]
VIEWED, CARRIED, BOUGHT = "view_content", "add_to_cart", "purchase"
SPENT = {"name": "spent", "kind": "aggregation", "fn": "sum", "event": BOUGHT, "property": "value"}
SINCE = {"name": "since", "kind": "last", "event": BOUGHT, "property": "timestamp", "calculation": "DAYS_SINCE"}
RATE = {"name": "rate", "kind": "ratio", "numerator": {"event": CARRIED}, "denominator": {"event": VIEWED}}


def trait(name: str, op: str, value: object) -> Body:
    return {"type": "profile", "field": f"traits.{name}", "op": op, "value": value}


NONE_90: Body = {"type": "not", "child": {"type": "event", "event": BOUGHT, "window": {"last": "P90D"}}}
EXAMPLE: Body = {
    "type": "and",
    "children": [trait("spent", "gt", 100), trait("since", "gt", 60), trait("rate", "lt", "25%"), NONE_90],
}
COUNTED: Body = {"type": "event", "event": VIEWED, "op": "gte", "value": 3, "window": {"last": "P30D"}}
SEQUENCE: Body = {"type": "sequence", "steps": [{"event": name} for name in (VIEWED, CARRIED, BOUGHT)], "total": "P7D"}

EXAMPLE_OF_EVENTS = f"""
SELECT profile FROM {{table}} WHERE event IN ('{BOUGHT}', '{VIEWED}', '{CARRIED}') GROUP BY profile
HAVING sumIf(value, event = '{BOUGHT}') > 10000 AND maxIf(ts, event = '{BOUGHT}') < {END - 90 * DAY}
    AND countIf(event = '{VIEWED}') > 0 AND countIf(event = '{CARRIED}') / countIf(event = '{VIEWED}') < 0.25
"""
TRAITS_TABLE = f"""
CREATE TABLE IF NOT EXISTS traits_{{suffix}} ENGINE = MergeTree ORDER BY profile AS
SELECT profile, sumIf(value, event = '{BOUGHT}') AS spent, maxIf(ts, event = '{BOUGHT}') AS last,
    countIf(event = '{CARRIED}') / countIf(event = '{VIEWED}') AS rate, countIf(event = '{VIEWED}') AS views
FROM by_profile_{{suffix}} GROUP BY profile
"""
EXAMPLE_OF_TRAITS = f"""
SELECT profile FROM traits_{{suffix}} WHERE spent > 10000 AND last > 0 AND last < {END - 60 * DAY} AND views > 0
    AND rate < 0.25
    AND profile NOT IN (SELECT profile FROM {{table}} WHERE event = '{BOUGHT}' AND ts >= {END - 90 * DAY})
"""
COUNTED_SQL = f"""
SELECT profile FROM {{table}} WHERE event = '{VIEWED}' AND ts >= {END - 30 * DAY} GROUP BY profile HAVING count() >= 3
"""
SEQUENCE_SQL = f"""
SELECT profile FROM {{table}} WHERE event IN ('{VIEWED}', '{CARRIED}', '{BOUGHT}') GROUP BY profile
HAVING windowFunnel({7 * DAY}, 'strict_increase')(ts, event = '{VIEWED}', event = '{CARRIED}', event = '{BOUGHT}') = 3
"""


def main() -> None:
    arguments = parsed()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    django.setup()
    from benchmarks.engine.peers.clickhouse import ClickHouse  # noqa: PLC0415  (an optional package)
    from benchmarks.traits import stage  # noqa: PLC0415  (models exist after setup)

    size = Size(arguments.events)
    events = events_file(arguments.folder, size)
    peer = ClickHouse(events, arguments.folder, size)
    shutil.rmtree(arguments.folder / "traits-engine", ignore_errors=True)  # of a run that was broken off
    with stage.database():
        set_up = stage.staged(events, size, arguments.folder)
        for body in (SPENT, SINCE, RATE):
            set_up.define(body)
        tables = [_conditions(set_up, peer), _together(set_up), _overlap(set_up)]
    shutil.rmtree(arguments.folder / "traits-engine", ignore_errors=True)
    about = f"{size.events:,} events of {size.names} names, {size.users:,} profiles, 180 days. {machine()}."
    load = f"Measured {date.today():%Y-%m-%d}, load afterwards {os.getloadavg()[0]:.1f}."
    text = "\n\n".join([f"{about} {load}", *(table.markdown() for table in tables)])
    if arguments.write:
        write_page(text, begin=BEGIN, end=LAST)
    print(text)


def _conditions(set_up: "Stage", peer: "ClickHouse") -> Table:
    from cdp.definitions.condition_reading import parse_condition  # noqa: PLC0415
    from cdp.queries.engine import fresh_engine  # noqa: PLC0415
    from cdp.queries.segment_answers import members  # noqa: PLC0415
    from cdp.queries.segment_preview import preview  # noqa: PLC0415
    from stratum.lib import clock  # noqa: PLC0415

    suffix, now = peer.suffix.strip("_"), clock.from_micros(END)
    peer.session.query(TRAITS_TABLE.format(suffix=suffix))
    rows = []
    questions = (
        ("the tutorial's example, from events", EXAMPLE, EXAMPLE_OF_EVENTS),
        ("the tutorial's example, traits ready", EXAMPLE, EXAMPLE_OF_TRAITS),
        ("viewed at least 3 times in 30 days", COUNTED, COUNTED_SQL),
        ("view, cart, purchase within 7 days", SEQUENCE, SEQUENCE_SQL),
    )
    for title, written, sql in questions:
        condition = parse_condition(written)

        def ask(condition: Any = condition) -> NDArray[np.int64]:
            engine = fresh_engine(set_up.workspace)
            return members(set_up.workspace, engine, condition, include_anonymous=False, now=now)

        def show(condition: Any = condition) -> None:
            preview(set_up.workspace, condition, include_anonymous=False, now=now)

        found = ask()
        ways = {
            layout: _query(peer, sql.format(table=f"{layout}{peer.suffix}", suffix=suffix))
            for layout in ("by_profile", "by_event")
        }
        for layout, way in ways.items():
            if not np.array_equal(np.sort(way()), found):
                raise SystemExit(
                    f"{title}, {layout}: ClickHouse finds others, {len(way()):,} instead of {len(found):,}."
                )
        timings = take_turns({"ours": ask, "preview": show, **ways})
        best = min((timings[layout] for layout in ways), key=lambda one: one.median)
        ratio = best.median / timings["ours"].median
        rows.append(
            [title, f"{len(found):,}", shown(timings["ours"]), shown(timings["preview"]), shown(best), f"{ratio:.1f}×"]
        )
        print(rows[-1], flush=True)
    head = ["members of everybody", "members", "Stratum, ms", "page's preview, ms", "ClickHouse, ms", "ratio"]
    about = "The whole question with its look at the database; ClickHouse's better layout. Wanted: 8×, 200 ms."
    return Table("Conditions of segments", f"{about} ClickHouse {peer.version}.", head, rows)


def _query(peer: "ClickHouse", sql: str) -> Callable[[], NDArray[np.int64]]:
    return lambda: np.frombuffer(peer.ask(f"{sql} {SETTINGS}", "RowBinary"), np.uint64).astype(np.int64)


def _together(set_up: "Stage") -> Table:
    """A full plan of segments decided in one pass, one after the other, and after one event."""
    from cdp.definitions.condition_reading import parse_condition  # noqa: PLC0415
    from cdp.definitions.segments import parse_draft  # noqa: PLC0415
    from cdp.queries.engine import fresh_engine  # noqa: PLC0415
    from cdp.queries.segment_answers import answers  # noqa: PLC0415
    from cdp.queries.universe import universe  # noqa: PLC0415
    from cdp.services import segment_members, segments  # noqa: PLC0415
    from stratum.lib import clock  # noqa: PLC0415
    from stratum.workspaces.access import SYSTEM  # noqa: PLC0415

    now, workspace = clock.from_micros(END), set_up.workspace
    written = [_variant(number) for number in range(SEGMENTS)]
    conditions = [parse_condition(one) for one in written]

    def together() -> None:
        those = universe(workspace)
        answers(workspace, fresh_engine(workspace), conditions, those, now=now, is_everybody=True)

    def alone() -> None:
        for condition in conditions:
            those = universe(workspace)
            answers(workspace, fresh_engine(workspace), [condition], those, now=now, is_everybody=True)

    timings = take_turns({"together": together, "alone": alone}, 3)
    present = clock.now()
    for number, one in enumerate(written):
        draft = parse_draft({"name": f"Segment {number}", "condition": one})
        segments.create_from_draft(workspace=workspace, by=SYSTEM, draft=draft, now=present)
    segment_members.keep_current(workspace, now=clock.now())

    def one_event() -> None:
        set_up.purchase(1)
        fresh_engine(workspace)
        segment_members.keep_current(workspace, now=clock.now())

    after = take_turns({"one": one_event}, 5)["one"]
    ratio = timings["alone"].median / timings["together"].median
    rows = [
        ["decided for everybody in one pass", shown(timings["together"]), ""],
        ["the same in 50 passes", shown(timings["alone"]), f"{ratio:.1f}×"],
        ["one purchase taken in, and the segments kept", shown(after), ""],
    ]
    workspace.segments.all().delete()
    return Table(
        "A full plan of 50 segments", "Medians in milliseconds, minima in brackets.", ["", "ms", "ratio"], rows
    )


def _variant(number: int) -> Body:
    """Conditions that share leaves as a team's segments do."""
    leaves = [
        trait("spent", "gt", 20 * (number % 7)),
        trait("since", "gt", 10 * (number % 5)),
        {**COUNTED, "value": 1 + number % 4},
        NONE_90,
        SEQUENCE,
    ]
    return {"type": "and", "children": [leaves[number % 5], leaves[(number + 1 + number // 5) % 5]]}


def _overlap(set_up: "Stage") -> Table:
    from cdp.queries import merged, universe  # noqa: PLC0415
    from cdp.queries.segment_overlap import overlap  # noqa: PLC0415
    from cdp.services import segments  # noqa: PLC0415
    from stratum.lib import clock  # noqa: PLC0415
    from stratum.lib.raw import raw_cursor  # noqa: PLC0415
    from stratum.workspaces.access import SYSTEM  # noqa: PLC0415

    everybody = np.arange(set_up.profiles, dtype=np.int64) * 3 + 1
    keys, sizes = [], []
    for place, (factor, _) in enumerate(PLACES):
        members = everybody[everybody * factor % PRIME < PRIME // 5]
        sizes.append(len(members))
        made = segments.create_static(
            workspace=set_up.workspace, by=SYSTEM, name=f"List {place}", description="", profiles=members,
            now=clock.now(),
        )  # fmt: skip
        keys.append(made.pk)
    with raw_cursor() as cursor:
        cursor.execute("VACUUM ANALYZE cdp_roster")
    rows = []
    for count in (2, 10):

        def again(count: int = count) -> None:
            overlap(set_up.workspace, keys[:count])

        def first(count: int = count) -> None:
            universe._kept.clear()
            merged._kept.clear()
            overlap(set_up.workspace, keys[:count])

        timings = take_turns({"again": again, "first": first})
        rows.append([f"{count} segments", shown(timings["again"]), shown(timings["first"])])
    about = f"Segments of {sum(sizes) // len(sizes):,} members, vacuumed as autovacuum does. Wanted: 100 ms for ten."
    return Table("Overlap", about, ["", "ms", "in a process that knows nobody yet, ms"], rows)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
