"""From our values to Pipedrive's fields and back, and the bodies of requests. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from integrations.pipedrive import canonical
from integrations.pipedrive.canonical import Canonical
from integrations.pipedrive.fields import Direction, Kind, Rule
from integrations.pipedrive.merge import Base
from integrations.pipedrive.shapes import Contact, Person

CONTACTS = {"emails": "email", "phones": "phone"}
NAMES = ("first_name", "last_name")
LABELS = "label_ids"
NAMELESS = "Unknown"


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of the mapping at work. `currency` is that of our amounts; `options` by label in lower case."""

    local: str
    code: str
    name: str
    type: str
    direction: Direction
    rule: Rule
    kind: Kind
    currency: str = ""
    options: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def is_contact(self) -> bool:
        return self.code in CONTACTS

    @property
    def is_custom(self) -> bool:
        return len(self.code) == 40

    @property
    def goes_out(self) -> bool:
        return self.direction != "from_pipedrive"

    @property
    def comes_in(self) -> bool:
        return self.direction != "to_pipedrive"


@dataclass(frozen=True, slots=True)
class Labels:
    """Label options that are Stratum's own: by lifecycle stage, by segment, and those to be taken off everybody."""

    by_stage: Mapping[str, int] = field(default_factory=dict)
    by_segment: Mapping[str, int] = field(default_factory=dict)
    retired: frozenset[int] = frozenset()

    @property
    def owned(self) -> frozenset[int]:
        return frozenset({*self.by_stage.values(), *self.by_segment.values(), *self.retired})

    def desired(self, stage: object, segments: Iterable[str]) -> list[int]:
        wanted = {self.by_segment[key] for key in segments if key in self.by_segment}
        if isinstance(stage, str) and stage in self.by_stage:
            wanted.add(self.by_stage[stage])
        return sorted(wanted)


@dataclass(frozen=True, slots=True)
class Setting:
    """By what values are read: the workspace's country and zone."""

    country: str
    zone: ZoneInfo


# Our side


def ours(pair: Pair, value: Any, setting: Setting) -> Canonical:
    """What our value comes to in the pair's field; None where it says nothing there."""
    if pair.code == "emails":
        return canonical.email(value)
    if pair.code == "phones" or pair.type == "phone":
        return canonical.phone(value, setting.country)
    match pair.type:
        case "double":
            return canonical.number(value)
        case "monetary":
            return canonical.money(value, pair.currency)
        case "date":
            return canonical.day(value, setting.zone)
        case "enum":
            return pair.options.get(_label(value))
        case "set":
            values = value if isinstance(value, list) else [value]
            return canonical.ids(pair.options[_label(one)] for one in values if _label(one) in pair.options)
        case "text":
            return canonical.text(_worded(pair, value, setting), canonical.LONGEST_TEXT)
    return canonical.text(_worded(pair, value, setting))


def _worded(pair: Pair, value: Any, setting: Setting) -> Any:
    return (canonical.day(value, setting.zone) or value) if pair.kind == "date" else value


def _label(value: Any) -> str:
    return (canonical.text(value) or "").lower()


# Their side


def theirs(pair: Pair, person: Person, setting: Setting, *, known: Sequence[Canonical] = ()) -> Canonical:
    """`known`: our address and the one agreed on. Where a person has one of them among others, it is that one."""
    if pair.is_contact:
        return _contact(pair, person, setting, known)
    if pair.code in ("name", *NAMES):
        return canonical.text(getattr(person, pair.code))
    return read_custom(pair, person.custom_fields.get(pair.code), setting)


def _contact(pair: Pair, person: Person, setting: Setting, known: Sequence[Canonical]) -> Canonical:
    contacts = person.emails if pair.code == "emails" else person.phones
    present = [address for one in contacts if (address := read_contact(pair.code, one.value, setting))]
    for one in known:
        if one is not None and one in present:
            return one
    primary = next((read_contact(pair.code, one.value, setting) for one in contacts if one.primary), None)
    return primary or next(iter(present), None)


def read_contact(code: str, value: str, setting: Setting) -> str | None:
    return canonical.email(value) if code == "emails" else canonical.phone(value, setting.country)


