"""How far the autopilot may go: a workspace's guard rails, with what an account has of its own. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any

from autopilot.changes import Absurd, parse_amount
from stratum.lib.refusal import Fault, Invalid

LEVELS: Mapping[str, str] = {
    "suggest": "Suggest only: actions are proposed and tested, nothing is executed.",
    "approval": "Approval required: a person approves each action.",
    "guarded": "Guarded: what passes every check is executed by itself, the rest waits for a person.",
}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_WINDOWS = 20


@dataclass(frozen=True, slots=True)
class Window:
    """A freeze: on these weekdays (0 is Monday) from `start` to `end` (hours of the workspace's day), or every day of
    a span of dates. Empty parts do not restrict.
    """

    name: str = ""
    days: tuple[int, ...] = ()
    start: int = 0
    end: int = 24
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class Rails:
    """Amounts in the account's currency; None switches a limit off. Percentages are of the present value."""

    budget_cap: Decimal | None = None
    daily_spend_limit: Decimal | None = None
    budget_floor: Decimal | None = Decimal(1)
    automatic_percent: int = 20
    approval_percent: int = 50
    week_percent: int = 50
    budget_cooldown_hours: int = 24
    bid_cooldown_hours: int = 12
    status_cooldown_hours: int = 48
    min_conversions: int = 10
    min_days: int = 7
    respect_learning: bool = True
    max_per_run: int = 20
    max_per_day: int = 50
    freeze: tuple[Window, ...] = ()

    def cooldown_hours(self, field: str) -> int:
        return {"bid": self.bid_cooldown_hours, "status": self.status_cooldown_hours}.get(
            field, self.budget_cooldown_hours
        )

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        for name in AMOUNTS:
            values[name] = None if values[name] is None else format(values[name], "f")
        values["freeze"] = [asdict(window) | {"days": list(window.days)} for window in self.freeze]
        return values


AMOUNTS = ("budget_cap", "daily_spend_limit", "budget_floor")
WHOLE: Mapping[str, tuple[int, int]] = {
    "automatic_percent": (0, 100),
    "approval_percent": (1, 1_000),
    "week_percent": (1, 1_000),
    "budget_cooldown_hours": (0, 720),
    "bid_cooldown_hours": (0, 720),
    "status_cooldown_hours": (0, 720),
    "min_conversions": (0, 100_000),
    "min_days": (0, 60),
    "max_per_run": (1, 10_000),
    "max_per_day": (1, 100_000),
}
LABELS: Mapping[str, str] = {
    "budget_cap": "Budget cap",
    "daily_spend_limit": "Daily spend limit of the account",
    "budget_floor": "Budget floor",
    "automatic_percent": "Largest automatic change, %",
    "approval_percent": "Largest change without typed confirmation, %",
    "week_percent": "Largest change in 7 days, %",
    "budget_cooldown_hours": "Cooldown after a budget change, hours",
    "bid_cooldown_hours": "Cooldown after a bid change, hours",
    "status_cooldown_hours": "Cooldown after a pause or enable, hours",
    "min_conversions": "Fewest conversions to judge by",
    "min_days": "Fewest days of data",
    "respect_learning": "Leave entities in their learning phase alone",
    "max_per_run": "Most actions of one rule's run",
    "max_per_day": "Most actions a day",
    "freeze": "Freeze windows",
}
NAMES = tuple(field.name for field in fields(Rails))


def parse(body: object, *, base: Rails | None = None, pointer: str = "") -> Rails:
    """`base` with what `body` says instead. Raises Invalid with every fault at once."""
    present = base or Rails()
    if not isinstance(body, Mapping):
        raise Invalid([Fault(pointer, "Send the guard rails as an object.")])
    faults: list[Fault] = []
    found: dict[str, Any] = {}
    for name, value in body.items():
        here = f"{pointer}/{name}"
        try:
            found[name] = _value(name, value, here)
        except Absurd as absurd:
            faults.append(Fault(absurd.pointer, absurd.sentence))
        except Invalid as refused:
            faults += refused.faults
    rails = present if faults else replace(present, **found)
    if not faults:
        faults = _contradictions(rails, pointer)
    if faults:
        raise Invalid(faults)
    return rails


def _value(name: str, value: Any, here: str) -> Any:
    if name in AMOUNTS:
        amount = parse_amount(value, here)
        if amount is not None and not 0 < amount < Decimal(10) ** 12:
            raise Absurd("Give an amount above 0, or nothing to have no limit.", here)
        return amount
    if name in WHOLE:
        low, high = WHOLE[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Absurd(f"Give a whole number from {low} to {high:,}.", here)
        return value
    if name == "respect_learning":
        if not isinstance(value, bool):
            raise Absurd("Give true or false.", here)
        return value
    if name == "freeze":
        return _windows(value, here)
    raise Absurd(f"There is no guard rail “{name[:40]}”. Known: {', '.join(NAMES)}.", here)


def _contradictions(rails: Rails, pointer: str) -> list[Fault]:
    faults = []
    if rails.approval_percent < rails.automatic_percent:
        sentence = f"This must be at least the largest automatic change, {rails.automatic_percent} %."
        faults.append(Fault(f"{pointer}/approval_percent", sentence))
    if rails.budget_cap is not None and rails.budget_floor is not None and rails.budget_cap < rails.budget_floor:
        faults.append(Fault(f"{pointer}/budget_cap", "The budget cap is below the budget floor."))
    return faults


def _windows(value: Any, here: str) -> tuple[Window, ...]:
    if not isinstance(value, list | tuple) or len(value) > MOST_WINDOWS:
        raise Absurd(f"Give a list of at most {MOST_WINDOWS} freeze windows.", here)
    return tuple(_window(one, f"{here}/{index}") for index, one in enumerate(value))


def _window(value: Any, here: str) -> Window:
    if not isinstance(value, Mapping) or set(value) - {field.name for field in fields(Window)}:
        raise Absurd("A freeze window has name, days, start, end, first and last, nothing else.", here)
    days = value.get("days") or []
    if not isinstance(days, list | tuple) or any(type(day) is not int or not 0 <= day <= 6 for day in days):
        raise Absurd("Give the weekdays as numbers: 0 is Monday, 6 is Sunday.", f"{here}/days")
    start, end = value.get("start", 0), value.get("end", 24)
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= 24:
        raise Absurd("Give whole hours, 0 ≤ start < end ≤ 24.", f"{here}/start")
    first, last = (_day(value.get(name) or "", f"{here}/{name}") for name in ("first", "last"))
    if first and last and last < first:
        raise Absurd("The freeze ends before it begins.", f"{here}/last")
    return Window(str(value.get("name") or "")[:80], tuple(sorted(set(days))), start, end, first, last)


def _day(value: object, here: str) -> str:
    text = str(value)
    parts = text.split("-")
    plain = len(text) == 10 and len(parts) == 3 and all(part.isascii() and part.isdigit() for part in parts)
    if text and not (plain and 1 <= int(parts[1]) <= 12 and 1 <= int(parts[2]) <= 31):
        raise Absurd("Write days like 2026-11-27.", here)
    return text


def read(stored: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> Rails:
    """Of what was stored: the workspace's rails, and over them an account's own."""
    return parse(own or {}, base=parse(stored))
