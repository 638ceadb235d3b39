"""The funnel builder's form: rows as typed become the API's body, so that page and API check by the same rules."""

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from django.http import QueryDict

from cdp.definitions.funnels import DEFAULT_WINDOW, MAX_EXCLUSIONS, MAX_STEPS, MIN_STEPS, FunnelDraft, parse_draft
from cdp.forms import funnel_matches as matches
from cdp.forms.durations import duration, split_duration
from cdp.forms.funnel_matches import MatchRow
from stratum.lib import periods
from stratum.lib.refusal import Fault, Invalid

# More than a funnel may have, so that a form with too many is refused and not cut short.
MOST_ROWS = 50
TEXTS = ("name", "description", "mode", "window_count", "window_unit", "counting", "expected")

DEFAULT = periods.format_duration(DEFAULT_WINDOW)  # stands for what cannot be read, beside its fault

PLACE = re.compile(r"/(steps|exclusions)/(\d+)(?:/(\w+))?")
SLOTS = {"max_gap": "gap"}
ROW = re.compile(r"(steps|exclusions)-(\d{1,4})", re.ASCII)


@dataclass(slots=True)
class StepRow(MatchRow):
    """One step as typed. `warning` is what to know about it before its number is read."""

    label: str = ""
    gap_count: str = ""
    gap_unit: str = "D"
    warning: str = ""

    @property
    def title(self) -> str:
        return self.label.strip() or self.names or "No event yet"


@dataclass(slots=True)
class ExclusionRow(MatchRow):
    """An excluded event as typed, between two steps counted from 0."""

    after: str = "0"
    before: str = "1"


@dataclass(slots=True)
class Removed:
    """The step that was removed last, for Undo; `ends` are the steps of each exclusion as they were."""

    at: int
    step: StepRow
    ends: list[tuple[str, str]]


