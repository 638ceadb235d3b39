"""problem+json: faults with pointers."""

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from stratum.lib.problems import escape, faults_of, unknown_fields, unstorable
from stratum.lib.refusal import Fault, Invalid
from stratum.lib.serializers import StrictSerializer


class Step(StrictSerializer):
    event = serializers.CharField()


class Funnel(StrictSerializer):
    name = serializers.CharField(max_length=3)
    steps = Step(many=True)


def faults(data) -> list[tuple[str, str]]:
    shape = Funnel(data=data)
    if shape.is_valid():
        return []
    return [(fault.pointer, fault.code) for fault in faults_of(shape.errors)]


def test_nested_faults_point_to_their_place():
    assert faults({"name": "long", "steps": [{"event": "a"}, {}]}) == [
        ("/name", "max_length"),
        ("/steps/1/event", "required"),
    ]


def test_a_fault_of_the_whole_points_to_the_whole():
    assert list(faults_of({"non_field_errors": [ErrorDetail("No.", "invalid")]})) == [Fault("", "No.", "invalid")]


def test_unknown_fields_are_refused_with_what_is_known():
    found = unknown_fields({"name": 1, "nmae": 2}, ["name", "steps"], "/funnel")
    assert [fault.pointer for fault in found] == ["/funnel/nmae"]
    assert "name, steps" in found[0].detail


def test_a_serializer_refuses_unknown_fields_by_itself():
    with pytest.raises(Invalid) as refused:
        Funnel(data={"name": "a", "steps": [], "x": 1}).is_valid()
    assert refused.value.faults[0].code == "unknown_field"


@pytest.mark.parametrize(
    ("data", "pointers"),
    [
        ("fine ✓ 😀", []),
        ("a\0", [""]),
        ({"a": [{"b": "\ud800"}]}, ["/a/0/b"]),
        ({"k\0": 1}, [""]),
        ([1, None, True, 2.5], []),
    ],
)
def test_what_postgresql_cannot_store_is_found(data, pointers):
    assert [fault.pointer for fault in unstorable(data)] == pointers


def test_a_pointer_is_escaped_and_printable():
    assert escape("a/b~c") == "a~1b~0c"
    assert escape("\ud800") == "\ufffd"
