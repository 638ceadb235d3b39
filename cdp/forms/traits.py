"""The trait builder's form: what is typed becomes the API's body, so that page and API check by the same rules."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from cdp.forms import funnel_matches as matches
from cdp.forms import trait_parts as parts
from cdp.forms.funnel_matches import MatchRow
from cdp.forms.trait_parts import PartRow
from stratum.lib.refusal import Fault

FIRST_LAST, RATIO = "first_last", "ratio"
NUMERIC = {"aggregation", "unique_count", RATIO}
MEASURED = {"sum", "avg", "min", "max"}
TEXTS = (
    "name", "label", "description", "type", "fn", "end", "property_name", "calculation", "frequency",
    "min_count", "tie", "default", "currency", "view", "yaml", "expected",
)  # fmt: skip
# Where a fault of the body belongs: the part's row, or a field.
PART = re.compile(r"/(numerator|denominator|event|where|window)(?:/(event|where|window))?")
ROW = re.compile(r"part-([01])|(profiles)", re.ASCII)
SLOTS = {"kind": "type", "property": "property_name"}


@dataclass(slots=True)
class TraitBuilder:
    """The whole form. `view` is the one that was typed into: `form`, or `yaml` with its text.

    `parts` are the events and, of a ratio, those it is divided by. `profiles` are the lines of the profile filter.
    `focus` is where the work goes on and `said` what a button did, for those who do not see it.
    """

    name: str = ""
    label: str = ""
    description: str = ""
    type: str = "aggregation"
    fn: str = "sum"
    end: str = "last"
    property_name: str = ""
    calculation: str = ""
    frequency: str = "realtime"
    min_count: str = ""
    tie: str = "alphabetical"
    default: str = ""
    currency: str = ""
    parts: list[PartRow] = field(default_factory=lambda: [PartRow(), PartRow()])
    profiles: MatchRow = field(default_factory=lambda: MatchRow(events=[]))
    view: str = "form"
    yaml: str = ""
    expected: str = ""
    focus: str = ""
    said: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_post(cls, post: QueryDict) -> "TraitBuilder":
        builder = cls(
            parts=[parts.part_of_post(post, f"part-{place}-") for place in range(2)],
            profiles=MatchRow(**matches.fields_of_post(post, "profiles-")),
        )
        for name in TEXTS:
            setattr(builder, name, post.get(name, getattr(builder, name)).strip())
        return builder

    @classmethod
    def of_body(cls, body: Mapping[str, Any]) -> "TraitBuilder":
        """From the API's shape, complete or as far as it has been written."""
        kind = body.get("kind") or "aggregation"
        ratio = [body.get(name) or {} for name in ("numerator", "denominator")]
        builder = cls(
            type=FIRST_LAST if kind in {"first", "last"} else kind,
            end=kind if kind in {"first", "last"} else "last",
            parts=[parts.part_of_json(each) for each in (ratio if kind == RATIO else [body, {}])],
            profiles=_profiles_of_json(body.get("profile_filter")),
        )
        for name in TEXTS:
            value = body.get("property" if name == "property_name" else name)
            if value is not None and name != "type":
                setattr(builder, name, str(value))
        return builder

    @property
    def is_ratio(self) -> bool:
        return self.type == RATIO

    @property
    def needs_property(self) -> bool:
        return not self.is_ratio and not (self.type == "aggregation" and self.fn == "count")

    @property
    def starts_at_zero(self) -> bool:
        """Where nothing is counted the value is 0, so no default can be seen."""
        return self.type == "unique_count" or (self.type == "aggregation" and self.fn in {"count", "sum"})

    @property
    def is_empty(self) -> bool:
        """Nothing to compute yet."""
        if self.view == "yaml":
            return not self.yaml
        used = self.parts if self.is_ratio else self.parts[:1]
        return any(part.is_empty for part in used) or (self.needs_property and not self.property_name)

    @property
    def shows_more(self) -> bool:
        """Whether something behind “More” is set or wrong."""
        is_set = self.default or self.min_count not in {"", "1"} or self.tie == "most_recent"
        return bool(is_set) or not {"default", "min_count", "tie"}.isdisjoint(self.errors)

    @property
    def is_blank(self) -> bool:
        """Nothing typed that YAML could show."""
        return not self.name and all(part.is_empty for part in self.parts)

    def body(self) -> tuple[dict[str, Any], list[Fault]]:
        """The API's body with the fields that apply to the type, and what could not even be written as one."""
        faults: list[Fault] = []
        body: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "description": self.description,
            "kind": self.end if self.type == FIRST_LAST else self.type,
            "frequency": self.frequency,
        }
        body |= self._events(faults) | self._value(faults)
        profile_filter = _profile_body(self.profiles, faults)
        if profile_filter is not None:
            body["profile_filter"] = profile_filter
        if self.default and not self.starts_at_zero:
            body["default"] = matches.number(self.default) if self.type in NUMERIC else self.default
        return body, faults

    def _events(self, faults: list[Fault]) -> dict[str, Any]:
        if not self.is_ratio:
            return parts.part_body(self.parts[0], "", faults)
        names = zip(("numerator", "denominator"), self.parts, strict=True)
        return {name: parts.part_body(part, f"/{name}", faults) for name, part in names}

    def _value(self, faults: list[Fault]) -> dict[str, Any]:
        """What is taken of each event, and how the values come to one."""
        written: dict[str, Any] = {}
        if self.type == "aggregation":
            written["fn"] = self.fn
            if self.currency and self.fn in MEASURED:
                written["currency"] = self.currency.upper()
        if self.needs_property:
            written["property"] = self.property_name
        if self.type == FIRST_LAST and self.calculation:
            written["calculation"] = self.calculation
        if self.type == "most_frequent":
            if self.min_count:
                written["min_count"] = matches.number(self.min_count)
            written["tie"] = self.tie
        return written

    def row(self, place: str) -> MatchRow | None:
        """The row of a name such as `part-0` or `profiles`."""
        found = ROW.fullmatch(place)
        if found is None:
            return None
        return self.profiles if found[2] else self.parts[int(found[1])]

    def act(self, do: str) -> bool:
        """Follow a button that changes rows, such as `add_filter:part-0`. False when it is none."""
        verb, *places = do.split(":")
        if verb not in matches.ROW_ACTIONS:
            return False
        row = self.row(places[0]) if places else None
        goal = matches.act_on_row(row, verb, places[1:]) if row is not None else None
        if goal:
            self.focus = f"{places[0]}-{goal}"
        return True

    def show(self, faults: Iterable[Fault]) -> None:
        """Put each fault at the field it is about; all of them at the text while that is the view."""
        if self.view == "yaml":
            told = [fault.detail for fault in faults]
            self.errors["yaml"] = " ".join(dict.fromkeys(told))
            self.focus = "yaml"
            return
        for fault in faults:
            self._show(fault)

    def _show(self, fault: Fault) -> None:
        if (found := PART.match(fault.pointer)) is None:
            slot = fault.pointer.split("/")[1] if "/" in fault.pointer else "form"
            if slot == "profile_filter":
                self.profiles.errors.setdefault("where", fault.detail)
            self.errors.setdefault(SLOTS.get(slot, slot), fault.detail)
            self.focus = self.focus or SLOTS.get(slot, slot)
            return
        place = 1 if found[1] == "denominator" else 0
        slot = (found[2] or "event") if found[1] in {"numerator", "denominator"} else found[1]
        self.parts[place].errors.setdefault(slot, fault.detail)
        self.focus = self.focus or f"part-{place}-{slot}"


