"""Property filters read from their JSON grammar: every fault is told with its place."""

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Any

import pyarrow as pa

from cdp.engine.predicates import (
    BARE_OPERATORS,
    DURATION_OPERATORS,
    INSTANT_OPERATORS,
    LIST_OPERATORS,
    OPERATORS,
    ORDER_OPERATORS,
    RANGE_OPERATORS,
    SCALAR_OPERATORS,
    TEXT_OPERATORS,
    AllOf,
    AnyItem,
    AnyOf,
    Not,
    Operand,
    Predicate,
    ProfileRef,
    Ref,
    Scalar,
    StepRef,
    Test,
    compare,
    count_leaves,
    re2_search,
    read_duration,
    read_span,
)

MAX_DEPTH = 8
MAX_LEAVES = 100
MAX_PATTERN = 200
OWN = "event."  # how a filter names another property of the same event
PROFILE = ("attributes.", "traits.")  # a field of the profile
STEP = re.compile(r"step\.(\d{1,3})\.(.+)", re.ASCII)  # a property of what an earlier step of a sequence took


class PredicateError(ValueError):
    """A filter that cannot be: `pointer` (RFC 6901) says where, `sentence` why."""

    def __init__(self, pointer: str, sentence: str) -> None:
        super().__init__(sentence)
        self.pointer = pointer
        self.sentence = sentence


@dataclass(frozen=True)
class Refs:
    """What a property may be compared with besides values: others of the same `event`, fields of the `profile`, and
    properties of so many earlier `steps`."""

    event: bool = False
    profile: bool = False
    steps: int = 0

    def words(self) -> str:
        named = ["event.<property>"] * self.event + ["attributes.<name>", "traits.<name>"] * self.profile
        if self.steps:
            named.append("step.0.<property>" if self.steps == 1 else f"step.<0 to {self.steps - 1}>.<property>")
        return " or ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


VALUES_ONLY = Refs()


def parse_predicate(source: Any, pointer: str = "", zone: tzinfo = UTC, *, refs: Refs = VALUES_ONLY) -> Predicate:
    """Read the predicate grammar. Raises PredicateError naming the place inside `source`, below `pointer`."""
    predicate = parse_node(source, pointer, zone, depth=1, refs=refs)
    if count_leaves(predicate) > MAX_LEAVES:
        raise PredicateError(pointer, f"A filter can have at most {MAX_LEAVES} comparisons.")
    return predicate


def parse_node(source: Any, pointer: str, zone: tzinfo, depth: int, *, refs: Refs) -> Predicate:
    if not isinstance(source, dict):
        raise PredicateError(pointer, "A filter must be an object.")
    if depth > MAX_DEPTH:
        raise PredicateError(pointer, f"A filter can be nested at most {MAX_DEPTH} levels deep.")
    if "type" not in source:
        return parse_test(source, pointer, zone, refs=refs)
    match source["type"]:
        case "and":
            return AllOf(parse_children(source, pointer, zone, depth, refs=refs))
        case "or":
            return AnyOf(parse_children(source, pointer, zone, depth, refs=refs))
        case "not":
            only_fields(source, pointer, {"type", "child"})
            return Not(parse_node(source.get("child"), f"{pointer}/child", zone, depth + 1, refs=refs))
        case "any_item":
            only_fields(source, pointer, {"type", "property", "where"})
            inside = replace(refs, event=False)
            where = parse_node(source.get("where"), f"{pointer}/where", zone, depth + 1, refs=inside)
            return AnyItem(property_name(source, pointer), where)
    raise PredicateError(f"{pointer}/type", "The type must be and, or, not or any_item.")


def parse_children(
    source: dict[str, Any], pointer: str, zone: tzinfo, depth: int, *, refs: Refs
) -> tuple[Predicate, ...]:
    only_fields(source, pointer, {"type", "children"})
    children = source.get("children")
    if not isinstance(children, list) or not children:
        raise PredicateError(f"{pointer}/children", "A group needs at least one filter.")
    return tuple(
        parse_node(child, f"{pointer}/children/{index}", zone, depth + 1, refs=refs)
        for index, child in enumerate(children)
    )


