"""Conditions on fields of profiles, decided for everybody at once from columns instead of profile by profile.

It answers most of them; whatever it does not, `segment_answers` asks the documents of the profiles, which are the law.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from cdp.definitions.conditions import ProfileCondition
from cdp.engine.aggregates import AggregateSpec
from cdp.engine.arrays import Ints, Mask
from cdp.engine.base import Engine
from cdp.engine.events import ANY_EVENT, TIMESTAMP, Events
from cdp.engine.predicates import NEGATIONS, AnyItem, OfProfile, Ref, Test, any_item, decide_value, is_number
from cdp.engine.sets import is_in
from cdp.queries import profile_columns, served_traits
from cdp.queries.profile_columns import Column
from cdp.queries.profiles import PURCHASE
from cdp.queries.rfm import Standing, standing
from cdp.queries.served_traits import Served
from cdp.queries.trait_filters import ATTRIBUTES, SEEN, STAGE, TRAITS
from cdp.queries.universe import Universe
from cdp.rfm.groups import GROUPS, NO_PURCHASES
from cdp.segments.vectors import COMPARISONS, Numbers, of_instants, of_numbers
from cdp.traits.shown import counted_since
from stratum.lib import clock
from stratum.workspaces.models import Workspace

Decide = Callable[[Any], bool]
MICROSECOND = timedelta(microseconds=1)
IDENTIFIERS = ("user_id", "email", "phone")
NAMES = ("first_name", "last_name")
STAGES = ("anonymous", "known", "customer", "churned")


@dataclass(frozen=True, eq=False)
class FastConditions:
    """For one look at a workspace."""

    workspace: Workspace
    engine: Engine
    those: Universe
    as_of: int
    known: Standing | None = None  # of RFM

    def mask(self, leaf: ProfileCondition) -> Mask | None:
        """Which of the universe satisfy it; None where that has to be asked otherwise."""
        name, test = leaf.field, leaf.predicate
        if isinstance(test, Test) and isinstance(test.value, Ref):
            return self._of_two(test, test.value.path)
        if name.startswith("traits.rfm_"):
            return self._of_rfm(name.removeprefix(TRAITS), test)
        if name.startswith(TRAITS):
            trait = self.served.get(name.removeprefix(TRAITS))
            return None if trait is None else self._of_trait(trait, test)
        if name.startswith(ATTRIBUTES) and "." not in name.removeprefix(ATTRIBUTES):
            column = profile_columns.of_attribute(self.workspace, name.removeprefix(ATTRIBUTES))
            return self._of_column(column, column.number, column.values, test, None)
        if name in IDENTIFIERS:
            column = profile_columns.of_identifier(self.workspace, name)
            return self._of_column(column, column.number, column.values, test, None)
        if name in NAMES:
            column = profile_columns.of_attribute(self.workspace, name)
            return self._of_column(column, column.number, column.values, test, None)
        if isinstance(test, Test) and name == STAGE:
            return self._of_stage(test)
        return self._of_last_seen(test) if isinstance(test, Test) and name == SEEN else None

    def of_field(self, field: str) -> OfProfile | None:
        """What the field is of everybody; None where that has to be asked otherwise."""
        if field.startswith("traits.rfm_"):
            return self._known_rfm(field.removeprefix(TRAITS))
        if field.startswith(TRAITS):
            trait = self.served.get(field.removeprefix(TRAITS))
            if trait is None:
                return None
            column, zone, now = profile_columns.of_trait(trait), *self._moment
            values = [trait.value(one, has_row=True, now=now, zone=zone) for one in column.values]
            without = trait.value(None, has_row=False, now=now, zone=zone)
            return _labelled(column, self._shown(trait, column.number), values, without)
        if "." in field.removeprefix(ATTRIBUTES):
            return None
        column = profile_columns.of_attribute(self.workspace, field.removeprefix(ATTRIBUTES))
        return _labelled(column, column.number, column.values, None)

    def _known_rfm(self, name: str) -> OfProfile:
        found = self.standing
        if name == "rfm_group":
            return OfProfile(found.profile, found.group, [group.name for group in GROUPS], NO_PURCHASES)
        return OfProfile(found.profile, getattr(found.scores, name.removeprefix("rfm_")), range(6))

    @property
    def _moment(self) -> tuple[ZoneInfo, datetime]:
        return ZoneInfo(self.workspace.time_zone), clock.from_micros(self.as_of)

    def _of_two(self, test: Test, other: str) -> Mask | None:
        """One field beside another one, where both are numbers for everybody who has them."""
        left, right = self._dense(test.property), self._dense(other)
        if left is None or right is None:
            return None
        positive = NEGATIONS.get(test.op, test.op)
        found = COMPARISONS[positive](left, right)  # type: ignore[arg-type]
        return found if positive == test.op else ~found

    def _dense(self, name: str) -> Numbers | None:
        """The universe's numbers, NaN where there is none, with which nothing compares."""
        trait = self.served.get(name.removeprefix(TRAITS)) if name.startswith(TRAITS) else None
        without: Any = None
        if trait is not None:
            column, now = profile_columns.of_trait(trait), clock.from_micros(self.as_of)
            without = trait.value(None, has_row=False, now=now, zone=ZoneInfo(self.workspace.time_zone))
        elif name.startswith(ATTRIBUTES) and "." not in name.removeprefix(ATTRIBUTES):
            column = profile_columns.of_attribute(self.workspace, name.removeprefix(ATTRIBUTES))
        else:
            return None
        if len(column.others) or not (without is None or is_number(without)):
            return None
        dense = np.full(len(self.those.profile), np.nan if without is None else without, np.float64)
        known = is_in(column.numbered, self.those.profile)
        place = np.searchsorted(self.those.profile, column.numbered[known])
        dense[place] = self._shown(trait, column.number)[known]
        return dense

    def _shown(self, trait: Served | None, numbers: Numbers) -> Numbers:
        """Days or hours since, where a date is stored."""
        if trait is None or trait.definition.calculation is None:
            return numbers
        zone, now = self._moment
        return counted_since(trait.definition.calculation, numbers.astype(np.int64), now, zone).astype(np.float64)

    @cached_property
    def served(self) -> dict[str, Served]:
        return {trait.name: trait for trait in served_traits.serving(self.workspace)}

    def _of_trait(self, trait: Served, test: Test | AnyItem) -> Mask | None:
        """Who has no row has nothing counted."""
        column = profile_columns.of_trait(trait)
        zone, now = self._moment
        numbers = column.number
        if trait.definition.calculation is not None:
            numbers = counted_since(trait.definition.calculation, numbers.astype(np.int64), now, zone)
        values = [trait.value(one, has_row=True, now=now, zone=zone) for one in column.values]
        without = trait.value(None, has_row=False, now=now, zone=zone)
        return self._of_column(column, numbers, values, test, without)

    def _of_column(
        self, column: Column, numbers: Numbers, values: list[Any] | Any, test: Test | AnyItem, without: Any
    ) -> Mask | None:
        """`without`: the value of whoever is not in the column."""
        decide = _decision(test, self.as_of)
        numbered = _numbered(test, numbers)
        if numbered is None:
            return None
        passes = np.array([decide(value) for value in values], np.bool_)
        others = passes[column.code] if len(column.code) else np.zeros(0, np.bool_)
        profile = self.those.profile
        if not decide(without):
            return is_in(profile, column.numbered[numbered]) | is_in(profile, column.others[others])
        return ~(is_in(profile, column.numbered[~numbered]) | is_in(profile, column.others[~others]))

    # What events say

    def _of_rfm(self, name: str, test: Test | AnyItem) -> Mask:
        decide, found = _decision(test, self.as_of), self.standing
        values: tuple[Any, ...] = tuple(group.name for group in GROUPS) if name == "rfm_group" else tuple(range(6))
        code = found.group if name == "rfm_group" else getattr(found.scores, name.removeprefix("rfm_"))
        passes = np.array([decide(value) for value in values], np.bool_)
        without = decide(NO_PURCHASES if name == "rfm_group" else None)
        return _with(self.those.profile, found.profile, passes[code], otherwise=without)

    @cached_property
    def standing(self) -> Standing:
        return self.known or standing(self.workspace, self.engine, clock.from_micros(self.as_of))

    def _of_stage(self, test: Test) -> Mask:
        last = self._last(PURCHASE)
        churned_before = self.as_of - self.workspace.churn_days * timedelta(days=1) // MICROSECOND
        stage = self.those.identified.astype(np.int64)
        bought = is_in(self.those.profile, last[0])
        stage[bought] = np.where(last[1][is_in(last[0], self.those.profile)] >= churned_before, 2, 3)
        decide = _decision(test, self.as_of)
        passes = np.array([decide(value) for value in STAGES], np.bool_)
        found: Mask = passes[stage]
        return found

    def _of_last_seen(self, test: Test) -> Mask | None:
        profile, seen = self._last(ANY_EVENT)
        passes = of_instants(test, seen, self.as_of)
        if passes is None:
            return None
        return _with(self.those.profile, profile, passes, otherwise=_decision(test, self.as_of)(None))

    def _last(self, event: Any) -> tuple[Ints, Ints]:
        (found,) = self.engine.aggregates([AggregateSpec(Events((event,)), "max", TIMESTAMP)], self.as_of)
        return found.profile, found.value


def _labelled(column: Column, numbers: Numbers, values: Sequence[Any], without: Any) -> OfProfile:
    distinct, place = np.unique(numbers, return_inverse=True)
    profile = np.concatenate([column.numbered, column.others])
    code = np.concatenate([place, column.code.astype(np.int64) + len(distinct)])
    order = np.argsort(profile, kind="stable")
    return OfProfile(profile[order], code[order], [*distinct.tolist(), *values], without)


def _decision(test: Test | AnyItem, as_of: int) -> Decide:
    if isinstance(test, AnyItem):
        return lambda value: any_item(test.where, value, as_of)
    return decide_value(test, as_of)


def _numbered(test: Test | AnyItem, numbers: Numbers) -> Mask | None:
    """A number is no list, and holds no item."""
    if isinstance(test, AnyItem) or not len(numbers):
        return np.zeros(len(numbers), np.bool_)
    return of_numbers(test, numbers)


def _with(universe: Ints, known: Ints, passes: Mask, *, otherwise: bool) -> Mask:
    return ~is_in(universe, known[~passes]) if otherwise else is_in(universe, known[passes])
