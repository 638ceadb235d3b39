"""`python -m benchmarks.rfm --customers 500000 --write`: RFM at that size.

Everybody has bought: a year of orders, of which all but the last 181 days then expire.
"""

import argparse
import os
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import django
import numpy as np

from benchmarks.engine.compare import shown
from benchmarks.engine.data import DAY, END
from benchmarks.engine.report import Table, machine, write_page
from benchmarks.engine.timing import milliseconds, take_turns
from cdp.engine.batches import EventBatch

if TYPE_CHECKING:
    from stratum.workspaces.models import Workspace

FOLDER = Path(__file__).resolve().parents[1] / "var" / "bench"
BEGIN, LAST = "<!-- rfm: written by `python -m benchmarks.rfm` -->", "<!-- /rfm -->"
ORDERS_EACH = 4
DAYS = 365
SLICE = 200_000
KEPT = timedelta(days=181)


def orders(customers: int) -> Iterator[EventBatch]:
    """Some buy often; everybody once at least."""
    dice = np.random.default_rng(11)
    weights = dice.lognormal(0, 1.2, customers).cumsum()
    more = np.searchsorted(weights, dice.random(customers * (ORDERS_EACH - 1)) * weights[-1])
    who = np.concatenate([np.arange(customers), more]) * 3 + 1
    ts = np.sort(END - DAY * DAYS + (dice.random(len(who)) * DAY * DAYS).astype(np.int64))
    dice.shuffle(who)
    spent = np.round(dice.gamma(2, 30, len(who)), 2)
    for first in range(0, len(who), SLICE):
        part = slice(first, first + SLICE)
        count = len(who[part])
        yield EventBatch(
            seq=np.arange(first + 1, first + 1 + count),
            profile=who[part],
            ts=ts[part],
            received=ts[part] + 1_000_000,
            name=["purchase"] * count,
            kind=np.zeros(count, np.uint8),
            properties=[{"revenue": amount} for amount in spent[part].tolist()],
        )


def main() -> None:
    given = parsed()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    django.setup()
    from benchmarks.traits import stage  # noqa: PLC0415  (models exist after setup)

    shutil.rmtree(given.folder / "traits-engine", ignore_errors=True)  # of a run that was broken off
    with stage.database():
        workspace = stage.peopled(given.customers, given.customers * ORDERS_EACH, given.folder)
        _fill(workspace, given.customers)
        stage.settle(workspace)
        table = _measured(workspace)
    shutil.rmtree(given.folder / "traits-engine", ignore_errors=True)
    about = f"{given.customers:,} customers with {given.customers * ORDERS_EACH:,} orders in {DAYS} days. {machine()}."
    text = f"{about} Measured {date.today():%Y-%m-%d}, load afterwards {os.getloadavg()[0]:.1f}.\n\n{table.markdown()}"
    if given.write:
        write_page(text, begin=BEGIN, end=LAST)
    print(text)


def _fill(workspace: "Workspace", customers: int) -> None:
    from cdp.queries.engine import engine_of  # noqa: PLC0415

    engine = engine_of(workspace)
    for number, batch in enumerate(orders(customers)):
        with engine.writing(10) as writer:
            writer.append(batch)
            writer.commit({"slice": number})
    engine.compact()


def _measured(workspace: "Workspace") -> Table:
    from cdp.queries import rfm  # noqa: PLC0415
    from cdp.queries.engine import fresh_engine  # noqa: PLC0415
    from cdp.services import rfm_months  # noqa: PLC0415
    from stratum.lib import clock  # noqa: PLC0415

    now = clock.from_micros(END)
    before = now - KEPT

    def scores() -> None:
        rfm.standing(workspace, fresh_engine(workspace), now)

    def changed() -> None:
        engine = fresh_engine(workspace)
        rfm.moved(rfm.standing(workspace, engine, now - timedelta(minutes=10)), rfm.standing(workspace, engine, now))

    def page() -> None:
        rfm.report(workspace, now=now)

    def expire() -> None:
        workspace.rfm_months.all().delete()
        rfm_months.keep_expiring(workspace, before, now)

    kept = take_turns({"scores": scores, "changed": changed, "page": page}, 5)
    expiring = milliseconds(expire)
    daily = milliseconds(lambda: rfm_months.keep_expiring(workspace, before + KEPT / 181, now))
    after = take_turns({"page": page}, 5)["page"]
    rows = [
        ["everybody's scores, from orders", shown(kept["scores"])],
        ["two standings, and who has other scores", shown(kept["changed"])],
        ["figures of the page, nothing expired", shown(kept["page"])],
        ["half of the orders expire: what months keep of them", f"{expiring:,.0f}"],
        ["the orders of one more day expire", f"{daily:,.0f}"],
        ["figures of the page, with what was kept", shown(after)],
    ]
    about = "The page tells seven standings: now and as six months began. Wanted: 300 ms."
    return Table("A team's customers", about, ["", "ms"], rows)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=500_000)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
