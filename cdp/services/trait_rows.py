"""Rows of trait values into the database: everybody's first ones by COPY, later only what has changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from cdp.engine.arrays import Ints
from cdp.engine.events import ENDLESS
from cdp.models import TraitCarry
from cdp.queries import arrays
from cdp.queries.trait_outcomes import Rows
from stratum.lib import clock
from stratum.lib.raw import raw_cursor, text_array
from stratum.workspaces.models import Workspace

AT_ONCE = 20_000  # rows of one statement
LINES = 2_000  # rows handed to COPY at a time
NULL = "\\N"


@dataclass(frozen=True, eq=False)
class Written:
    """`changed`: whose value is another one now. `with_value`: how many more have one than before."""

    changed: Ints
    with_value: int


def copy(version_id: int, rows: Rows, now: datetime) -> None:
    """The first rows of these profiles."""
    at = now.isoformat()
    with raw_cursor() as cursor, cursor.copy(_COPY) as stream:
        for part in rows.parts(LINES):
            stream.write("".join(_lines(version_id, part, at)))


def _lines(version_id: int, rows: Rows, at: str) -> Iterator[str]:
    for profile, text, due in zip(rows.profile.tolist(), rows.text, _instants(rows.due, NULL), strict=True):
        value = NULL if text is None else text.replace("\\", "\\\\") if "\\" in text else text
        yield f"{version_id}\t{profile}\t{value}\t{at}\t{due}\n"


def _instants(due: Ints, never: str) -> list[str]:
    if not np.any(due < ENDLESS):
        return [never] * len(due)
    return [never if one >= ENDLESS else clock.from_micros(one).isoformat() for one in due.tolist()]


_COPY = "COPY cdp_traitvalue (version_id, profile_id, value, changed_at, due_at) FROM STDIN"


def merge(version_id: int, asked: Ints, rows: Rows, now: datetime) -> Written:
    """Store these rows for the ascending profiles `asked`, of which those without a row lose theirs. Reads and writes
    nothing of anybody else."""
    changed, with_value = [arrays.NOBODY], 0
    for start in range(0, len(asked), AT_ONCE):
        part = asked[start : start + AT_ONCE]
        first, last = np.searchsorted(rows.profile, [part[0], part[-1] + 1])
        written = _merge(version_id, part, rows.part(first, last), now)
        changed.append(written.changed)
        with_value += written.with_value
    return Written(np.concatenate(changed), with_value)


def _merge(version_id: int, asked: Ints, rows: Rows, now: datetime) -> Written:
    parameters = {
        "version": version_id,
        "asked": arrays.literal(asked),
        "profiles": arrays.literal(rows.profile),
        "texts": _texts(rows.text),
        "due": "{" + ",".join(_instants(rows.due, "NULL")) + "}",
        "now": now,
    }
    with raw_cursor() as cursor:
        cursor.execute(_MERGE, parameters, binary=True)
        sent, with_value = cursor.fetchone() or (None, 0)
    return Written(arrays.received(sent), with_value)


def _texts(texts: Sequence[str | None]) -> str:
    """A value is never the JSON null, so that it may stand for none."""
    return text_array(["null" if text is None else text for text in texts])


# All parts see what was stored before the statement. Who only is due at another time keeps the time of his value.
_MERGE = """
WITH asked AS (SELECT unnest(%(asked)s::bigint[]) AS profile_id),
old AS MATERIALIZED (
    SELECT v.profile_id, v.value, v.due_at FROM asked
    JOIN cdp_traitvalue v ON v.version_id = %(version)s AND v.profile_id = asked.profile_id
),
news AS MATERIALIZED (
    SELECT n.profile_id, nullif(n.text, 'null')::jsonb AS value, n.due_at
    FROM unnest(%(profiles)s::bigint[], %(texts)s::text[], %(due)s::timestamptz[]) AS n(profile_id, text, due_at)
),
gone AS (
    DELETE FROM cdp_traitvalue v USING old
    WHERE v.version_id = %(version)s AND v.profile_id = old.profile_id
        AND NOT EXISTS (SELECT FROM news WHERE news.profile_id = old.profile_id)
),
told AS (
    INSERT INTO cdp_traitvalue AS v (version_id, profile_id, value, changed_at, due_at)
    SELECT %(version)s, news.profile_id, news.value, %(now)s, news.due_at FROM news LEFT JOIN old USING (profile_id)
    WHERE old.profile_id IS NULL OR (old.value, old.due_at) IS DISTINCT FROM (news.value, news.due_at)
    ORDER BY news.profile_id
    ON CONFLICT (version_id, profile_id) DO UPDATE SET value = excluded.value, due_at = excluded.due_at,
        changed_at = CASE WHEN v.value IS DISTINCT FROM excluded.value THEN excluded.changed_at ELSE v.changed_at END
)
SELECT array_send(array_agg(coalesce(old.profile_id, news.profile_id)) FILTER (
        WHERE old.value IS DISTINCT FROM news.value OR (old.profile_id IS NULL) <> (news.profile_id IS NULL))),
    count(news.value) - count(old.value)
FROM old FULL JOIN news USING (profile_id)
"""


def with_value(version_id: int) -> int:
    """How many profiles have a value."""
    with raw_cursor() as cursor:
        cursor.execute("SELECT count(value) FROM cdp_traitvalue WHERE version_id = %s", [version_id])
        return int((cursor.fetchone() or (0,))[0])


def drop(version_id: int, most: int) -> int:
    """Remove up to so many rows of a version that nobody reads any more; how many that were."""
    with raw_cursor() as cursor:
        cursor.execute(_DROP, [version_id, version_id, most])
        return cursor.rowcount


_DROP = """
DELETE FROM cdp_traitvalue WHERE version_id = %s AND profile_id IN (
    SELECT profile_id FROM cdp_traitvalue WHERE version_id = %s ORDER BY profile_id LIMIT %s)
"""


def forget(workspace: Workspace, profiles: Sequence[int], now: datetime) -> None:
    """Erased profiles have no value of any version, and nothing of their expired events is kept."""
    with raw_cursor() as cursor:
        cursor.execute(_FORGET, [list(profiles), workspace.pk])
    TraitCarry.objects.filter(workspace=workspace, profile_id__in=profiles).delete()


_FORGET = """
DELETE FROM cdp_traitvalue WHERE profile_id = ANY (%s::bigint[]) AND version_id IN (
    SELECT v.id FROM cdp_traitversion v JOIN cdp_trait t ON t.id = v.trait_id
    WHERE t.workspace_id = %s AND v.has_values)
"""