def read_custom(pair: Pair, value: Any, setting: Setting) -> Canonical:
    match pair.type:
        case "monetary":
            given = value if isinstance(value, Mapping) else {}
            return canonical.money(given.get("value"), str(given.get("currency") or ""))
        case "double":
            return canonical.number(value)
        case "date":
            return canonical.day(value, setting.zone)
        case "enum":
            return int(value) if value not in (None, "") else None
        case "set":
            return canonical.ids(int(one) for one in value or ())
        case "phone":
            return canonical.phone(value, setting.country)
        case "address":
            return canonical.text(value.get("value") if isinstance(value, Mapping) else value)
        case "text":
            return canonical.text(value, canonical.LONGEST_TEXT)
    return canonical.text(value)


def pulled(pair: Pair, value: Canonical) -> Any:
    """A value of theirs as an attribute of ours."""
    if value is None:
        return None
    labels = {option: label for label, option in pair.options.items()}
    match pair.type:
        case "monetary":
            return canonical.number(value["value"])
        case "enum":
            return labels.get(value)
        case "set":
            return [labels[one] for one in value if one in labels]
    return value


# Requests


def body(
    pushes: Mapping[Pair, Canonical],
    *,
    person: Person | None,
    base: Mapping[str, Base],
    setting: Setting,
    label_ids: list[int] | None = None,
    splits_names: bool = True,
    fallback_name: str = "",
) -> dict[str, Any]:
    """What to send so that the person says these values; `person` None creates one."""
    sent: dict[str, Any] = {}
    names: dict[str, str] = {}
    custom: dict[str, Any] = {}
    for pair, value in pushes.items():
        if pair.is_contact:
            agreed = (base.get(key_of(pair)) or {}).get("t")
            sent[pair.code] = _addresses(pair, value, person, agreed, setting)
        elif pair.code in NAMES or pair.code == "name":
            names[pair.code] = value or ""
        elif pair.is_custom and not (person is None and value is None):
            custom[pair.code] = wire(pair, value)
    if custom:
        sent["custom_fields"] = custom
    if label_ids is not None and (label_ids or person is not None):
        sent[LABELS] = label_ids
    return sent | _name(names, person, splits=splits_names, fallback=fallback_name)


def key_of(pair: Pair) -> str:
    """Under which the base keeps it: two lines never write one field."""
    return f"{pair.code}:{pair.local}"


def wire(pair: Pair, value: Canonical) -> Any:
    if value is None:
        return None
    if pair.type == "monetary":
        return {"value": float(value["value"]), "currency": value["currency"]}
    if pair.type == "address":
        return {"value": value}
    return value


def _addresses(
    pair: Pair, value: Canonical, person: Person | None, agreed: Canonical, setting: Setting
) -> list[dict[str, Any]]:
    """Ours first; what people added stays. Only the address that ours was before makes room."""
    contacts: Iterable[Contact] = () if person is None else person.emails if pair.code == "emails" else person.phones
    kept = [one for one in contacts if read_contact(pair.code, one.value, setting) not in (value, agreed)]
    rest = [{"value": one.value, "primary": False, "label": one.label or "work"} for one in kept]
    return [{"value": value, "primary": True, "label": "work"}, *rest]


def _name(names: Mapping[str, str], person: Person | None, *, splits: bool, fallback: str) -> dict[str, str]:
    """Both parts when both are known, else the whole name; never one part alone."""
    if not names and person is not None:
        return {}
    if "name" in names:
        return {"name": names["name"] or fallback or NAMELESS}
    first = names.get("first_name", person.first_name if person else "")
    last = names.get("last_name", person.last_name if person else "")
    if splits and first and last:
        return {"first_name": first, "last_name": last}
    return {"name": f"{first} {last}".strip() or fallback or NAMELESS}


def label_ids(person: Person | None, labels: Labels, desired: Sequence[int]) -> list[int]:
    """Theirs without ours, and the ones that ours should be."""
    present = person.label_ids if person else ()
    return [*(one for one in present if one not in labels.owned), *desired]


def owned_labels(person: Person, labels: Labels) -> list[int]:
    return sorted(set(person.label_ids) & labels.owned)


def digest(values: Any) -> str:
    """Of canonical values: equal ones have the same."""
    text = orjson.dumps(values, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()
