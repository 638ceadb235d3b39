"""Match quality from what events carry."""

import pytest

from cdp.quality.match import LABELS, WEIGHTS, Presence, match

NOTHING = dict.fromkeys(LABELS, 0)


def carrying(events: int, name: str = "purchase", **counts: int) -> Presence:
    return Presence(name, events, NOTHING | counts)


@pytest.mark.parametrize("platform", WEIGHTS)
def test_the_weights_add_up(platform: str) -> None:
    assert sum(WEIGHTS[platform].values()) == 100
    full = match(platform, [Presence("purchase", 20, dict.fromkeys(LABELS, 20))])
    assert full is not None
    assert full.value == pytest.approx(10)


def test_each_identifier_counts_by_its_weight_and_presence() -> None:
    found = match("meta", [carrying(40, email=20, phone=10, ip=40)])
    assert found is not None
    assert found.value == pytest.approx(25 * 0.5 / 10 + 20 * 0.25 / 10 + 0.5)
    assert [(part.identifier, part.rate) for part in found.parts][:2] == [("email", 0.5), ("phone", 0.25)]


def test_events_weigh_by_their_volume() -> None:
    found = match("google", [carrying(90, "add_to_cart"), carrying(10, "purchase", email=10, phone=10)])
    assert found is not None
    assert found.value == pytest.approx(0.55)
    assert found.by_name == (("add_to_cart", 90, 0), ("purchase", 10, pytest.approx(5.5)))


def test_a_handful_tells_nothing() -> None:
    assert match("meta", [carrying(9, email=9)]) is None
    assert match("meta", []) is None