# The profile filter has the lines of an event's properties, whose names are fields of a profile.


def _profiles_of_json(node: Mapping[str, Any] | None) -> MatchRow:
    if not node or node.get("type") == "all":
        return MatchRow(events=[])
    where = _renamed(node, _as_test)
    shown = matches.lines_of(where) if where is not None else None
    if shown is None:
        return MatchRow(events=[], advanced=matches.as_text(node))
    return MatchRow(events=[], join=shown[0], filters=shown[1])


def _profile_body(row: MatchRow, faults: list[Fault]) -> Any:
    if row.advanced.strip():
        return matches.as_json(row.advanced)
    where = matches.where_of(row.filters, row.join, "/profile_filter", faults)
    return None if where is None else _renamed(where, _as_profile)


Rename = Callable[[Mapping[str, Any]], dict[str, Any] | None]


def _renamed(node: Mapping[str, Any], rename: Rename) -> dict[str, Any] | None:
    """The tree with its leaves renamed; None when it is more than one level of and, or."""
    if "children" not in node:
        return rename(node)
    leaves = [rename(child) if "children" not in child else None for child in node["children"]]
    return None if None in leaves else {"type": node["type"], "children": leaves}


def _as_test(node: Mapping[str, Any]) -> dict[str, Any] | None:
    if node.get("type") != "profile":
        return None
    return {"property": node["field"]} | {name: node[name] for name in ("op", "value") if name in node}


def _as_profile(test: Mapping[str, Any]) -> dict[str, Any] | None:
    named = {name: test[name] for name in ("op", "value") if name in test}
    return {"type": "profile", "field": test["property"]} | named