def parse_test(source: dict[str, Any], pointer: str, zone: tzinfo, *, refs: Refs) -> Test:
    only_fields(source, pointer, {"property", "op", "value"})
    name = property_name(source, pointer)
    op = source.get("op")
    if not isinstance(op, str) or op not in OPERATORS:
        raise PredicateError(f"{pointer}/op", f"Unknown operator {shown(op)}.")
    if op in BARE_OPERATORS:
        if "value" in source:
            raise PredicateError(f"{pointer}/value", f"The operator {op} takes no value.")
        return Test(name, op, None, zone)
    if "value" not in source:
        raise PredicateError(f"{pointer}/value", f"The operator {op} needs a value.")
    value = source["value"]
    if refs != VALUES_ONLY and isinstance(value, dict):
        return Test(name, op, parse_ref(op, value, f"{pointer}/value", refs), zone)
    return Test(name, op, parse_operand(op, value, f"{pointer}/value", zone), zone)


def parse_ref(op: str, value: dict[str, Any], pointer: str, refs: Refs) -> Ref | ProfileRef | StepRef:
    only_fields(value, pointer, {"ref"})
    if op not in ORDER_OPERATORS | SCALAR_OPERATORS:
        raise PredicateError(pointer, f"The operator {op} takes a value, not another property.")
    path = value.get("ref")
    found = read_ref(path, refs) if isinstance(path, str) else None
    if found is None:
        raise PredicateError(f"{pointer}/ref", f"Name what it is compared with here as {refs.words()}.")
    return found


def read_ref(path: str, refs: Refs) -> Ref | ProfileRef | StepRef | None:
    """None for what there is not."""
    if refs.event and path.startswith(OWN) and path != OWN:
        return Ref(path.removeprefix(OWN))
    if refs.profile and path.startswith(PROFILE) and path not in PROFILE:
        return ProfileRef(path)
    step = STEP.fullmatch(path)
    return StepRef(int(step[1]), step[2]) if step and int(step[1]) < refs.steps else None


def only_fields(source: dict[str, Any], pointer: str, known: set[str]) -> None:
    for field in source:
        if field not in known:
            raise PredicateError(f"{pointer}/{escaped(field)}", f"Unknown field {shown(field)}.")


def escaped(field: str) -> str:
    return field.replace("~", "~0").replace("/", "~1")


def shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"


def property_name(source: dict[str, Any], pointer: str) -> str:
    name = source.get("property")
    if not isinstance(name, str) or not name:
        raise PredicateError(f"{pointer}/property", "A filter needs the name of a property.")
    return name


def parse_operand(op: str, value: Any, pointer: str, zone: tzinfo) -> Operand:
    if isinstance(value, dict):
        raise PredicateError(pointer, "Comparing with another field is not possible here.")
    if op in LIST_OPERATORS | RANGE_OPERATORS:
        return parse_list(op, value, pointer)
    if not isinstance(value, Scalar):
        raise PredicateError(pointer, f"The operator {op} needs one text, number or true/false.")
    refuse_scalar(op, value, pointer, zone)
    return value


def parse_list(op: str, value: Any, pointer: str) -> tuple[Scalar, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, Scalar) for item in value):
        raise PredicateError(pointer, f"The operator {op} needs a list of texts, numbers or true/false.")
    if op in RANGE_OPERATORS and (len(value) != 2 or compare(*value) not in (-1, 0)):
        raise PredicateError(pointer, f"The operator {op} needs two values, the smaller one first.")
    return tuple(value)


def refuse_scalar(op: str, value: Scalar, pointer: str, zone: tzinfo) -> None:
    if op in ORDER_OPERATORS and isinstance(value, bool):
        raise PredicateError(pointer, f"The operator {op} needs a number or a text.")
    if op in TEXT_OPERATORS and (not isinstance(value, str) or not value):
        raise PredicateError(pointer, f"The operator {op} needs a text.")
    if op in ("matches", "not_matches"):
        refuse_pattern(str(value), pointer)
    if op in INSTANT_OPERATORS and (not isinstance(value, str) or read_span(value, zone) is None):
        raise PredicateError(pointer, f"The operator {op} needs a date or a time such as 2026-01-31T12:00:00Z.")
    if op in DURATION_OPERATORS and (not isinstance(value, str) or read_duration(value) is None):
        raise PredicateError(pointer, f"The operator {op} needs a duration such as P7D or PT1H.")


def refuse_pattern(pattern: str, pointer: str) -> None:
    if len(pattern) > MAX_PATTERN:
        raise PredicateError(pointer, f"A regular expression can have at most {MAX_PATTERN} characters.")
    try:
        re2_search(pattern, "")
    except pa.ArrowInvalid as error:
        raise PredicateError(pointer, f"Not a regular expression that RE2 understands: {error}") from None
