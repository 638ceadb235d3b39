"""A computed trait as YAML, in the words of the product's manual: read into the API's shape, and written back."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from cdp.definitions.traits import TraitDefinition
from stratum.lib import periods
from stratum.lib.periods import DAY, HOUR, MINUTE, WEEK
from stratum.lib.refusal import Fault, Invalid

LONGEST = 20_000  # characters
FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
CONDITION = re.compile(r"\s*([^\s<>=!]+)\s*(>=|<=|!=|==|=|>|<)\s*(.+?)\s*")
COMPARISONS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "eq", "==": "eq", "!=": "neq"}
PHRASE = re.compile(r"(?:the\s+)?(?:last\s+)?(\d+)\s*(minute|hour|day|week)s?", re.IGNORECASE)
UNITS = {"minute": MINUTE, "hour": HOUR, "day": DAY, "week": WEEK}
ALL_TIME = {"all time", "all-time", "lifetime", "none", ""}

TYPES = {
    "aggregation": "aggregation",
    "most frequent": "most_frequent",
    "first": "first",
    "last": "last",
    "unique count": "unique_count",
    "unique list": "unique_list",
    "ratio": "ratio",
}
FUNCTIONS = {"average": "avg", "avg": "avg", "sum": "sum", "count": "count", "min": "min", "max": "max"} | {
    "minimum": "min",
    "maximum": "max",
}
FREQUENCIES = {"realtime": "realtime", "real-time": "realtime", "real time": "realtime"} | {
    "hourly": "hourly",
    "daily": "daily",
}


def read_yaml(text: str) -> dict[str, Any]:
    """The API's shape of a pasted definition, with or without a code fence. Raises Invalid with a sentence."""
    if len(text) > LONGEST:
        raise Invalid([Fault("/yaml", f"This is longer than {LONGEST:,} characters.", "too_long")])
    try:
        document = _load(_unfenced(text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Invalid([Fault("/yaml", f"This cannot be read as YAML{_place(error)}.", "malformed")]) from error
    if not isinstance(document, Mapping):
        raise Invalid([Fault("/yaml", "Write one setting per line, such as “Name: total_spend_30d”.", "wrong_type")])
    faults: list[Fault] = []
    body = _body(document, faults)
    if faults:
        raise Invalid(faults)
    return body


class _Loader(yaml.SafeLoader):
    """YAML whose values are JSON: dates stay text, `on` and `no` too, and nothing is written twice or repeated by an
    alias, which could grow beyond any memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "no aliases")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        pairs = [(str(self.construct_object(key, deep=True)), key, value) for key, value in node.value]
        written: dict[Any, Any] = {}
        for name, key, value in pairs:
            if name in written:
                raise yaml.constructor.ConstructorError(None, None, "written twice", key.start_mark)
            written[name] = self.construct_object(value, deep=deep)
        return written


_Loader.yaml_implicit_resolvers = {}
for _tag, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?(0|[1-9][0-9]{0,18})", "-+0123456789"),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]{1,3})?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_form})$"), list(_first))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])


def _load(text: str) -> Any:
    return yaml.load(text, _Loader)


def _unfenced(text: str) -> str:
    """What stands between the first two fences, if there are any."""
    found = FENCE.search(text)
    return found.group(1) if found else text


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _body(document: Mapping[Any, Any], faults: list[Fault]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for key, value in document.items():
        words = " ".join(str(key).replace("_", " ").split()).lower()
        reader = READERS.get(words)
        if reader is None:
            known = ", ".join(title for title, _ in WRITTEN)
            faults.append(Fault("/yaml", f"“{str(key)[:60]}” is no setting of a trait. Use {known}.", "unknown_field"))
            continue
        name, read = reader
        try:
            body[name] = read(value)
        except ValueError as error:
            faults.append(Fault("/yaml", f"{key}: {error}"))
    return body


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _named(known: Mapping[str, str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        words = " ".join(_text(value).replace("_", " ").split()).lower()
        words = words if words in known else words.replace(" ", "-")
        if words not in known:
            raise ValueError(f"choose one of {', '.join(title.title() for title in known)}.")
        return known[words]

    return read


def _kind(value: Any) -> str:
    words = " ".join(_text(value).replace("_", " ").replace("/", " ").split()).lower()
    if words == "first last":
        raise ValueError("write First, or write Last.")
    return _named(TYPES)(value)


def _window(value: Any) -> Any:
    """`30 days`, `All time`, `P30D`, or the API's own shape."""
    if value is None or isinstance(value, Mapping):
        return value
    words = " ".join(_text(value).split())
    if words.lower() in ALL_TIME:
        return None
    if found := PHRASE.fullmatch(words):
        return {"last": periods.format_duration(int(found.group(1)) * UNITS[found.group(2).lower()])}
    try:
        return {"last": periods.format_duration(periods.parse_duration(words))}
    except ValueError:
        raise ValueError(f"“{words[:40]}” is no time window. Write it like 30 days, or All time.") from None


def _part(value: Any) -> Any:
    """Numerator and denominator: an event's name alone, or Event, Where and Time Window."""
    if isinstance(value, Mapping):
        faults: list[Fault] = []
        part = _body(value, faults)
        if faults:
            raise ValueError(faults[0].detail)
        return part
    return {"event": value}


def _where(value: Any) -> Any:
    """The API's predicate; or `revenue > 10`, or a list of either, all of which have to hold."""
    if isinstance(value, list):
        children = [_where(one) for one in value]
        return children[0] if len(children) == 1 else {"type": "and", "children": children} if children else None
    if not isinstance(value, str):
        return value
    found = CONDITION.fullmatch(value)
    if found is None:
        raise ValueError(f"“{value[:40]}” is no condition. Write it like revenue > 10, or category = Shoes.")
    name, sign, other = found.groups()
    return {"property": name, "op": COMPARISONS[sign], "value": _load(other)}


def _calculation(value: Any) -> str | None:
    return _text(value).upper().replace(" ", "_") or None


# What the manual prints, in its order, with the field of the API that it stands for.
WRITTEN: tuple[tuple[str, str], ...] = (
    ("Name", "name"),
    ("Label", "label"),
    ("Description", "description"),
    ("Type", "kind"),
    ("Aggregation", "fn"),
    ("Event", "event"),
    ("Property", "property"),
    ("Calculation", "calculation"),
    ("Where", "where"),
    ("Time Window", "window"),
    ("Numerator", "numerator"),
    ("Denominator", "denominator"),
    ("Profile Filter", "profile_filter"),
    ("Minimum Count", "min_count"),
    ("Tie", "tie"),
    ("Currency", "currency"),
    ("Default", "default"),
    ("Update Frequency", "frequency"),
)
READ: Mapping[str, Callable[[Any], Any]] = {
    "name": _text,
    "label": _text,
    "description": _text,
    "kind": _kind,
    "fn": _named(FUNCTIONS),
    "calculation": _calculation,
    "where": _where,
    "window": _window,
    "numerator": _part,
    "denominator": _part,
    "tie": lambda value: _text(value).lower().replace(" ", "_"),
    "frequency": _named(FREQUENCIES),
}
READERS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    words: (name, READ.get(name, _same)) for title, name in WRITTEN for words in (title.lower(), name.replace("_", " "))
} | {
    "conditions": ("where", _where),
    "condition": ("where", _where),
    "events": ("event", _same),
    "min count": ("min_count", _same),
}

USUAL = {"label": "", "description": "", "min_count": 1, "tie": "alphabetical"}
LABELS = {kind: words.title() for words, kind in TYPES.items()}


def write_yaml(definition: TraitDefinition) -> str:
    """As the manual prints it; what is as usual is left out."""
    body = definition.to_json()
    lines = [(title, _words(name, body.get(name), definition)) for title, name in WRITTEN if name in body]
    return "".join(f"{title}: {words}\n" for title, words in lines if words is not None)


def _words(name: str, value: Any, definition: TraitDefinition) -> str | None:
    if name == "kind":
        return LABELS[definition.kind]
    if name == "window":
        return _window_words(value)
    if name == "frequency":
        return None if value == "realtime" else str(value).title()
    if value is None or value == USUAL.get(name):
        return None
    if name == "fn":
        return str(value).upper()
    if name in ("numerator", "denominator"):
        return _inline({key: one for key, one in value.items() if one is not None})
    return _inline(value)


def _window_words(window: Mapping[str, Any] | None) -> str:
    if window is None:
        return "All time"
    if set(window) != {"last"}:
        return _inline(window)
    micros = periods.parse_duration(window["last"])
    for unit, size in (("day", DAY), ("hour", HOUR), ("minute", MINUTE)):
        if micros % size == 0:
            count = micros // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return str(window["last"])


def _inline(value: Any) -> str:
    """JSON is YAML; text stands bare where YAML reads it as the same text."""
    if isinstance(value, str) and _reads_back(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _reads_back(text: str) -> bool:
    try:
        return bool(_load(f"Name: {text}") == {"Name": text})
    except yaml.YAMLError:
        return False
