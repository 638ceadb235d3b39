"""Everybody's value of a trait or an attribute, as columns that a process remembers and brings up to date.

A trait's column follows the changes that its writer notes, an attribute's the change feed. What is unknown, too much
or of another database is read anew.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.sets import is_in
from cdp.models import TraitChange
from cdp.queries import arrays
from cdp.queries.changes import Changes, union
from cdp.queries.remembered import Remembered
from cdp.queries.served_traits import Served
from cdp.segments.vectors import Numbers
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

KEPT = 64  # columns that a process remembers, at 8 to 16 bytes a value

_ELEMENT = np.dtype([("length", ">i4"), ("value", ">f8")])
_HEADER = 20


@dataclass(frozen=True, eq=False)
class Column:
    """Ascending profiles with their values. `number`: JSON numbers, or microseconds of a date that is counted from.
    `others`: whatever else is stored, None included, by place in `values`."""

    numbered: Ints
    number: Numbers
    others: Ints
    code: NDArray[np.int32]
    values: Sequence[Any]

    def replaced(self, concerned: Ints, now: "Column") -> "Column":
        """With the present values of the ascending `concerned` instead of theirs."""
        keep, keep_others = ~is_in(self.numbered, concerned), ~is_in(self.others, concerned)
        numbered = np.concatenate([self.numbered[keep], now.numbered])
        number = np.concatenate([self.number[keep], now.number])
        others = np.concatenate([self.others[keep_others], now.others])
        code = np.concatenate([self.code[keep_others], now.code + np.int32(len(self.values))])
        by_number, by_other = np.argsort(numbered, kind="stable"), np.argsort(others, kind="stable")
        used, code = np.unique(code, return_inverse=True)
        both = (*self.values, *now.values)
        values = [both[place] for place in used.tolist()]
        return Column(numbered[by_number], number[by_number], others[by_other], code[by_other].astype(np.int32), values)


# Traits

_of_traits: OrderedDict[int, tuple[int, Column]] = OrderedDict()  # by version, as it was at a stamp


def of_trait(trait: Served) -> Column:
    """As the stamp that was read with the trait, or newer."""
    known = _of_traits.pop(trait.version_id, None)
    column = (known and _renewed_trait(trait, *known)) or _read_trait(trait, None)
    _of_traits[trait.version_id] = trait.stamp, column
    while len(_of_traits) > KEPT:
        _of_traits.popitem(last=False)
    return column


def _renewed_trait(trait: Served, stamp: int, known: Column) -> Column | None:
    """None where nobody noted whose values are others since."""
    if stamp == trait.stamp:
        return known
    concerned = _changed(trait.version_id, stamp, trait.stamp)
    return None if concerned is None else known.replaced(concerned, _read_trait(trait, concerned))


def _changed(version_id: int, before: int, now: int) -> Ints | None:
    """Whose values are others since, None where that was not noted."""
    noted = TraitChange.objects.filter(version_id=version_id, stamp__gt=before, stamp__lte=now)
    parts = [np.frombuffer(sent, np.int64) for sent in noted.values_list("profiles", flat=True)]
    return union(parts) if len(parts) == now - before else None


def _read_trait(trait: Served, profiles: Ints | None) -> Column:
    statement = _TRAIT if trait.definition.calculation is None else _DATED_TRAIT
    return _column(statement, trait.version_id, profiles)


# Attributes

_of_profiles: Remembered[Column] = Remembered(KEPT)


def of_attribute(workspace: Workspace, name: str) -> Column:
    """The attribute of that very name; who lacks it is in no list."""
    return _of_profile(workspace, name, _ATTRIBUTE)


def of_identifier(workspace: Workspace, kind: str) -> Column:
    """The user id, or the first e-mail address or phone number; who has none is in no list."""
    return _of_profile(workspace, kind, _IDENTIFIER)


def _of_profile(workspace: Workspace, name: str, statement: LiteralString) -> Column:
    def renewed(known: Column, feed: Changes) -> Column:
        """An event of somebody new may bring an identifier too."""
        acted = [] if statement == _ATTRIBUTE else list(feed.acted.values())
        concerned = union([feed.told, feed.linked, feed.gone, *acted])
        return known.replaced(concerned, read(concerned)) if len(concerned) else known

    def read(profiles: Ints | None = None) -> Column:
        return _column(statement, workspace.pk, profiles, name)

    return _of_profiles.now((workspace.pk, statement, name), workspace, read, renewed)


# Reading


def _column(statement: LiteralString, key: int, profiles: Ints | None, name: str = "") -> Column:
    only = None if profiles is None else arrays.literal(profiles)
    with raw_cursor() as cursor:
        cursor.execute(statement, {"key": key, "only": only, "name": name}, binary=True)
        numbered, number, others, texts = cursor.fetchone() or (None, None, None, None)
    places: dict[str | None, int] = {}
    code = np.array([places.setdefault(text, len(places)) for text in texts or ()], np.int32)
    values = [None if text is None else json.loads(text) for text in places]
    return Column(arrays.received(numbered), _floats(number), arrays.received(others), code, values)


def _floats(sent: bytes | None) -> Numbers:
    elements = np.frombuffer(sent or b"", _ELEMENT, offset=_HEADER if sent else 0)
    return elements["value"].astype(np.float64)


_SPLIT = """
SELECT array_send(array_agg(id ORDER BY id) FILTER (WHERE number IS NOT NULL)),
    array_send(array_agg(number ORDER BY id) FILTER (WHERE number IS NOT NULL)),
    array_send(array_agg(id ORDER BY id) FILTER (WHERE number IS NULL)),
    array_agg(value::text ORDER BY id) FILTER (WHERE number IS NULL)
