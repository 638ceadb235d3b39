"""The validator beside the schema: whatever the schema refuses is refused, at a place, and nothing breaks it."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cdp.definitions.condition_reading import parse_condition
from cdp.definitions.condition_words import sentence
from cdp.forms.segment_tree import condition, of_condition
from stratum.lib.refusal import Fault, Invalid
from tests.cdp.segments.test_tree_form import EVERY_KIND

SCHEMA = File(__file__).parents[3] / "docs" / "segment_grammar.schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text()))
ODD: list[Any] = ["x", "", -1, 1.5, True, [], {}, ["x"], {"ref": "event.a"}, "P1D", 10**6]
Place = tuple[str | int, ...]


def places(node: Any, place: Place = ()) -> Iterator[Place]:
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inside:
        yield (*place, key)
        yield from places(value, (*place, key))


def at(node: Any, place: Place) -> Any:
    for key in place:
        node = node[key]
    return node


def mutants(node: dict[str, Any]) -> Iterator[Any]:
    """With each part left out, of another kind, and with a part that nobody knows."""
    for place in places(node):
        for odd in ODD:
            other = copy.deepcopy(node)
            at(other, place[:-1])[place[-1]] = odd
            yield other
        without = copy.deepcopy(node)
        del at(without, place[:-1])[place[-1]]
        yield without
    for place in [(), *places(node)]:
        more = copy.deepcopy(node)
        if isinstance(inner := at(more, place), dict):
            inner["unheard_of"] = 1
            yield more


@pytest.mark.parametrize("name", EVERY_KIND)
def test_what_the_schema_refuses_is_refused(name: str) -> None:
    node = EVERY_KIND[name]
    assert VALIDATOR.is_valid(node)
    parse_condition(node)
    for mutant in mutants(node):
        is_numbered = name == "static" and isinstance(mutant.get("ids"), list)  # numbers are taken as well as texts
        refused = faults(mutant)
        assert all(fault.pointer.startswith("/condition") and fault.detail for fault in refused)
        if not refused:
            assert VALIDATOR.is_valid(mutant) or is_numbered, mutant
            assert sentence(mutant)
            assert condition(of_condition(mutant)) == mutant


def faults(node: Any) -> tuple[Fault, ...]:
    try:
        parse_condition(node)
    except Invalid as refused:
        return tuple(refused.faults)
    return ()


def test_a_null_stands_for_nothing_where_a_part_may_be_left_out() -> None:
    parse_condition({"type": "event", "event": "a", "where": None, "window": None, "measure": None})
