"""A rule: when metrics of entities in scope compare like this, propose that. Read, checked, and told in words."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import Any

from autopilot import changes
from autopilot.changes import PROPOSABLE, Absurd, parse_amount
from stratum.lib.refusal import Fault, Invalid
from trustlayer.actions import ACTIONS

OPS: Mapping[str, str] = {"gt": ">", "gte": "≥", "lt": "<", "lte": "≤", "eq": "="}
EVERY: Mapping[str, str] = {"hourly": "every hour", "daily": "every day"}
KINDS = ("campaign", "adset", "creative")
STATUSES = ("active", "paused", "")
MOST_CONDITIONS = 10
MOST_DAYS = 60
LATE = 3  # days that conversions are still coming in for


@dataclass(frozen=True, slots=True)
class Metric:
    """`late`: the last 3 days are left out, because their conversions are not all known. `dated`: takes days."""

    name: str
    label: str
    unit: str = ""
    late: bool = True
    dated: bool = True
    worth: str = ""


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roas", "ROAS", worth="Revenue ÷ spend."),
        Metric("cpa", "CPA", "money", worth="Spend ÷ conversions; without conversions it is above any value."),
        Metric("conversions", "Conversions"),
        Metric("revenue", "Revenue", "money"),
        Metric("conversion_rate", "Conversion rate", "%", worth="Conversions per 100 clicks."),
        Metric("spend", "Spend", "money", late=False),
        Metric("spend_pace", "Spend pace", "%", late=False, worth="Spend ÷ (daily budget × days)."),
        Metric("clicks", "Clicks", late=False),
        Metric("ctr", "Click-through rate", "%", late=False),
        Metric("cpc", "CPC", "money", late=False),
        Metric("signal_health", "Signal health", dated=False, worth="Of the entity's platform, now."),
        Metric("segment_size", "Size of a segment", dated=False, worth="Of one of your segments, now."),
    )
}


@dataclass(frozen=True, slots=True)
class Condition:
    metric: str
    op: str
    value: float
    days: int = 14
    segment: str = ""

    @property
    def of(self) -> Metric:
        return METRICS[self.metric]


@dataclass(frozen=True, slots=True)
class Scope:
    """Empty parts leave everything in."""

    kind: str = "campaign"
    platforms: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    name_contains: str = ""
    status: str = "active"


@dataclass(frozen=True, slots=True)
class Definition:
    scope: Scope
    when: tuple[Condition, ...]
    action: str
    percent: Decimal | None = None
    value: Decimal | None = None
    every: str = "hourly"

    @property
    def field(self) -> str:
        return changes.field_of(self.action)

    @property
    def look_back(self) -> int:
        return max((one.days + (LATE if one.of.late else 0) for one in self.when if one.of.dated), default=1)

    def to_json(self) -> dict[str, Any]:
        scope = self.scope
        return {
            "scope": {
                "kind": scope.kind,
                "platforms": list(scope.platforms),
                "accounts": list(scope.accounts),
                "name_contains": scope.name_contains,
                "status": scope.status,
            },
            "when": [
                {"metric": one.metric, "op": one.op, "value": one.value}
                | ({"days": one.days} if one.of.dated else {})
                | ({"segment": one.segment} if one.segment else {})
                for one in self.when
            ],
            "then": {
                "action": self.action,
                **({"percent": format(self.percent, "f")} if self.percent is not None else {}),
                **({"value": format(self.value, "f")} if self.value is not None else {}),
            },
            "every": self.every,
        }


def parse(body: object, pointer: str = "/definition") -> Definition:
    """Raises Invalid with every fault at once."""
    if not isinstance(body, Mapping):
        raise Invalid([Fault(pointer, "Send the definition as an object: scope, when, then, every.")])
    faults = [
        Fault(f"{pointer}/{name}", f"A rule has no “{str(name)[:40]}”: scope, when, then, every.")
        for name in body
        if name not in ("scope", "when", "then", "every")
    ]
    scope = _scope(body.get("scope", {}), f"{pointer}/scope", faults)
    when = _when(body.get("when", []), f"{pointer}/when", faults)
    action, percent, value = _then(body.get("then", {}), f"{pointer}/then", faults)
    every = body.get("every", "hourly")
    if not _is_one_of(every, EVERY):
        faults.append(Fault(f"{pointer}/every", f"Choose one of {', '.join(EVERY)}."))
    if action and (wanted := changes.entity_kind_of(action)) and wanted != scope.kind:
        sentence = f"“{action}” is for a {wanted}, and the scope is {scope.kind}s."
        faults.append(Fault(f"{pointer}/then/action", sentence))
    faults += _contradictions(when, pointer)
    if faults:
        raise Invalid(faults)
    return Definition(scope, when, action, percent, value, str(every))


def _is_one_of(given: object, choices: Collection[str]) -> bool:
    return isinstance(given, str) and given in choices


def _scope(given: object, pointer: str, faults: list[Fault]) -> Scope:
    if not isinstance(given, Mapping):
        faults.append(Fault(pointer, "Send the scope as an object."))
        return Scope()
    known = {"kind": KINDS, "status": STATUSES}
    for name, choices in known.items():
        if not _is_one_of(given.get(name, choices[0]), choices):
            shown = ", ".join(one or "(any)" for one in choices)
            faults.append(Fault(f"{pointer}/{name}", f"Choose one of {shown}."))
    platforms = _texts(given.get("platforms", []), f"{pointer}/platforms", faults)
    if set(platforms) - {"meta", "google"}:
        faults.append(Fault(f"{pointer}/platforms", "Choose of meta and google."))
    name = given.get("name_contains", "")
    if not isinstance(name, str) or len(name) > 200:
        faults.append(Fault(f"{pointer}/name_contains", "Give a text of at most 200 characters."))
        name = ""
    accounts = _texts(given.get("accounts", []), f"{pointer}/accounts", faults)
    kind, status = str(given.get("kind", "campaign")), str(given.get("status", "active"))
    return Scope(kind, platforms, accounts, name.strip(), status)


def _texts(given: object, pointer: str, faults: list[Fault]) -> tuple[str, ...]:
    if isinstance(given, list | tuple) and len(given) <= 50 and all(isinstance(one, str) for one in given):
        return tuple(given)
    faults.append(Fault(pointer, "Give a list of at most 50 texts."))
    return ()


def _when(given: object, pointer: str, faults: list[Fault]) -> tuple[Condition, ...]:
    if not isinstance(given, list | tuple) or not 1 <= len(given) <= MOST_CONDITIONS:
        faults.append(Fault(pointer, f"Give 1 to {MOST_CONDITIONS} conditions."))
        return ()
    found = (_condition(one, f"{pointer}/{index}", faults) for index, one in enumerate(given))
    return tuple(one for one in found if one is not None)


def _condition(given: object, pointer: str, faults: list[Fault]) -> Condition | None:
    if not isinstance(given, Mapping) or not _is_one_of(given.get("metric"), METRICS):
        faults.append(Fault(f"{pointer}/metric", f"Choose a metric of {', '.join(METRICS)}."))
        return None
    metric, op, days = str(given["metric"]), given.get("op"), given.get("days", 14)
    before = len(faults)
    if not _is_one_of(op, OPS):
        faults.append(Fault(f"{pointer}/op", f"Choose a comparison of {', '.join(OPS)}."))
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        faults.append(Fault(f"{pointer}/days", f"Give 1 to {MOST_DAYS} days."))
    value = given.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        faults.append(Fault(f"{pointer}/value", "Give a number of 0 or more."))
    segment = str(given.get("segment", ""))
    if metric == "segment_size" and not segment:
        faults.append(Fault(f"{pointer}/segment", "Choose the segment whose size is meant."))
    if len(faults) > before:
        return None
    assert isinstance(value, int | float) and isinstance(days, int)
    return Condition(metric, str(op), float(value), days, segment)


def _then(given: object, pointer: str, faults: list[Fault]) -> tuple[str, Decimal | None, Decimal | None]:
    if not isinstance(given, Mapping) or not _is_one_of(given.get("action"), PROPOSABLE):
        faults.append(Fault(f"{pointer}/action", f"Choose an action of {', '.join(PROPOSABLE)}."))
        return "", None, None
    action = str(given["action"])
    try:
        percent, value = (parse_amount(given.get(name), f"{pointer}/{name}") for name in ("percent", "value"))
    except Absurd as absurd:
        faults.append(Fault(absurd.pointer, absurd.sentence))
        return action, None, None
    needs = changes.field_of(action) != "status"
    if needs and (percent is None) == (value is None):
        faults.append(Fault(f"{pointer}/percent", "Say by how many percent, or the new value: exactly one of them."))
    if not needs and (percent is not None or value is not None):
        faults.append(Fault(f"{pointer}/percent", "A pause or an enable takes no value."))
    if percent is not None and (problem := _absurd_percent(action, percent)):
        faults.append(Fault(f"{pointer}/percent", problem))
    if value is not None and not 0 < value <= changes.MOST_AMOUNT:
        faults.append(Fault(f"{pointer}/value", "Give a value above 0, and none that is absurd."))
    return action, percent, value


def _absurd_percent(action: str, percent: Decimal) -> str:
    if not 0 < abs(percent) <= 100:
        return "Give a change of 1 to 100 %."
    if percent < 0 and action.endswith("_increase"):
        return "An increase by less than nothing is a decrease: choose that action."
    falls = percent < 0 or action.endswith("_decrease")
    return "This would leave nothing. To stop spending, pause it." if falls and abs(percent) == 100 else ""


def _contradictions(when: tuple[Condition, ...], pointer: str) -> Iterator[Fault]:
    """Conditions on the same metric that nothing can meet together."""
    for index, one in enumerate(when):
        for other in when[:index]:
            same = (one.metric, one.days, one.segment) == (other.metric, other.days, other.segment)
            if same and _exclude(one, other):
                told = f"{words(one)} contradicts {words(other)}: nothing can meet both."
                yield Fault(f"{pointer}/when/{index}", told)


def _exclude(one: Condition, other: Condition) -> bool:
    """Two conditions are ranges; they exclude each other when these do not meet."""
    low, high = max(_lowest(one), _lowest(other)), min(_highest(one), _highest(other))
    return low > high


def _lowest(one: Condition) -> tuple[float, int]:
    """The lower end; what follows it when the end itself is left out."""
    return (-inf, 0) if one.op in ("lt", "lte") else (one.value, int(one.op == "gt"))


def _highest(one: Condition) -> tuple[float, int]:
    return (inf, 0) if one.op in ("gt", "gte") else (one.value, -int(one.op == "lt"))


def words(one: Condition) -> str:
    """`ROAS over 14 days ≥ 3`."""
    return f"{measured(one)} {threshold(one)}"


def measured(one: Condition) -> str:
    return f"{one.of.label} over {one.days} days" if one.of.dated else one.of.label


def threshold(one: Condition) -> str:
    return f"{OPS[one.op]} {one.value:g}" + (" %" if one.of.unit == "%" else "")


def sentence(definition: Definition) -> str:
    scope = definition.scope
    nouns = {"campaign": "campaigns", "adset": "ad sets", "creative": "creatives"}
    whom = " ".join(filter(None, [scope.status, nouns[scope.kind]]))
    if scope.platforms:
        whom += f" on {' and '.join(scope.platforms)}"
    if scope.name_contains:
        whom += f" named “{scope.name_contains}”"
    when = " and ".join(words(one) for one in definition.when)
    return f"For {whom}, {EVERY[definition.every]}: when {when}, propose {then_words(definition)}."


def then_words(definition: Definition) -> str:
    label = ACTIONS[definition.action].label.lower()
    if definition.percent is not None:
        return f"{label} by {abs(definition.percent):g} %"
    return f"{label} to {definition.value:g}" if definition.value is not None else label


def direction(action: str) -> int:
    """Which way it moves the field; 0 where that depends."""
    if action.endswith("_increase") or action.startswith("enable_"):
        return 1
    return -1 if action.endswith("_decrease") or action.startswith("pause_") else 0


def meet(one: Scope, other: Scope) -> bool:
    """Whether an entity may be in both."""
    if one.kind != other.kind:
        return False
    pairs = ((one.platforms, other.platforms), (one.accounts, other.accounts))
    return all(not mine or not theirs or set(mine) & set(theirs) for mine, theirs in pairs)


def collide(one: Definition, other: Definition) -> str:
    """How two rules get in each other's way, or nothing."""
    if one.field != other.field or not meet(one.scope, other.scope):
        return ""
    if direction(one.action) * direction(other.action) < 0:
        return f"wants the opposite for the same {one.field}"
    return f"writes the same {one.field}"
