"""What is to be synchronised, as people and programs send it."""

from uuid import UUID

import pytest

from integrations.pipedrive.choices import ActivityEvent, read_choices
from stratum.lib.refusal import Invalid

SEGMENT = "11111111-1111-4111-8111-111111111111"


def test_it_works() -> None:
    told = {
        "objects": ["deals", "persons"],
        "direction": "to_pipedrive",
        "schedule": "hourly",
        "segment": SEGMENT,
        "activities": [{"event": "purchase", "type": "call"}, {"event": "signup"}],
        "activity_cap": 100,
        "labels": [SEGMENT, SEGMENT],
        "deal_event": "purchase",
        "counts_archived": True,
        "rates": {"USD": "0.920"},
        "budget_share": 30,
    }
    assert read_choices(told) == {
        **told,
        "objects": ["persons", "deals"],
        "segment": UUID(SEGMENT),
        "activities": [ActivityEvent("purchase", "call"), ActivityEvent("signup", "task")],
        "labels": [UUID(SEGMENT)],
        "rates": {"USD": "0.92"},
    }


def test_only_what_is_named_is_changed() -> None:
    assert read_choices({"schedule": "daily"}) == {"schedule": "daily"}
    assert read_choices({"segment": None}) == {"segment": None}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"objects": ["persons", "leads"]}, "/objects/1"),
        ({"objects": ["deals"]}, "/objects"),
        ({"objects": "persons"}, "/objects"),
        ({"direction": "up"}, "/direction"),
        ({"schedule": "weekly"}, "/schedule"),
        ({"segment": "vip"}, "/segment"),
        ({"activities": [{"event": ""}]}, "/activities/0/event"),
        ({"activities": [{"event": "a"}, {"event": "a"}]}, "/activities/1/event"),
        ({"activities": [{"event": "a", "type": "Big Call"}]}, "/activities/0/type"),
        ({"activities": ["a"]}, "/activities/0"),
        ({"activity_cap": 0}, "/activity_cap"),
        ({"activity_cap": True}, "/activity_cap"),
        ({"labels": ["x"]}, "/labels/0"),
        ({"deal_event": "order"}, "/deal_event"),
        ({"counts_archived": "yes"}, "/counts_archived"),
        ({"rates": {"usd": "1"}}, "/rates/usd"),
        ({"rates": {"USD": "0"}}, "/rates/USD"),
        ({"rates": {"USD": "NaN"}}, "/rates/USD"),
        ({"rates": {"USD": "1e999"}}, "/rates/USD"),
        ({"budget_share": 101}, "/budget_share"),
        ({"colour": 1}, "/colour"),
        ({"objects": ["a\0"]}, "/objects/0"),
        ([], ""),
    ],
)
def test_what_is_wrong_is_said_at_its_place(body: object, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_choices(body)
    assert pointer in {fault.pointer for fault in refused.value.faults}
