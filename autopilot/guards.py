"""Every guard rail as a check with what was seen and the limit. Pure.

A *hard* check that fails blocks; a *soft* one makes the action wait for a person, who may let it pass. `passed` is None
where nothing could be checked or nothing limits: that never improves a verdict.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from autopilot import changes, money
from autopilot.changes import Aim
from autopilot.rails import WEEKDAYS, Rails, Window

WEEK = timedelta(days=7)
GOOGLE_OVERSPEND = 2  # Google may spend twice the average daily amount on a single day


@dataclass(frozen=True, slots=True)
class Check:
    """`sentence` as people read it, `fix` what would have to change when it fails."""

    name: str
    label: str
    passed: bool | None
    sentence: str
    seen: str = ""
    limit: str = ""
    hard: bool = False
    fix: str = ""

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "label": self.label,
            "passed": self.passed,
            "seen": self.seen,
            "limit": self.limit,
            "sentence": self.sentence,
            "hard": self.hard,
            "fix": self.fix,
        }


@dataclass(frozen=True, slots=True)
class Facts:
    """What the checks look at, all read by now. Amounts in the account's currency.

    `last_change`: when this field was last changed, by whomever, and by whom. `week_start_value`: what the field was 7
    days ago. `account_daily`: the sum of daily budgets of what is active in the account, this entity included.
    """

    action: str
    aim: Aim
    currency: str
    platform: str
    now: datetime
    local_now: datetime
    is_active: bool = True
    budget_period: str = "daily"
    last_change: datetime | None = None
    last_change_by: str = ""
    week_start_value: Decimal | None = None
    account_daily: Decimal | None = None
    conversions: float | None = None
    days_with_data: int | None = None
    learning: bool = False
    done_today: int = 0
    stopped: bool = False
    outside_unread: str = ""
    shared_with: tuple[str, ...] = ()
    native: tuple[str, ...] = ()
    rivals: tuple[str, ...] = field(default_factory=tuple)
    never_refused: bool = False


def check_all(facts: Facts, rails: Rails) -> list[Check]:
    """In the order of the manual: caps first. What makes things safer is kept from nothing."""
    if facts.never_refused:
        return []
    return [
        *_budget_checks(facts, rails),
        *_size_checks(facts, rails),
        _cooldown(facts, rails),
        _data(facts, rails),
        _learning(facts, rails),
        _freeze(facts, rails),
        _count(facts, rails),
        _stop(facts),
    ]


def _budget_checks(facts: Facts, rails: Rails) -> Iterator[Check]:
    after = facts.aim.after
    if facts.aim.field == "budget" and isinstance(after, Decimal):
        yield _cap(after, facts, rails)
        yield _floor(after, facts, rails)
    yield _daily_spend(facts, rails)


def _cap(after: Decimal, facts: Facts, rails: Rails) -> Check:
    seen, limit = money.words(after, facts.currency), money.words(rails.budget_cap, facts.currency)
    if rails.budget_cap is None:
        return Check("budget_cap", "Budget Cap", None, "Budget Cap: none is set", seen)
    passed = after <= rails.budget_cap
    sentence = f"Budget Cap: {seen} {_sign(after, rails.budget_cap)} {limit} limit"
    fix = f"Propose at most {limit}, or raise the budget cap in Settings > Autopilot."
    return Check("budget_cap", "Budget Cap", passed, sentence, seen, limit, hard=True, fix=fix)


def _floor(after: Decimal, facts: Facts, rails: Rails) -> Check:
    seen, limit = money.words(after, facts.currency), money.words(rails.budget_floor, facts.currency)
    if rails.budget_floor is None:
        return Check("budget_floor", "Budget Floor", None, "Budget Floor: none is set", seen)
    passed = after >= rails.budget_floor
    sentence = f"Budget Floor: {seen} {'≥' if passed else '<'} {limit}"
    fix = f"Propose at least {limit}; to stop spending, pause instead."
    return Check("budget_floor", "Budget Floor", passed, sentence, seen, limit, hard=True, fix=fix)


def _daily_spend(facts: Facts, rails: Rails) -> Check:
    name, label = "daily_spend_limit", "Daily Spend Limit"
    if rails.daily_spend_limit is None:
        return Check(name, label, None, "Daily Spend Limit: none is set")
    limit = money.words(rails.daily_spend_limit, facts.currency)
    after = _account_after(facts)
    if after is None:
        return Check(
            name, label, None, "Daily Spend Limit: the account's budgets are not known", limit=limit, hard=True
        )
    google = facts.platform == "google"
    worst = after * GOOGLE_OVERSPEND if google else after
    seen = money.words(worst, facts.currency)
    aside = f" (Google may spend twice {money.words(after, facts.currency)} in a day)" if google else ""
    passed = worst <= rails.daily_spend_limit or not _adds_spend(facts)
    sentence = f"Daily Spend Limit: {seen} {_sign(worst, rails.daily_spend_limit)} {limit}{aside}"
    fix = "Lower other budgets of the account first, or raise the limit in Settings > Autopilot."
    return Check(name, label, passed, sentence, seen, limit, hard=True, fix=fix)


def _account_after(facts: Facts) -> Decimal | None:
    """The account's daily budgets once the change is made."""
    total, aim = facts.account_daily, facts.aim
    if total is None or facts.budget_period != "daily":
        return total
    if aim.field == "budget" and facts.is_active and isinstance(aim.after, Decimal):
        before = aim.before if isinstance(aim.before, Decimal) else Decimal(0)
        return total - before + aim.after
    return total


