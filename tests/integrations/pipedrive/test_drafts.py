"""Mappings as people and programs send them."""

from typing import Any

import pytest

from integrations.pipedrive.drafts import Line, Remote, read_mapping
from stratum.lib.refusal import Invalid

KINDS = {"email": "email", "first_name": "text", "id": "text", "traits.spend": "money", "attributes.city": "text"}
LTV = "a" * 40
CITY = "b" * 40
REMOTES = {
    "emails": Remote("emails", "Email", "varchar"),
    "first_name": Remote("first_name", "First Name", "varchar"),
    "label_ids": Remote("label_ids", "Label", "set"),
    LTV: Remote(LTV, "LTV", "monetary"),
    CITY: Remote(CITY, "City", "varchar"),
}
EMAIL = {"local": "email", "code": "emails", "direction": "both", "rule": "newest"}
SPEND = {"local": "traits.spend", "code": LTV}


def faults(*rows: object) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        read_mapping({"fields": list(rows)}, KINDS, REMOTES)
    return {fault.pointer: fault.code for fault in refused.value.faults}


def test_it_works() -> None:
    assert read_mapping({"fields": [EMAIL, SPEND]}, KINDS, REMOTES) == [
        Line("email", "emails", "both", "newest"),
        Line("traits.spend", LTV, "to_pipedrive", "stratum_wins"),
    ]


def test_nothing_may_be_mapped() -> None:
    assert read_mapping({"fields": []}, KINDS, REMOTES) == []


@pytest.mark.parametrize(
    ("row", "pointer", "code"),
    [
        ({**EMAIL, "local": "traits.gone"}, "/fields/0/local", "unknown_field"),
        ({**EMAIL, "code": "c" * 40}, "/fields/0/code", "unknown_field"),
        ({**SPEND, "code": "emails"}, "/fields/0/code", "wrong_type"),
        ({"local": "first_name", "code": LTV}, "/fields/0/code", "wrong_type"),
        ({**SPEND, "direction": "both"}, "/fields/0/direction", "wrong_direction"),
        ({"local": "id", "code": CITY, "direction": "from_pipedrive"}, "/fields/0/direction", "wrong_direction"),
        ({**EMAIL, "direction": "sideways"}, "/fields/0/direction", "unknown_choice"),
        ({**EMAIL, "rule": "loudest"}, "/fields/0/rule", "unknown_choice"),
        ({**EMAIL, "colour": "red"}, "/fields/0/colour", "unknown_field"),
        ({**EMAIL, "enabled": "yes"}, "/fields/0/enabled", "wrong_type"),
        ({"code": "emails"}, "/fields/0/local", "required"),
        ("email", "/fields/0", "wrong_type"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(row: object, pointer: str, code: str) -> None:
    assert faults(row) == {pointer: code}


def test_two_lines_may_not_write_one_field() -> None:
    assert faults(SPEND, {"local": "email", "code": CITY}, {"local": "attributes.city", "code": CITY}) == {
        "/fields/2/code": "taken"
    }
    pulled: dict[str, Any] = {"local": "attributes.city", "direction": "from_pipedrive"}
    assert faults({**pulled, "code": CITY}, {**pulled, "code": "first_name"}) == {"/fields/1/local": "taken"}


def test_one_field_of_ours_may_be_written_to_several() -> None:
    rows = [{"local": "first_name", "code": "first_name"}, {"local": "first_name", "code": CITY}]
    assert len(read_mapping({"fields": rows}, KINDS, REMOTES)) == 2


def test_a_line_that_is_off_takes_no_place() -> None:
    rows = [{"local": "email", "code": CITY, "enabled": False}, {"local": "attributes.city", "code": CITY}]
    assert len(read_mapping({"fields": rows}, KINDS, REMOTES)) == 2


@pytest.mark.parametrize("body", [None, [], {}, {"fields": {}}, {"fields": [EMAIL] * 61}, {"fields": [], "x": 1}])
def test_a_body_of_another_shape_is_refused(body: object) -> None:
    with pytest.raises(Invalid):
        read_mapping(body, KINDS, REMOTES)
