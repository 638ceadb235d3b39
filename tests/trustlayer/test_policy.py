"""A workspace's own rules: read, refused with every fault, and written back."""

import pytest

from stratum.lib.refusal import Invalid
from trustlayer.policy import Policy, Thresholds, parse_policy


def refused(body: object) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse_policy(body)
    return {fault.pointer: fault.detail for fault in caught.value.faults}


def test_an_empty_one_is_the_usual_one() -> None:
    assert parse_policy({}) == Policy()


def test_what_is_written_can_be_read() -> None:
    policy = Policy(
        version=4,
        thresholds=Thresholds(80, 30),
        emq_block=3.5,
        required=("emq",),
        actions={"scale_budget": Thresholds(90, 50)},
        hysteresis=True,
        resume_at=85,
    )
    assert parse_policy(policy.to_json(), version=4) == policy


def test_thresholds_that_cross_are_refused() -> None:
    assert refused({"pass_at": 40, "block_below": 70}) == {
        "/block_below": "Blocking below 70 and passing from 40 cross: block below 40 at most."
    }
    assert list(refused({"actions": {"set_budget": {"pass_at": 10}}})) == ["/actions/set_budget/block_below"]


def test_every_fault_is_named_at_once() -> None:
    faults = refused(
        {
            "pass_at": 101,
            "emq_block": "low",
            "weights": {"emq": -1, "luck": 3},
            "required": ["luck"],
            "actions": {"fly": {}},
            "hysteresis": 1,
            "colour": "red",
        }
    )
    assert set(faults) == {
        "/pass_at",
        "/emq_block",
        "/weights/emq",
        "/weights/luck",
        "/required",
        "/actions/fly",
        "/hysteresis",
        "/colour",
    }
    assert faults["/weights/luck"].startswith("There is no signal “luck”. Choose of emq,")


def test_a_policy_that_weighs_nothing_is_refused() -> None:
    nothing = dict.fromkeys(Policy().weights, 0)
    assert "/weights" in refused({"weights": nothing, "required": []})


def test_a_required_signal_needs_weight() -> None:
    assert "/required" in refused({"weights": {"emq": 0}})


def test_resuming_below_the_threshold_is_refused() -> None:
    assert refused({"pass_at": 80, "resume_at": 75}) == {
        "/resume_at": "Resume at 80 or more: that is where actions pass."
    }
    assert parse_policy({"pass_at": 80}).resume_at == 80


def test_something_else_than_an_object_is_refused() -> None:
    assert refused([]) == {"": "Send the policy as an object."}