def _adds_spend(facts: Facts) -> bool:
    ratio = facts.aim.ratio
    return facts.aim.after == "active" or (ratio is not None and ratio > 1)


def _sign(seen: Decimal, limit: Decimal) -> str:
    return "<" if seen < limit else "=" if seen == limit else ">"


def _size_checks(facts: Facts, rails: Rails) -> Iterator[Check]:
    ratio = facts.aim.ratio
    if ratio is None:
        return
    yield _change_size(abs(ratio - 1) * 100, rails)
    yield _week_size(facts, rails)


def _change_size(percent: float, rails: Rails) -> Check:
    seen, limit = f"{percent:.3g}%", f"{rails.automatic_percent}%"
    passed = percent <= rails.automatic_percent + 1e-9
    sentence = f"Change Size: {seen} {'≤' if passed else '>'} {limit} automatic limit"
    fix = f"A person has to approve changes of more than {limit}."
    if needs_typing(percent, rails):
        fix = f"A person has to approve it and type the new amount: it is more than {rails.approval_percent}%."
    return Check("change_size", "Change Size", passed, sentence, seen, limit, fix=fix)


def needs_typing(percent: float, rails: Rails) -> bool:
    return percent > rails.approval_percent + 1e-9


def _week_size(facts: Facts, rails: Rails) -> Check:
    start, after = facts.week_start_value, facts.aim.after
    limit = f"{rails.week_percent}%"
    if not start or not isinstance(after, Decimal):
        return Check("week_size", "Change in 7 Days", None, "Change in 7 Days: the value a week ago is not known")
    percent = abs(changes.percent_of(start, after))
    seen = f"{percent:.3g}%"
    passed = percent <= rails.week_percent + 1e-9
    sentence = f"Change in 7 Days: {seen} {'≤' if passed else '>'} {limit} limit"
    fix = f"Stay within {limit} of {money.words(start, facts.currency)}, its value 7 days ago, or wait."
    return Check("week_size", "Change in 7 Days", passed, sentence, seen, limit, fix=fix)


def _cooldown(facts: Facts, rails: Rails) -> Check:
    hours = rails.cooldown_hours(facts.aim.field)
    limit = f"{hours} hours"
    name, label = "cooldown", "Cooldown Period"
    if facts.outside_unread:
        sentence = f"Cooldown Period: changes made elsewhere could not be read ({facts.outside_unread})"
        return Check(name, label, None, sentence, limit=limit, hard=True)
    if facts.last_change is None:
        sentence = "Cooldown Period: no change in the last 7 days"
        return Check(name, label, True, sentence, "none", limit)
    passed_hours = (facts.now - facts.last_change).total_seconds() / 3600
    seen = f"{_hours(passed_hours)} since last change"
    passed = passed_hours >= hours
    by = f" by {facts.last_change_by}" if facts.last_change_by and not passed else ""
    sentence = f"Cooldown Period: {seen}{by}" + ("" if passed else f", less than {limit}")
    ready = facts.last_change + timedelta(hours=hours)
    fix = f"Wait until {ready:%Y-%m-%d %H:%M} UTC."
    return Check(name, label, passed, sentence, seen, limit, fix=fix)


def _hours(hours: float) -> str:
    whole = int(hours)
    return f"{whole} hour" if whole == 1 else f"{whole} hours"