@dataclass(slots=True)
class Builder:
    """The whole form. `expected` is the tag of the funnel that was opened.

    `focus` is where the work goes on and `said` what a button did, for those who do not see it.
    """

    name: str = ""
    description: str = ""
    steps: list[StepRow] = field(default_factory=lambda: [StepRow(), StepRow()])
    mode: str = "ordered"
    window_count: str = "7"
    window_unit: str = "D"
    counting: str = "unique"
    exclusions: list[ExclusionRow] = field(default_factory=list)
    expected: str = ""
    removed: Removed | None = None
    focus: str = ""
    said: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_post(cls, post: QueryDict) -> "Builder":
        builder = cls(
            steps=[_step_of_post(post, f"steps-{index}-") for index in range(_count(post, "steps", MIN_STEPS))],
            exclusions=[
                _exclusion_of_post(post, f"exclusions-{index}-") for index in range(_count(post, "exclusions"))
            ],
            removed=_removed_of_post(post),
        )
        for name in TEXTS:
            setattr(builder, name, post.get(name, getattr(builder, name)))
        return builder

    @classmethod
    def of_draft(cls, draft: FunnelDraft) -> "Builder":
        definition = draft.definition.as_json()
        count, unit = split_duration(draft.definition.window)
        return cls(
            name=draft.name,
            description=draft.description,
            steps=[_step_of_json(step) for step in definition["steps"]],
            mode=definition["mode"],
            window_count=count,
            window_unit=unit,
            counting=definition["counting"],
            exclusions=[_exclusion_of_json(exclusion) for exclusion in definition["exclusions"]],
        )

    @property
    def has_room(self) -> bool:
        return len(self.steps) < MAX_STEPS

    def body(self, *, skip_empty: bool = False) -> tuple[dict[str, Any], list[Fault]]:
        """The API's body, and what could not even be written as one.

        Faults point into the body. `skip_empty` leaves rows without an event out, for a preview while typing.
        """
        faults: list[Fault] = []
        rows = self.rows(skip_empty=skip_empty)
        body = {
            "name": self.name,
            "description": self.description,
            "steps": [_step_body(self.steps[row], f"/steps/{index}", faults) for index, row in enumerate(rows)],
            "mode": self.mode,
            "window": duration(self.window_count, self.window_unit, "/window", faults) or DEFAULT,
            "counting": self.counting,
            "exclusions": [
                _exclusion_body(self.exclusions[row], rows, f"/exclusions/{index}", faults)
                for index, row in enumerate(self.exclusion_rows(skip_empty=skip_empty))
            ],
        }
        return body, faults

    def rows(self, *, skip_empty: bool = False) -> list[int]:
        """Which row each step of the body comes from."""
        return [row for row, step in enumerate(self.steps) if not (skip_empty and step.is_empty)]

    def exclusion_rows(self, *, skip_empty: bool = False) -> list[int]:
        """The same for exclusions; one whose steps are left out is left out too."""
        left_out = {str(row) for row, step in enumerate(self.steps) if skip_empty and step.is_empty}
        return [
            row
            for row, each in enumerate(self.exclusions)
            if not (skip_empty and (each.is_empty or {each.after, each.before} & left_out))
        ]

    def row(self, place: str) -> MatchRow | None:
        """The row of a name such as `steps-2` or `exclusions-0`."""
        found = ROW.fullmatch(place)
        rows: list[Any] = self.steps if found and found[1] == "steps" else self.exclusions
        return rows[int(found[2])] if found and int(found[2]) < len(rows) else None

    def show(self, faults: Iterable[Fault], *, skip_empty: bool = False) -> None:
        """Put each fault at the field it is about."""
        rows = {"steps": self.rows(skip_empty=skip_empty), "exclusions": self.exclusion_rows(skip_empty=skip_empty)}
        for fault in faults:
            place = PLACE.match(fault.pointer)
            if place and int(place[2]) < len(rows[place[1]]):
                name = f"{place[1]}-{rows[place[1]][int(place[2])]}"
                self._show_at(name, SLOTS.get(place[3], place[3] or "event"), fault.detail)
            else:
                slot = fault.pointer.split("/")[1] if "/" in fault.pointer else "form"
                self.errors.setdefault(slot, fault.detail)
                self.focus = self.focus or slot

    def _show_at(self, name: str, slot: str, sentence: str) -> None:
        row = self.row(name)
        if row is not None:
            row.errors.setdefault(slot, sentence)
            self.focus = self.focus or f"{name}-{slot}"

    def warn(self, warnings: Iterable[tuple[int, str]]) -> None:
        """Put what is to be known of a step of the preview at its row; rows that it leaves out say so."""
        rows = self.rows(skip_empty=True)
        for index, sentence in warnings:
            self.steps[rows[index]].warning = sentence
        for step in self.steps:
            if step.is_empty:
                step.warning = "No event is chosen here yet, so the result leaves this step out."

    def act(self, do: str) -> bool:
        """Follow a button that changes the rows, such as `up:2` or `remove_filter:steps-0:1`. False when it is none."""
        verb, *places = do.split(":")
        if verb not in ACTIONS and verb not in matches.ROW_ACTIONS:
            return False
        if verb != "undo":
            self.removed = None
        if verb in matches.ROW_ACTIONS:
            self._act_on_row(verb, places)
        else:
            action, arity = ACTIONS[verb]
            indexes = matches.indexes(places)
            if len(indexes) == arity:
                action(self, *indexes)
        return True

    def _act_on_row(self, verb: str, places: list[str]) -> None:
        row = self.row(places[0]) if places else None
        goal = matches.act_on_row(row, verb, places[1:]) if row is not None else None
        if goal:
            self.focus = f"{places[0]}-{goal}"

    def read(self, *, zone: tzinfo, name_required: bool = True, skip_empty: bool = False) -> FunnelDraft:
        """Raises Invalid with every fault, to be handed to `show`."""
        body, faults = self.body(skip_empty=skip_empty)
        try:
            draft = parse_draft(body, zone=zone, name_required=name_required)
        except Invalid as refused:
            raise Invalid([*faults, *refused.faults]) from None
        if faults:
            raise Invalid(faults)
        return draft


