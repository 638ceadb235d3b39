"""RFM from events: query, API, page and segments."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from cdp.definitions.condition_reading import parse_condition
from cdp.models import Profile, Retention, Segment, SegmentDay
from cdp.queries import rfm
from cdp.queries.engine import fresh_engine
from cdp.queries.segment_answers import members
from cdp.queries.segment_members import members_of
from cdp.services import segment_history, segment_members
from cdp.services import segments as segment_services
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, profile_of, teller

API = "/api/v1/cdp/rfm"
PAGE = "/dashboard/cdp/rfm"
DAY = 24


@pytest.fixture
def tell(workspace: Workspace, now: datetime) -> Tell:
    return teller(workspace, now)


@pytest.fixture
def shop(workspace: Workspace, tell: Tell) -> dict[str, Profile]:
    """Anna bought often and lately, Ben once long ago, Cleo in dollars; Dora only looked."""
    for order in range(10):
        tell("purchase", user="anna", hours_ago=DAY * (2 + order), revenue=120.5, currency="EUR")
    tell("purchase", user="ben", hours_ago=DAY * 100 + 5, revenue=30)
    tell("purchase", user="cleo", hours_ago=DAY * 40, revenue=900, currency="USD")
    tell("view_content", user="dora", hours_ago=3)
    return {who: profile_of(workspace, "user_id", who) for who in ("anna", "ben", "cleo", "dora")}


def test_recency_orders_and_spend(workspace: Workspace, shop: dict[str, Profile], now: datetime) -> None:
    found = rfm.current(workspace, now=now)
    people = [shop[who].pk for who in ("anna", "ben", "cleo")]
    assert found.profile.tolist() == people
    assert found.recency.tolist() == [2, 100, 40]
    assert found.orders.tolist() == [10, 1, 1]
    assert found.spend.tolist() == [1_205_000_000, 30_000_000, 0]
    assert rfm.foreign(workspace, fresh_engine(workspace), now) == 1
    codes = ["".join(str(found.value(f"rfm_{letter}", key)) for letter in "rfm") for key in people]
    assert codes == ["545", "211", "311"]
    assert [found.value("rfm_group", key) for key in people] == ["Champions", "Hibernating", "New Customers"]
    assert found.value("rfm_group", shop["dora"].pk) == "No purchases"
    assert found.value("rfm_r", shop["dora"].pk) is None


def test_orders_before_the_look_back_do_not_count(workspace: Workspace, tell: Tell, now: datetime) -> None:
    days = rfm.look_back(workspace)
    tell("purchase", user="anna", hours_ago=DAY * days - 1, revenue=1)
    tell("purchase", user="ben", hours_ago=DAY * days + 1, revenue=1)
    assert rfm.current(workspace, now=now).profile.tolist() == [profile_of(workspace, "user_id", "anna").pk]


class TestReport:
    def test_groups_cells_and_shares_add_up(
        self, workspace: Workspace, shop: dict[str, Profile], now: datetime
    ) -> None:
        found = rfm.report(workspace, now=now)
        assert (found.customers, found.others, found.is_relative, found.foreign) == (3, 1, False, 1)
        assert sum(line.size for line in found.groups) == sum(cell.size for cell in found.cells) == 3
        assert sum(line.revenue for line in found.groups) == 1235.0
        assert sum(line.revenue_share for line in found.groups) == pytest.approx(1)
        champions = next(line for line in found.groups if line.name == "Champions")
        assert (champions.size, champions.orders, champions.spend) == (1, 10, 1205)

    def test_months_that_have_lost_orders_are_marked(
        self, workspace: Workspace, shop: dict[str, Profile], now: datetime
    ) -> None:
        """Orders had expired before months began to keep what they came to."""
        assert all(month.is_whole for month in rfm.report(workspace, now=now).months)
        cut = now - timedelta(days=rfm.look_back(workspace) + 50)
        Retention.objects.create(workspace=workspace, days=180, cut_before=cut, removed=3, ran_at=now)
        found = rfm.report(workspace, now=now)
        assert found.kept_from == cut.date() + timedelta(days=1)
        assert [month.is_whole for month in found.months] == [False, False, False, False, True, True]

    def test_moves_since_the_month_began(self, workspace: Workspace, shop: dict[str, Profile], now: datetime) -> None:
        """It is 15 January: Anna bought this month only, Ben was still at 3 for recency on the first, Cleo stayed."""
        found = rfm.report(workspace, now=now)
        assert found.since == now.date().replace(day=1)
        told = {(move.before, move.after): move.size for move in found.moves}
        assert told == {("No purchases", "Champions"): 1, ("New Customers", "Hibernating"): 1}
        assert [sum(month.sizes) for month in found.months] == [0, 0, 0, 1, 1, 2]


class TestApi:
    def test_it_tells_groups_grid_and_moves(self, api: Client, shop: dict[str, Profile]) -> None:
        told = api.get(API).json()
        assert (told["customers"], told["no_purchases"], told["method"], told["currency"]) == (3, 1, "fixed", "EUR")
        sizes = {line["group"]: line["size"] for line in told["groups"] if line["size"]}
        assert sizes == {"Champions": 1, "Hibernating": 1, "New Customers": 1}
        champions = next(line for line in told["groups"] if line["group"] == "Champions")
        assert (champions["revenue"], champions["mean_spend"]) == ("1205.00", "1205.00")
        assert {line["mean_spend"] for line in told["groups"] if not line["size"]} == {None}
        assert {cell["revenue"] for cell in told["grid"]} == {"1205.00", "30.00", "0.00"}
        assert len(told["grid"]) == 25
        assert {(cell["r"], cell["f"]) for cell in told["grid"] if cell["size"]} == {(5, 4), (2, 1), (3, 1)}

    def test_nobody(self, api: Client) -> None:
        told = api.get(API).json()
        assert (told["customers"], told["moves"]) == (0, [])

    def test_cut_offs_are_changed_and_used(self, api: Client, shop: dict[str, Profile]) -> None:
        assert api.get(f"{API}/cut-offs").json()["recency"] == [7, 30, 90, 180]
        body = {"recency": [1, 2, 3, 100], "orders": [10, 8, 4, 1], "spend": [2000, 1500.5, 1000, 30]}
        answer = api.put(f"{API}/cut-offs", body, content_type="application/json")
        assert (answer.status_code, answer.json()) == (200, body)
        filled = {(cell["r"], cell["f"]) for cell in api.get(API).json()["grid"] if cell["size"]}
        assert filled == {(4, 5), (2, 2)}

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("recency", [30, 7, 90, 180]),
            ("recency", [7, 30, 90]),
            ("recency", [7, 7, 90, 180]),
            ("orders", [2, 5, 10, 20]),
            ("orders", [20.5, 10, 5, 2]),
            ("spend", [1000, 500, 200, -1]),
            ("spend", "1000 500 200 50"),
            ("spend", [True, 500, 200, 50]),
            ("more", [1]),
        ],
    )
    def test_rubbish_is_refused_at_its_place(self, api: Client, field: str, value: object) -> None:
        body: dict[str, Any] = api.get(f"{API}/cut-offs").json() | {field: value}
        answer = api.put(f"{API}/cut-offs", body, content_type="application/json")
        assert answer.status_code == 422
        assert [one["pointer"] for one in answer.json()["errors"]] == [f"/{field}"]
        assert api.get(f"{API}/cut-offs").json()["orders"] == [20, 10, 5, 2]

    def test_nothing_of_another_workspace(
        self, api: Client, shop: dict[str, Profile], other_workspace: Workspace, tell: Tell
    ) -> None:
        tell("purchase", user="eve", hours_ago=1, where=other_workspace, revenue=1)
        assert api.get(API).json()["customers"] == 3


class TestPage:
    def test_grid_groups_and_people(self, as_bob: Client, shop: dict[str, Profile]) -> None:
        page = as_bob.get(PAGE).content.decode()
        assert "Champions" in page and "Moves since" in page
        people = as_bob.get(f"{PAGE}/people", {"group": "Champions"}).content.decode()
        assert f"/profiles/{shop['anna'].pk}" in people and f"/profiles/{shop['ben'].pk}" not in people
        cell = as_bob.get(f"{PAGE}/people", {"r": "2", "f": "1"}).content.decode()
        assert f"/profiles/{shop['ben'].pk}" in cell and f"/profiles/{shop['anna'].pk}" not in cell
        assert as_bob.get(f"{PAGE}/people", {"r": "9", "f": "1"}).status_code == 404

    def test_empty(self, as_bob: Client) -> None:
        assert "No customers yet" in as_bob.get(PAGE).content.decode()

    def test_cut_offs(self, as_bob: Client, shop: dict[str, Profile]) -> None:
        typed = {"recency": "1 2 3 4", "orders": "9, 8, 7, 6", "spend": "10.5 10 9 8"}
        assert as_bob.post(f"{PAGE}/cut-offs", typed).status_code == 302
        assert 'value="9 8 7 6"' in as_bob.get(PAGE).content.decode()
        wrong = as_bob.post(f"{PAGE}/cut-offs", typed | {"orders": "many"})
        assert wrong.status_code == 422
        assert 'value="many"' in wrong.content.decode()

    def test_the_sheet_has_every_customer(self, as_bob: Client, shop: dict[str, Profile]) -> None:
        lines = b"".join(as_bob.get(f"{PAGE}/csv").streaming_content).decode().splitlines()  # type: ignore[attr-defined]
        assert len(lines) == 4
        assert lines[1] == f"{shop['anna'].pk},Champions,5,4,5,2,10,1205.0,EUR"


class TestSegments:
    def test_a_group_becomes_a_segment_of_the_same_people(
        self, as_bob: Client, shop: dict[str, Profile], workspace: Workspace, tell: Tell, now: datetime
    ) -> None:
        as_bob.post(f"{PAGE}/segment", {"group": "Champions"})
        made = Segment.objects.get(name="RFM: Champions")
        segment_members.keep_current(workspace, now=now)
        assert members_of(workspace, made).tolist() == [shop["anna"].pk]
        as_bob.post(f"{PAGE}/segment", {"r": "2", "f": "1"})
        cell = Segment.objects.exclude(pk=made.pk).get()
        segment_members.keep_current(workspace, now=now)
        assert members_of(workspace, cell).tolist() == [shop["ben"].pk]
        later = now + timedelta(days=60)
        segment_members.keep_current(workspace, now=later)
        assert members_of(workspace, made).tolist() == []

    def test_preview_and_why(self, api: Client, shop: dict[str, Profile], by_alice: Actor) -> None:
        condition = {"type": "profile", "field": "traits.rfm_group", "op": "eq", "value": "No purchases"}
        body: dict[str, Any] = {"condition": condition}
        told = api.post("/api/v1/cdp/segments/preview", body, content_type="application/json").json()
        assert told["size"] == 1
        body["profile"] = shop["anna"].pk
        why = api.post("/api/v1/cdp/segments/explain", body, content_type="application/json").json()
        assert not why["is_in"] and why["parts"][0]["evidence"] == "traits.rfm_group is Champions"

    def test_an_order_moves_everybody_whom_it_concerns_at_once(
        self,
        workspace: Workspace,
        by_alice: Actor,
        tell: Tell,
        now: datetime,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        """Among fifty customers one more order takes a score from another one."""
        for number in range(50):
            tell("purchase", user=f"user-{number}", hours_ago=DAY * (1 + number % 40), revenue=10 + number)
        made = [
            segment_services.create(
                workspace=workspace, by=by_alice, name=f"{name} {score}", description="",
                condition={"type": "profile", "field": f"traits.rfm_{name}", "op": "eq", "value": score}, now=now,
            )
            for name in "rfm"
            for score in (1, 5)
        ]  # fmt: skip
        decided: list[int | None] = []
        plan = segment_members._plan

        def planned(*args: Any) -> Any:
            for work in plan(*args):
                decided.append(None if work.asked is None else len(work.asked))
                yield work

        monkeypatch.setattr(segment_members, "_plan", planned)
        for turn in range(8):
            at = now + timedelta(minutes=4 * turn)
            for buyer in range(turn):
                tell("purchase", user=f"user-{(turn * 7 + buyer * 3) % 50}", hours_ago=0, revenue=5_000 * turn)
            decided.clear()
            with django_capture_on_commit_callbacks(execute=True):
                segment_members.keep_current(workspace, now=at)
            for segment in made:
                wanted = members(
                    workspace, fresh_engine(workspace), parse_condition(segment.condition), include_anonymous=False,
                    now=at,
                )  # fmt: skip
                assert members_of(workspace, segment).tolist() == wanted.tolist(), (turn, segment.name)
            if turn:
                assert all(count is not None and count < 50 for count in decided), decided

    def test_the_past_is_reconstructed_where_no_order_has_expired(
        self, as_bob: Client, shop: dict[str, Profile], workspace: Workspace, now: datetime
    ) -> None:
        as_bob.post(f"{PAGE}/segment", {"group": "Champions"})
        segment_members.keep_current(workspace, now=now)
        while segment_history.reconstruct(workspace, now=now):
            pass
        days = {one.day: one.size for one in SegmentDay.objects.filter(reconstructed=True)}
        assert days[(now - timedelta(days=1)).date()] == 1
        assert days[(now - timedelta(days=50)).date()] == 0

    def test_a_score_that_is_none_is_refused(self, api: Client) -> None:
        condition = {"type": "profile", "field": "traits.rfm_x", "op": "eq", "value": 1}
        answer = api.post("/api/v1/cdp/segments/preview", {"condition": condition}, content_type="application/json")
        assert answer.status_code == 422