FROM ({told}) told
"""
# A number that no float stands for exactly, or at all, is asked one by one.
_NUMBER = """CASE WHEN jsonb_typeof({value}) = 'number' AND ({value} = '0' OR
    abs(({value} #>> '{{}}')::numeric) BETWEEN 1e-300 AND 9e15) THEN ({value} #>> '{{}}')::float8 END AS number"""
_MICROS = "(extract(epoch FROM ({value} #>> '{{}}')::timestamptz) * 1000000)::float8 AS number"
_OF_TRAIT = """
SELECT profile_id AS id, value, {number} FROM cdp_traitvalue
WHERE version_id = %(key)s AND (%(only)s::bigint[] IS NULL OR profile_id = ANY (%(only)s::bigint[]))
"""
_TRAIT = _SPLIT.format(told=_OF_TRAIT.format(number=_NUMBER.format(value="value")))
_DATED_TRAIT = _SPLIT.format(told=_OF_TRAIT.format(number=_MICROS.format(value="value")))
_ATTRIBUTE = _SPLIT.format(
    told=f"""
SELECT id, value, {_NUMBER.format(value="value")} FROM (
    SELECT p.id, nullif(p.attributes -> %(name)s, 'null'::jsonb) AS value FROM cdp_profile p
    WHERE p.workspace_id = %(key)s AND p.merged_into IS NULL AND p.erased_at IS NULL AND p.attributes ? %(name)s
        AND (%(only)s::bigint[] IS NULL OR p.id = ANY (%(only)s::bigint[]))
) attribute
"""
)
# The same as documents of profiles have: `trait_filters`.
_IDENTIFIER = _SPLIT.format(
    told="""
SELECT id, to_jsonb(told) AS value, NULL::float8 AS number FROM (
    SELECT p.id, CASE WHEN %(name)s = 'user_id' THEN p.user_id ELSE (
        SELECT i.value FROM cdp_identifier i WHERE i.profile_id = p.id AND i.kind = %(name)s
        ORDER BY i.created_at, i.id LIMIT 1
    ) END AS told FROM cdp_profile p
    WHERE p.workspace_id = %(key)s AND p.merged_into IS NULL AND p.erased_at IS NULL
        AND (%(only)s::bigint[] IS NULL OR p.id = ANY (%(only)s::bigint[]))
) identifier WHERE told IS NOT NULL
"""
)