# Steps. Whatever happens to them, an exclusion stays between the steps that it was between.


def add_step(builder: Builder) -> None:
    insert_step(builder, len(builder.steps) - 1)


def insert_step(builder: Builder, step: int) -> None:
    """A new step right after that one."""
    if 0 <= step < len(builder.steps):
        _put(builder, step + 1, StepRow(), "added")


def copy_step(builder: Builder, step: int) -> None:
    if 0 <= step < len(builder.steps):
        copy = deepcopy(builder.steps[step])
        copy.errors.clear()
        _put(builder, step + 1, copy, "added as a copy")


def remove_step(builder: Builder, step: int) -> None:
    if len(builder.steps) <= MIN_STEPS:
        builder.errors["steps"] = f"A funnel needs at least {MIN_STEPS} steps."
    elif 0 <= step < len(builder.steps):
        ends = [(row.after, row.before) for row in builder.exclusions]
        gone = builder.steps.pop(step)
        builder.removed = Removed(step, gone, ends)
        builder.said = f"Step {step + 1}, {gone.title}, is removed."
        builder.focus = "undo"
        _ends(builder, lambda after: after - (after > step), lambda before: before - (before >= step))
    _clear_first_gap(builder)


def undo_removal(builder: Builder) -> None:
    removed, builder.removed = builder.removed, None
    if removed and _put(builder, min(removed.at, len(builder.steps)), removed.step, "back"):
        for row, ends in zip(builder.exclusions, removed.ends, strict=False):
            row.after, row.before = ends


def move_up(builder: Builder, step: int) -> None:
    move_step(builder, step, step - 1)
    if builder.focus:
        builder.focus = f"steps-{step - 1}-up" if step > 1 else "steps-0-down"


def move_down(builder: Builder, step: int) -> None:
    move_step(builder, step, step + 1)
    if builder.focus:
        last = step + 1 == len(builder.steps) - 1
        builder.focus = f"steps-{step + 1}-{'up' if last else 'down'}"


def move_step(builder: Builder, step: int, to: int) -> None:
    count = len(builder.steps)
    if step == to or not (0 <= step < count and 0 <= to < count):
        return
    order = list(range(count))
    order.insert(to, order.pop(step))
    place = {old: new for new, old in enumerate(order)}
    builder.steps = [builder.steps[old] for old in order]
    builder.said = f"{builder.steps[to].title} is now step {to + 1} of {count}."
    builder.focus = f"steps-{to}-event"
    _ends(builder, lambda after: place.get(after, after), lambda before: place.get(before, before))
    _clear_first_gap(builder)


def _put(builder: Builder, at: int, step: StepRow, word: str) -> bool:
    if not builder.has_room:
        builder.errors["steps"] = f"A funnel has at most {MAX_STEPS} steps."
        return False
    builder.steps.insert(at, step)
    builder.said = f"Step {at + 1} of {len(builder.steps)} is {word}."
    builder.focus = f"steps-{at}-event"
    _ends(builder, lambda after: after + (after >= at), lambda before: before + (before >= at))
    _clear_first_gap(builder)
    return True


def _ends(builder: Builder, after_of: Callable[[int], int], before_of: Callable[[int], int]) -> None:
    """Give both ends of each exclusion their new numbers, the smaller one first and never the same."""
    for row in builder.exclusions:
        ends = matches.indexes([row.after, row.before])
        if len(ends) != 2:
            continue
        after, before = sorted((after_of(ends[0]), before_of(ends[1])))
        if after == before:
            after = max(after - 1, 0)
            before = after + 1
        row.after, row.before = str(after), str(before)