def _data(facts: Facts, rails: Rails) -> Check:
    name, label = "min_data", "Enough Data"
    limit = f"{rails.min_conversions} conversions, {rails.min_days} days"
    if facts.conversions is None or facts.days_with_data is None:
        return Check(name, label, None, "Enough Data: no daily metrics have been read", limit=limit, hard=True)
    # What is paused for its missing conversions has none by nature.
    judged_by_conversions = facts.aim.field != "status"
    seen = f"{facts.conversions:.4g} conversions, {facts.days_with_data} days"
    enough = facts.days_with_data >= rails.min_days
    if judged_by_conversions:
        enough = enough and facts.conversions >= rails.min_conversions
    sentence = f"Enough Data: {seen} in 30 days (the last 3 left out)"
    fix = f"Wait for {limit}." if judged_by_conversions else f"Wait for {rails.min_days} days with spend."
    return Check(name, label, enough, sentence, seen, limit, fix=fix)


def _learning(facts: Facts, rails: Rails) -> Check:
    passed = not (facts.learning and rails.respect_learning)
    words = "in its learning phase" if facts.learning else "not in its learning phase"
    fix = "Wait until the platform has finished learning: a change starts it again."
    return Check("learning", "Learning Phase", passed, f"Learning Phase: {words}", words, fix=fix)


def _freeze(facts: Facts, rails: Rails) -> Check:
    if not rails.freeze:
        return Check("freeze", "Freeze Windows", None, "Freeze Windows: none is set")
    inside = next((window for window in rails.freeze if is_frozen(window, facts.local_now)), None)
    if inside is None:
        return Check("freeze", "Freeze Windows", True, "Freeze Windows: outside of all", "outside")
    sentence = f"Freeze Windows: inside “{inside.name or window_words(inside)}”"
    fix = f"Wait until the freeze is over: {window_words(inside)}."
    return Check("freeze", "Freeze Windows", False, sentence, "inside", window_words(inside), fix=fix)


def is_frozen(window: Window, local: datetime) -> bool:
    day = local.date().isoformat()
    if window.days and local.weekday() not in window.days:
        return False
    if (window.first and day < window.first) or (window.last and day > window.last):
        return False
    return window.start <= local.hour < window.end


def window_words(window: Window) -> str:
    days = ", ".join(WEEKDAYS[day].capitalize() for day in window.days) or "every day"
    span = f" from {window.first}" * bool(window.first) + f" to {window.last}" * bool(window.last)
    hours = "" if (window.start, window.end) == (0, 24) else f", {window.start}:00–{window.end}:00"
    return f"{days}{span}{hours}"


def _count(facts: Facts, rails: Rails) -> Check:
    seen, limit = str(facts.done_today), str(rails.max_per_day)
    passed = facts.done_today < rails.max_per_day
    sentence = f"Actions Today: {seen} {'<' if passed else '≥'} {limit} a day"
    fix = "Wait until tomorrow, or raise the limit in Settings > Autopilot."
    return Check("max_per_day", "Actions Today", passed, sentence, seen, limit, fix=fix)


def _stop(facts: Facts) -> Check:
    words = "on: nothing is executed" if facts.stopped else "off"
    fix = "Somebody with the right to execute has to lift the emergency stop."
    return Check(
        "emergency_stop", "Emergency Stop", not facts.stopped, f"Emergency Stop: {words}", words, hard=True, fix=fix
    )


def conflicts(facts: Facts) -> list[Check]:
    """What may move the same field: other actions and rules of ours, the platform's own automation, shared budgets."""
    if facts.never_refused:
        return []
    found = [_conflict("rival", "Another action or rule", sentence) for sentence in facts.rivals]
    found += [_conflict("native", "The platform's own automation", sentence) for sentence in facts.native]
    if facts.shared_with and facts.aim.field == "budget":
        sentence = f"This budget is shared: it also moves {', '.join(facts.shared_with)}"
        found.append(_conflict("shared_budget", "Shared budget", sentence))
    return found


def _conflict(name: str, label: str, sentence: str) -> Check:
    fix = {
        "rival": "Decide about the other one first.",
        "native": "Switch the platform's automation off for this entity, or let a person approve this.",
        "shared_budget": "A person has to approve what moves several campaigns.",
    }[name]
    return Check(name, label, False, sentence, fix=fix)


def failed(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if check.passed is False]


def names(checks: Sequence[Check]) -> list[str]:
    return [check.name for check in checks]


def read(stored: Mapping[str, object]) -> Check:
    """What `to_json` wrote."""
    passed = stored.get("passed")
    return Check(
        name=str(stored.get("name", "")),
        label=str(stored.get("label", "")),
        passed=passed if isinstance(passed, bool) else None,
        sentence=str(stored.get("sentence", "")),
        seen=str(stored.get("seen", "")),
        limit=str(stored.get("limit", "")),
        hard=bool(stored.get("hard")),
        fix=str(stored.get("fix", "")),
    )
