"""The months of RFM are those that all orders would give, whatever has expired meanwhile."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cdp.models import Event, RfmMonth, RfmPart
from cdp.queries import rfm
from cdp.queries.rfm_months import stored, turns
from cdp.rfm.groups import GROUPS, NAMES, NO_PURCHASES, group_of
from cdp.rfm.orders import Orders, by_owner, packed, unpacked
from cdp.rfm.scores import CutOffs, scores
from cdp.services import profiles as profile_services
from cdp.services import retention
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from tests.cdp.people import profile_of, teller

BEGIN = datetime(2025, 1, 3, 9, tzinfo=UTC)
WEEK = timedelta(days=7)
Bought = list[tuple[str, datetime, int]]


def groups_at(bought: Bought, at: datetime) -> dict[str, str]:
    """Who is in which group, from the plain list of all orders ever."""
    mine = [one for one in bought if at - timedelta(days=180) <= one[1] <= at]
    people = sorted({who for who, _, _ in mine})
    told = [[(when, spent) for who, when, spent in mine if who == name] for name in people]
    recency = np.array([(at - max(when for when, _ in each)).days for each in told], np.int64)
    orders = np.array([len(each) for each in told], np.int64)
    spend = np.array([1_000_000 * sum(spent for _, spent in each) for each in told], np.int64)
    scored = scores(recency, orders, spend, CutOffs())
    return {
        name: GROUPS[place].name
        for name, place in zip(people, group_of(scored.r, scored.f, scored.m).tolist(), strict=True)
    }


def check(workspace: Workspace, bought: Bought, now: datetime) -> None:
    found, before = rfm.report(workspace, now=now), {}
    for month, (_, at) in zip(found.months, turns(workspace, now), strict=True):
        before = groups_at(bought, at)
        sizes = Counter(before.values())
        assert month.is_whole
        assert dict(zip(NAMES, month.sizes, strict=False)) == {name: sizes[name] for name in NAMES[:-1]}, month.day
    after = groups_at(bought, now)
    pairs = Counter(
        (before.get(who, NO_PURCHASES), after.get(who, NO_PURCHASES)) for who in before.keys() | after.keys()
    )
    assert {(move.before, move.after): move.size for move in found.moves} == {
        pair: size for pair, size in pairs.items() if pair[0] != pair[1]
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_they_survive_the_expiry_of_orders_merges_and_erasures(workspace: Workspace, seed: int) -> None:
    dice, bought = random.Random(seed), list[tuple[str, datetime, int]]()
    for week in range(62):
        now = BEGIN + week * WEEK
        tell = teller(workspace, now)
        for _ in range(dice.randrange(4)):
            who, hours, spent = f"user-{dice.randrange(14)}", dice.randrange(1, 160), dice.randrange(5, 400)
            tell("purchase", user=who, hours_ago=hours, revenue=spent)
            bought.append((who, now - timedelta(hours=hours), spent))
        if week in (20, 33):  # somebody bought without saying who he is, and is known later
            tell("purchase", visitor=f"cookie-{week}", hours_ago=2, revenue=50)
            bought.append((f"cookie-{week}", now - timedelta(hours=2), 50))
        if week in (52, 60):
            cookie = f"cookie-{ {52: 20, 60: 33}[week] }"
            tell("identify", user="user-1", visitor=cookie, hours_ago=0)
            bought[:] = [("user-1" if who == cookie else who, when, spent) for who, when, spent in bought]
        if week == 57:
            gone = profile_of(workspace, "user_id", "user-2")
            profile_services.erase(workspace=workspace, profile=gone, by=SYSTEM, now=now)
            bought[:] = [one for one in bought if one[0] != "user-2"]
        retention.retain(workspace=workspace, now=now)
        if week > 40 and week % 3 == 0:
            check(workspace, bought, now)
    assert Event.objects.filter(workspace=workspace, name="purchase").count() < len(bought)
    assert RfmPart.objects.exists()
    assert RfmMonth.objects.count() <= 6


def test_nothing_of_an_erased_profile_is_kept(workspace: Workspace, now: datetime) -> None:
    tell = teller(workspace, now)
    for who in ("anna", "ben"):
        tell("purchase", user=who, hours_ago=24 * 170, revenue=9)
    later = now + timedelta(days=40)
    retention.retain(workspace=workspace, now=later)
    anna, ben = (profile_of(workspace, "user_id", who) for who in ("anna", "ben"))
    kept = [stored(month).profile.tolist() for month in RfmMonth.objects.all()]
    assert sorted([anna.pk, ben.pk]) in kept
    profile_services.erase(workspace=workspace, profile=anna, by=SYSTEM, now=later)
    assert all(anna.pk not in stored(month).profile.tolist() for month in RfmMonth.objects.all())
    assert [ben.pk] in [stored(month).profile.tolist() for month in RfmMonth.objects.all()]


def test_another_currency_keeps_nothing_of_the_old_one(workspace: Workspace, now: datetime) -> None:
    teller(workspace, now)("purchase", user="anna", hours_ago=24 * 170, revenue=9)
    later = now + timedelta(days=40)
    retention.retain(workspace=workspace, now=later)
    assert rfm.report(workspace, now=later).months[-1].is_whole
    workspace.currency = "USD"
    workspace.save()
    assert not rfm.report(workspace, now=later).months[0].is_whole
    retention.retain(workspace=workspace, now=later + timedelta(days=1))
    assert not RfmMonth.objects.filter(currency="EUR").exists()


def test_orders_of_one_owner_come_together() -> None:
    told = by_owner(*(np.array(values, np.int64) for values in ([7, 3, 7], [4, 1, 9], [1, 2, 5], [10, 20, 30])))
    assert [told.profile.tolist(), told.recency.tolist()] == [[3, 7], [1, 4]]
    assert [told.orders.tolist(), told.spend.tolist()] == [[2, 6], [20, 40]]


def test_packed_orders_are_unpacked_again() -> None:
    profile = np.array([1, 65_535, 65_536, 2**40], np.int64)
    told = Orders(profile, np.array([0, 366, 9, 1]), np.array([1, 70_000, 2, 3]), np.array([0, -5, 2**60, 7]))
    pieces = list(packed(told))
    lengths = np.array([len(records) for _, records in pieces], np.int64)
    part = np.array([number for number, _ in pieces], np.int64)
    again = unpacked(part, lengths, b"".join(records for _, records in pieces))
    for name in ("profile", "recency", "orders", "spend"):
        assert getattr(again, name).tolist() == getattr(told, name).tolist()