def _clear_first_gap(builder: Builder) -> None:
    """A Time Window needs a step before it."""
    builder.steps[0].gap_count = ""


# Exclusions


def add_exclusion(builder: Builder) -> None:
    """From the first step to the last, where most are meant."""
    if len(builder.exclusions) >= MAX_EXCLUSIONS:
        builder.errors["exclusions"] = f"A funnel has at most {MAX_EXCLUSIONS} exclusions."
        return
    builder.exclusions.append(ExclusionRow(before=str(len(builder.steps) - 1)))
    builder.said = f"Exclusion {len(builder.exclusions)} is added."
    builder.focus = f"exclusions-{len(builder.exclusions) - 1}-event"


def remove_exclusion(builder: Builder, exclusion: int) -> None:
    if 0 <= exclusion < len(builder.exclusions):
        del builder.exclusions[exclusion]
        builder.said = f"Exclusion {exclusion + 1} is removed."
        builder.focus = "add-exclusion"


# Each with how many indexes its button names.
ACTIONS: dict[str, tuple[Callable[..., None], int]] = {
    "add_step": (add_step, 0),
    "insert_step": (insert_step, 1),
    "copy_step": (copy_step, 1),
    "remove_step": (remove_step, 1),
    "undo": (undo_removal, 0),
    "up": (move_up, 1),
    "down": (move_down, 1),
    "move": (move_step, 2),
    "add_exclusion": (add_exclusion, 0),
    "remove_exclusion": (remove_exclusion, 1),
}


def _step_of_post(post: QueryDict, prefix: str) -> StepRow:
    return StepRow(
        **matches.fields_of_post(post, prefix),
        label=post.get(f"{prefix}label", ""),
        gap_count=post.get(f"{prefix}gap_count", ""),
        gap_unit=post.get(f"{prefix}gap_unit", "D"),
    )


def _exclusion_of_post(post: QueryDict, prefix: str) -> ExclusionRow:
    return ExclusionRow(
        **matches.fields_of_post(post, prefix),
        after=post.get(f"{prefix}after", "0"),
        before=post.get(f"{prefix}before", "1"),
    )


def _removed_of_post(post: QueryDict) -> Removed | None:
    at = matches.index(post.get("removed-at", ""))
    if at is None:
        return None
    ends = zip(post.getlist("removed-after"), post.getlist("removed-before"), strict=False)
    return Removed(at, _step_of_post(post, "removed-"), list(ends))


def _step_of_json(step: Mapping[str, Any]) -> StepRow:
    row = StepRow(**matches.fields_of_json(step), label=step.get("label", ""))
    if "max_gap" in step:
        row.gap_count, row.gap_unit = split_duration(periods.parse_duration(step["max_gap"]))
    return row


def _exclusion_of_json(exclusion: Mapping[str, Any]) -> ExclusionRow:
    after, before = exclusion["between"]
    return ExclusionRow(**matches.fields_of_json(exclusion), after=str(after), before=str(before))


def _step_body(step: StepRow, pointer: str, faults: list[Fault]) -> dict[str, Any]:
    body = matches.body(step, pointer, faults)
    if step.label.strip():
        body["label"] = step.label.strip()
    if step.gap_count.strip():
        body["max_gap"] = duration(step.gap_count, step.gap_unit, f"{pointer}/max_gap", faults) or DEFAULT
    return body


def _exclusion_body(row: ExclusionRow, rows: list[int], pointer: str, faults: list[Fault]) -> dict[str, Any]:
    """`rows` are the rows of the body's steps; an end that is none of them is left as typed, to be refused."""
    ends = [rows.index(end) if end in rows else end for end in matches.indexes([row.after, row.before])]
    return matches.body(row, pointer, faults) | {"between": ends}


def _count(post: QueryDict, name: str, least: int = 0) -> int:
    return min(max(matches.index(post.get(name, "")) or 0, least), MOST_ROWS)
