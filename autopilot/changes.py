"""What an action does to an entity: from what somebody said (“+20 %”) to an absolute target, and words for it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from autopilot import money
from trustlayer.actions import ACTIONS

Field = Literal["budget", "status", "bid"]
Value = Decimal | str
KIND_WORDS: Mapping[str, str] = {"campaign": "Campaign", "adset": "Ad Set", "creative": "Creative"}
FIELD_OF_GROUP: Mapping[str, Field] = {"budget": "budget", "bid": "bid", "pause": "status", "enable": "status"}
PROPOSABLE = tuple(name for name, kind in ACTIONS.items() if kind.group in FIELD_OF_GROUP)
MOST_AMOUNT = Decimal(10) ** 9
MOST_PERCENT = Decimal(1_000)
STATUS_WORDS = {"active": "active", "paused": "paused", "removed": "removed"}


class Absurd(ValueError):
    """The sentence is fit for a person. `pointer` names the member of the input."""

    def __init__(self, sentence: str, pointer: str = "/value") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: a kind of action, and an absolute value or a percentage where it needs one. `currency`:
    what the value is meant in, where that was said.
    """

    action: str
    value: Decimal | None = None
    percent: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Aim:
    """The absolute target, and how it was said."""

    field: Field
    before: Value | None
    after: Value
    said: str

    @property
    def ratio(self) -> float | None:
        """New ÷ old, of amounts."""
        if not isinstance(self.after, Decimal) or not isinstance(self.before, Decimal) or not self.before:
            return None
        return float(self.after / self.before)


def field_of(action: str) -> Field:
    return FIELD_OF_GROUP[ACTIONS[action].group]


def entity_kind_of(action: str) -> str:
    """`adset` of pause_adset; empty where the action fits any kind."""
    kind = action.rpartition("_")[2]
    return kind if kind in KIND_WORDS else ""


def parse_amount(given: object, pointer: str) -> Decimal | None:
    """A number or text, or nothing. Raises Absurd."""
    if given is None or given == "":
        return None
    try:
        if isinstance(given, bool):
            raise InvalidOperation
        amount = Decimal(str(given).strip().removesuffix("%").strip())
    except InvalidOperation:
        raise Absurd(f"“{str(given)[:40]}” is not a number.", pointer) from None
    if not amount.is_finite():
        raise Absurd("Give a finite number.", pointer)
    return amount


def aim(wish: Wish, before: Value | None, currency: str) -> Aim:
    """Raises Absurd for what nobody can want: negative budgets, an increase that lowers, nothing to change from."""
    field = field_of(wish.action)
    if field == "status":
        return _status_aim(wish, before)
    noun = "budget" if field == "budget" else "bid"
    if before is None or not isinstance(before, Decimal):
        where = "It may sit on its campaign or on its ad sets." if noun == "budget" else ""
        raise Absurd(f"There is no {noun} here to change. {where}".strip(), "/entity_ref")
    wanted = _amount(wish, before, noun)
    if wish.currency and wish.currency != currency:
        raise Absurd(f"This account is in {currency}, so give the {noun} in {currency}.", "/currency")
    if abs(wanted) > MOST_AMOUNT:
        raise Absurd(f"A {noun} beyond {money.words(MOST_AMOUNT, currency)} is absurd.")
    after = money.rounded(wanted, currency)
    _refuse_absurd(wish.action, before, after, noun, currency)
    return Aim(field, before, after, _said(before, after, noun, currency))


def _status_aim(wish: Wish, before: Value | None) -> Aim:
    after = "paused" if wish.action.startswith("pause_") else "active"
    if wish.value is not None or wish.percent is not None:
        raise Absurd("A pause or an enable takes no value.", "/value")
    if before == "removed":
        raise Absurd("This was removed on the platform; it can be neither paused nor enabled.", "/entity_ref")
    if before == after:
        raise Absurd(f"This is {after} already.", "/action")
    return Aim("status", before, after, "Pause" if after == "paused" else "Enable")


def _amount(wish: Wish, before: Decimal, noun: str) -> Decimal:
    if (wish.value is None) == (wish.percent is None):
        raise Absurd(f"Say the new {noun} as value, or the change as percent: exactly one of them.", "/value")
    if wish.value is not None:
        return wish.value
    assert wish.percent is not None
    if abs(wish.percent) > MOST_PERCENT:
        raise Absurd(f"A change of {wish.percent:g} % is absurd. Give at most {MOST_PERCENT:g}.", "/percent")
    falling = wish.action in ("budget_decrease", "bid_decrease")
    percent = -abs(wish.percent) if falling else wish.percent
    return before * (1 + percent / 100)


def _refuse_absurd(action: str, before: Decimal, after: Decimal, noun: str, currency: str) -> None:
    if after <= 0:
        what = "negative" if after < 0 else "zero"
        raise Absurd(f"A {what} {noun} cannot be set. To stop spending, pause it.")
    if after == before:
        raise Absurd(f"The {noun} is {money.words(before, currency)} already.")
    if action.endswith("_increase") and after < before:
        raise Absurd(f"{money.words(after, currency)} is less than {money.words(before, currency)}: no increase.")
    if action.endswith("_decrease") and after > before:
        raise Absurd(f"{money.words(after, currency)} is more than {money.words(before, currency)}: no decrease.")


def percent_of(before: Decimal, after: Decimal) -> float:
    return float((after / before - 1) * 100) if before else 0.0


def _said(before: Decimal, after: Decimal, noun: str, currency: str) -> str:
    if not before:
        return f"{money.words(after, currency)} {noun}"
    return f"{percent_of(before, after):+.3g}% {noun}"


def headline(action: str, before: Value | None, after: Value) -> str:
    """`Increase budget by 20%`, `Pause`: how the manual begins a dry-run."""
    field = field_of(action)
    if field == "status":
        return f"{'Pause' if after == 'paused' else 'Enable'} {KIND_WORDS[entity_kind_of(action)].lower()}"
    if not isinstance(before, Decimal) or not isinstance(after, Decimal) or not before:
        return f"Set {field}"
    percent = percent_of(before, after)
    return f"{'Increase' if percent > 0 else 'Decrease'} {field} by {abs(percent):.3g}%"


def shown(value: Value | None, currency: str, field: str = "", period: str = "daily") -> str:
    """`$500/day`, `paused`."""
    if not isinstance(value, Decimal):
        return str(value) if value else "none"
    per = {"budget": "/day" if period != "lifetime" else " lifetime"}.get(field, "")
    return money.words(value, currency) + per


def both(field: str, before: Any, after: Any, currency: str, period: str = "daily") -> tuple[str, str]:
    """Of what is stored: `$500/day` and `$600/day`."""
    was, becomes = (shown(from_json(value, field), currency, field, period) for value in (before, after))
    return was, becomes


def to_json(value: Value | None) -> Any:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def from_json(value: Any, field: str) -> Value | None:
    if value is None:
        return None
    return str(value) if field == "status" else Decimal(str(value))
