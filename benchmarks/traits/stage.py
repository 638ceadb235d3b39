"""A workspace with so many stored events, in a database of its own that goes when the measuring is over.

The generated events are given to the engine as if the projection had read them: the truth gets the profiles, and
whatever comes later, by the front door.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import connection

from benchmarks.engine.data import END, Size
from benchmarks.engine.ours import load
from benchmarks.traits.definitions import BOUGHT, VIEWED, Body, aggregation, of_property
from cdp.engine import open_engine
from cdp.models import Trait, TraitValue
from cdp.queries import changes, trait_preview
from cdp.queries import traits as queries
from cdp.services import trait_values
from cdp.services import traits as services
from cdp.services.ingest import ingest
from stratum.lib import clock
from stratum.lib.raw import raw_cursor
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace

NOW: datetime = clock.from_micros(END)
MONEY: Body = aggregation("sum", property="value")
FAVOURITE: Body = of_property("most_frequent", VIEWED, "category")
PREVIEWS: tuple[tuple[str, Body], ...] = (
    ("SUM of purchases", MONEY),
    ("COUNT of views in 30 days", aggregation("count", VIEWED, window={"last": "P30D"})),
    ("Most frequent category viewed", FAVOURITE),
    ("Days since the last purchase", of_property("last", BOUGHT, "timestamp", calculation="DAYS_SINCE")),
)

# Profiles as the generator numbers them, each with a user id.
PROFILES = """
INSERT INTO cdp_profile (id, workspace_id, user_id, attributes, attribute_times, created_at, merges)
SELECT 3 * g + 1, %s, 'user-' || g, '{}', '{}', %s, 0 FROM generate_series(0, %s - 1) g
"""
IDENTIFIERS = """
INSERT INTO cdp_identifier (id, workspace_id, kind, value, profile_id, created_at)
SELECT g + 1, %s, 'user_id', 'user-' || g, 3 * g + 1, %s FROM generate_series(0, %s - 1) g
"""
COPIED = """
CREATE TABLE bench_copy (
    version_id bigint NOT NULL, profile_id bigint NOT NULL, value jsonb, changed_at timestamptz NOT NULL,
    due_at timestamptz, PRIMARY KEY (version_id, profile_id)
)
"""


@dataclass
class Stage:
    workspace: Workspace
    profiles: int
    numbers: Iterator[int]

    def define(self, body: Body) -> Trait:
        """The trait of that name, with everybody's value."""
        found = queries.named(self.workspace, body["name"])
        return found or services.create(workspace=self.workspace, by=SYSTEM, body=body, now=clock.now())

    def backfill(self, body: Body) -> None:
        """Once more from nothing, as at first."""
        if found := queries.named(self.workspace, body["name"]):
            services.delete(workspace=self.workspace, by=SYSTEM, trait_id=found.pk, now=clock.now())
        trait = self.define(body)
        trait.refresh_from_db()
        if trait.status != Trait.Status.LIVE:
            raise SystemExit(f"{trait.name} is {trait.status}: {trait.error}")

    def stored(self, name: str) -> int:
        return TraitValue.objects.filter(version_id=self._version(name)).count()

    def copy(self, name: str) -> None:
        """The same rows by themselves, durable as the others."""
        rows = self._rows(name)
        with raw_cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS bench_copy")
            cursor.execute(COPIED)
            with cursor.copy("COPY bench_copy FROM STDIN") as copy:
                copy.write(rows)

    def _rows(self, name: str) -> bytes:
        with (
            raw_cursor() as cursor,
            cursor.copy(
                "COPY (SELECT version_id, profile_id, value, changed_at, due_at FROM cdp_traitvalue "
                f"WHERE version_id = {self._version(name)} ORDER BY profile_id) TO STDOUT"
            ) as copy,
        ):
            return b"".join(bytes(block) for block in copy)

    def _version(self, name: str) -> int:
        trait = queries.named(self.workspace, name)
        assert trait is not None and trait.version is not None
        return queries.version(trait, trait.version).pk

    def purchase(self, people: int) -> None:
        """Everybody of the first so many buys once more."""
        items = [self._item(person) for person in range(people)]
        for first in range(0, len(items), 500):
            receipt = ingest(
                workspace=self.workspace, source=None, items=items[first : first + 500], received_at=clock.now()
            )
            assert not receipt.rejected, receipt.rejected[0]

    def _item(self, person: int) -> dict[str, Any]:
        number = next(self.numbers)
        return {
            "type": "track",
            "event": BOUGHT,
            "userId": f"user-{person}",
            "messageId": f"bench-{number}",
            "timestamp": clock.now().isoformat(),
            "properties": {"value": number % 1_000 / 10, "category": "category-3"},
        }

    def keep_current(self) -> None:
        trait_values.keep_current(self.workspace, now=clock.now())

    def preview(self, body: Body) -> None:
        definition = services.read(self.workspace, body, now=NOW)
        trait_preview.preview(self.workspace, definition, now=NOW)


@contextmanager
def database() -> Iterator[None]:
    """Empty, migrated, and gone afterwards. Jobs run at once, in this process."""
    current_app.conf.task_always_eager = current_app.conf.task_eager_propagates = True
    connection.settings_dict.setdefault("TEST", {})["NAME"] = f"bench_traits_{uuid.uuid4().hex[:8]}"
    before = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)


def staged(events: Path, size: Size, folder: Path) -> Stage:
    """Takes a while: the generated events are given to an engine of this workspace."""
    workspace = peopled(size.users, size.events, folder)
    load(open_engine(settings.ENGINE_URL, workspace.pk), events)
    settle(workspace)
    return Stage(workspace, size.users, count())


def peopled(people: int, events: int, folder: Path) -> Workspace:
    """A workspace with so many profiles and an empty engine, which so many events will be given to."""
    settings.ENGINE_URL = f"columnar://{(folder / 'traits-engine').resolve()}"
    workspace = Workspace.objects.create(slug=f"bench-{uuid.uuid4().hex[:12]}", name="Benchmark", currency="EUR")
    with raw_cursor() as cursor:
        cursor.execute("DELETE FROM cdp_profile")
        cursor.execute("DELETE FROM cdp_identifier")
        cursor.execute(PROFILES.replace("%s - 1", f"{people} - 1"), [workspace.pk, clock.from_micros(END)])
        cursor.execute(IDENTIFIERS.replace("%s - 1", f"{people} - 1"), [workspace.pk, clock.from_micros(END)])
        cursor.execute("SELECT setval('cdp_block', %s)", [(events // 1_000 + 10) * 1_000 + 1])
        cursor.execute("ANALYZE")
    return workspace


def settle(workspace: Workspace) -> None:
    """As if the projection had given the engine what it holds."""
    with open_engine(settings.ENGINE_URL, workspace.pk).writing(10) as writer:
        writer.commit(changes.here(workspace).cursor())
