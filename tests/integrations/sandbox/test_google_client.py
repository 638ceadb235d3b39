"""Google's client against its fake over real HTTP: streams, micros, tokens, managers, and every error."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import orjson
import pytest

from integrations.base import Change
from integrations.google_ads import tokens
from integrations.google_ads.client import GoogleAdsClient
from integrations.google_ads.platform import GoogleAdsPlatform
from integrations.google_ads.tokens import Grant, Tokens
from integrations.sandbox import demo
from integrations.sandbox.google import FakeGoogle, quota_exhausted
from integrations.sandbox.server import serving
from integrations.sandbox.wire import Mishap, Reply, Request, reply
from integrations.sandbox.world import Shop
from stratum.lib.http import Garbled, Gone, NotAuthorised, Rejected, Session, Throttled, Unreachable

ACCOUNT = demo.GOOGLE_ACCOUNT


@dataclass(slots=True)
class Stage:
    fake: FakeGoogle
    url: str
    now: datetime
    heard: list[Request]

    def platform(
        self, manager: str = "", actions: dict[str, str] | None = None, developer_token: str = ""
    ) -> GoogleAdsPlatform:
        token_caller = Tokens(
            Session(self.url, read_timeout=1.0), "token", Grant("c", "s", "sandbox"), now=lambda: self.now
        )
        client = GoogleAdsClient(
            Session(f"{self.url}/v26", read_timeout=1.0),
            token_caller,
            now=lambda: self.now,
            login_customer_id=manager,
            developer_token=developer_token,
        )
        return GoogleAdsPlatform(client, now=lambda: self.now, login_customer_id=manager, conversion_actions=actions)

    def id_of(self, name: str) -> str:
        return next(node.id for node in self.fake.world.nodes.values() if node.name == name)


@pytest.fixture
def stage(now: datetime) -> Iterator[Stage]:
    tokens._known.clear()
    fake = FakeGoogle(demo.google(now), now=lambda: now)
    heard: list[Request] = []

    def answer(request: Request):  # type: ignore[no-untyped-def]
        heard.append(request)
        return fake.answer(request)

    with serving(answer) as url:
        yield Stage(fake, url, now, heard)


def error(kind: str, code: str, status: int = 400):  # type: ignore[no-untyped-def]
    failure = {"errors": [{"errorCode": {kind: code}, "message": "No."}], "requestId": "r-1"}
    return reply({"error": {"code": status, "message": "No.", "status": "X", "details": [failure]}}, status)


def test_one_access_token_serves_many_calls(stage: Stage) -> None:
    assert [one.id for one in stage.platform().accounts()] == [ACCOUNT]
    assert list(stage.platform().entities(ACCOUNT))
    assert [request.path for request in stage.heard].count("/token") == 1
    assert "refresh_token" not in stage.heard[-1].params


def test_an_access_token_that_ended_is_renewed_once(stage: Stage) -> None:
    platform = stage.platform()
    platform.accounts()
    stage.fake.expire_access_tokens()
    assert list(platform.entities(ACCOUNT))
    assert [request.path for request in stage.heard].count("/token") == 2


def test_a_permission_that_was_taken_back(stage: Stage) -> None:
    stage.fake.world.revoked = True
    with pytest.raises(NotAuthorised, match="Token has been expired or revoked"):
        stage.platform().login()


def test_accounts_behind_a_manager(stage: Stage) -> None:
    world = stage.fake.world
    world.accounts["9990001111"] = Shop("9990001111", "Agency", "USD", "UTC", manager="9990001111")
    world.accounts[ACCOUNT].manager = "9990001111"
    with pytest.raises(Rejected, match="manager accounts only"):
        stage.platform().accounts()
    with pytest.raises(NotAuthorised, match="permission to access customer"):
        list(stage.platform().entities(ACCOUNT))
    found = stage.platform("999-000-1111").accounts()
    assert [one.id for one in found] == [ACCOUNT]
    assert stage.heard[-1].headers["login-customer-id"] == "9990001111"


def test_a_developer_token_is_sent_where_there_is_one(stage: Stage) -> None:
    stage.platform().accounts()
    assert "developer-token" not in stage.heard[-1].headers
    stage.platform(developer_token="dev-1").accounts()
    assert stage.heard[-1].headers["developer-token"] == "dev-1"
    assert all("/v26/" in one.path or one.path == "/token" for one in stage.heard)


def test_budgets_are_written_in_micros(stage: Stage) -> None:
    brand = stage.id_of("Search - Brand")
    written = stage.platform().write(ACCOUNT, Change("campaign", brand, "budget", Decimal("95.50")))
    assert written.request_id
    sent = stage.heard[-1].json()
    [operation] = sent["operations"]
    assert operation["update"]["amountMicros"] == "95500000"
    assert (operation["updateMask"], sent["validateOnly"]) == ("amountMicros", False)
    assert stage.platform().read(ACCOUNT, "campaign", brand).budget.amount == Decimal("95.5")  # type: ignore[union-attr]


def test_validating_changes_nothing(stage: Stage) -> None:
    brand = stage.id_of("Search - Brand")
    assert stage.platform().validate(ACCOUNT, Change("campaign", brand, "budget", Decimal(100))).accepted
    assert stage.heard[-1].json()["validateOnly"] is True
    assert stage.platform().read(ACCOUNT, "campaign", brand).budget.amount == 90  # type: ignore[union-attr]


def test_a_shared_budget_names_whom_it_moves(stage: Stage) -> None:
    boots, tents = stage.id_of("Search - Hiking Boots"), stage.id_of("Search - Tents")
    assert stage.platform().read(ACCOUNT, "campaign", boots).budget.shared_with == ("Search - Tents",)  # type: ignore[union-attr]
    stage.platform().write(ACCOUNT, Change("campaign", boots, "budget", Decimal(300)))
    assert stage.platform().read(ACCOUNT, "campaign", tents).budget.amount == 300  # type: ignore[union-attr]
    told = stage.platform().outside_changes(ACCOUNT, stage.now - timedelta(hours=1))
    assert {change.entity_id for change in told} == {boots, tents}


@pytest.mark.parametrize(
    ("kind", "name", "field", "after"),
    [
        ("adset", "Brand - Exact", "bid", Decimal("0.90")),
        ("adset", "Brand - Exact", "status", "paused"),
        ("creative", "Northlight Sale", "status", "paused"),
        ("campaign", "Search - Brand", "status", "paused"),
    ],
)
def test_bids_and_statuses(stage: Stage, kind: str, name: str, field: str, after: object) -> None:
    entity = stage.id_of(name)
    change = Change(kind, entity, field, after)  # type: ignore[arg-type]
    assert stage.platform().validate(ACCOUNT, change).accepted
    stage.platform().write(ACCOUNT, change)
    assert getattr(stage.platform().read(ACCOUNT, kind, entity), field) == after  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "name", "field", "after", "service", "mask", "update"),
    [
        ("campaign", "Search - Brand", "status", "paused", "campaigns", "status", {"status": "PAUSED"}),
        ("adset", "Brand - Exact", "bid", Decimal("0.90"), "adGroups", "cpcBidMicros", {"cpcBidMicros": "900000"}),
        (
            "campaign",
            "Performance Max - Camping",
            "bid",
            Decimal(25),
            "campaigns",
            "maximizeConversions.targetCpaMicros",
            {"maximizeConversions": {"targetCpaMicros": "25000000"}},
        ),
    ],
)
def test_each_change_has_its_operation(
    stage: Stage, kind: str, name: str, field: str, after: object, service: str, mask: str, update: dict
) -> None:
    entity = stage.id_of(name)
    if field == "bid" and kind == "campaign":
        stage.fake.world.nodes[entity].bid = Decimal(30)  # its target CPA
    stage.platform().write(ACCOUNT, Change(kind, entity, field, after))  # type: ignore[arg-type]
    assert stage.heard[-1].path == f"/v26/customers/{ACCOUNT}/{service}:mutate"
    [operation] = stage.heard[-1].json()["operations"]
    assert operation["updateMask"] == mask
    assert operation["update"] == {"resourceName": f"customers/{ACCOUNT}/{service}/{entity}", **update}
    assert getattr(stage.platform().read(ACCOUNT, kind, entity), field) == after  # type: ignore[arg-type]


def test_a_validation_that_is_fine_is_an_empty_object_and_a_write_is_not(stage: Stage) -> None:
    brand = stage.id_of("Search - Brand")
    change = Change("campaign", brand, "budget", Decimal(100))
    stage.fake.mishaps.add(Mishap("reply", path=":mutate", reply=reply({}), times=2))
    assert stage.platform().validate(ACCOUNT, change).accepted
    with pytest.raises(Garbled, match="without a result"):
        stage.platform().write(ACCOUNT, change)


@pytest.mark.parametrize("amount", [Decimal("0.001"), Decimal(0), Decimal(-5)])
def test_amounts_that_cannot_be(stage: Stage, amount: Decimal) -> None:
    brand = stage.id_of("Search - Brand")
    told = stage.platform().validate(ACCOUNT, Change("campaign", brand, "budget", amount))
    assert not told.accepted and "positive" in told.sentence


def test_a_campaign_without_a_target_takes_no_bid(stage: Stage) -> None:
    change = Change("campaign", stage.id_of("Search - Brand"), "bid", Decimal(3))
    assert not stage.platform().validate(ACCOUNT, change).accepted
    with pytest.raises(Rejected, match="no bid of its own"):
        stage.platform().write(ACCOUNT, change)


def test_one_conversion_action_counts(stage: Stage) -> None:
    day = stage.now.date() - timedelta(days=9)
    carts = f"customers/{ACCOUNT}/conversionActions/1002"
    for row, cart in zip(
        stage.platform().metrics(ACCOUNT, day, day),
        stage.platform(actions={ACCOUNT: carts}).metrics(ACCOUNT, day, day),
        strict=True,
    ):
        assert (cart.spend, cart.entity_id) == (row.spend, row.entity_id)
        assert cart.conversions == 4 * row.conversions


def test_simulations_are_a_day_of_it(stage: Stage) -> None:
    points = stage.platform().simulation(ACCOUNT, stage.id_of("Search - Brand"))
    assert [point.budget for point in points] == sorted(point.budget for point in points)
    present = next(point for point in points if point.budget == 90)
    assert present.conversions == pytest.approx(Decimal("8.5"))
    assert stage.platform().simulation(ACCOUNT, stage.id_of("Search - Tents")) == []


def test_recommendations_that_google_applies_by_itself(stage: Stage) -> None:
    stage.fake.world.rules += [{"type": "CAMPAIGN_BUDGET"}, {"type": "KEYWORD"}]
    [one] = stage.platform().automations(ACCOUNT, "campaign", stage.id_of("Search - Brand"))
    assert one.fields == ("budget",)


@pytest.mark.parametrize(
    ("kind", "code", "status", "fate"),
    [
        ("authenticationError", "OAUTH_TOKEN_REVOKED", 403, NotAuthorised),
        ("authorizationError", "USER_PERMISSION_DENIED", 403, NotAuthorised),
        ("internalError", "TRANSIENT_ERROR", 500, Unreachable),
        ("mutateError", "RESOURCE_NOT_FOUND", 400, Gone),
        ("authenticationError", "CUSTOMER_NOT_FOUND", 400, Gone),
        ("queryError", "UNRECOGNIZED_FIELD", 400, Rejected),
    ],
)
def test_each_error_has_its_fate(stage: Stage, kind: str, code: str, status: int, fate: type[Exception]) -> None:
    stage.fake.mishaps.add(Mishap("reply", path="searchStream", reply=error(kind, code, status), times=2))
    with pytest.raises(fate, match="No"):
        list(stage.platform().entities(ACCOUNT))


def test_errors_of_the_stream_come_in_a_list(stage: Stage) -> None:
    with pytest.raises(Gone, match="No customer found"):
        list(stage.platform().entities("1234567890"))


def test_a_stream_comes_in_chunks(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(stage.platform().entities(ACCOUNT))
    monkeypatch.setattr("integrations.sandbox.google.CHUNK", 2)
    assert list(stage.platform().entities(ACCOUNT)) == whole


def test_an_error_in_the_stream_counts_even_with_200(stage: Stage) -> None:
    told = error("authorizationError", "USER_PERMISSION_DENIED", 403)
    stage.fake.mishaps.add(Mishap("reply", path="searchStream", reply=Reply(200, b"[" + told.body + b"]")))
    with pytest.raises(NotAuthorised):
        list(stage.platform().entities(ACCOUNT))


def test_who_changed_it_and_with_what(stage: Stage) -> None:
    brand = stage.id_of("Search - Brand")
    world, at = stage.fake.world, stage.now - timedelta(hours=2)
    world.set_amount(world.payer(world.nodes[brand]), Decimal(95), at, "", "GOOGLE_ADS_RECOMMENDATIONS_SUBSCRIPTION")
    world.set_status(world.nodes[brand], "paused", at, "maya@example.com")
    told = stage.platform().outside_changes(ACCOUNT, stage.now - timedelta(days=1))
    found = {(one.entity_id, one.field, one.by, one.changed_at) for one in told}
    assert found == {
        (brand, "budget", "GOOGLE_ADS_RECOMMENDATIONS_SUBSCRIPTION", at),
        (brand, "status", "maya@example.com", at),
    }


def test_a_refusal_keeps_googles_words_the_place_and_the_request(stage: Stage) -> None:
    brand = stage.id_of("Search - Brand")
    place = {"fieldPathElements": [{"fieldName": "operations", "index": 0}, {"fieldName": "amountMicros"}]}
    one = {"errorCode": {"campaignBudgetError": "MONEY_AMOUNT_TOO_LARGE"}, "message": "Too large.", "location": place}
    one["trigger"] = {"int64Value": "95000000"}
    told = {"code": 400, "message": "Invalid.", "details": [{"errors": [one], "requestId": "r-77"}]}
    stage.fake.mishaps.add(Mishap("reply", path=":mutate", reply=reply({"error": told}, 400)))
    with pytest.raises(Rejected, match="Too large") as refused:
        stage.platform().write(ACCOUNT, Change("campaign", brand, "budget", Decimal(95)))
    assert (refused.value.code, refused.value.request_id) == ("MONEY_AMOUNT_TOO_LARGE", "r-77")
    assert [fault.pointer for fault in refused.value.faults] == ["/operations/amountMicros"]


@pytest.mark.parametrize(("delay", "seconds"), [("1.5s", 1.5), ("3600s", 3600), ("", 30), ("soon", 30)])
def test_a_delay_is_read_as_json_writes_durations(stage: Stage, delay: str, seconds: float) -> None:
    stage.fake.mishaps.add(Mishap("reply", path="searchStream", reply=quota_exhausted(delay)))
    with pytest.raises(Throttled) as told:
        list(stage.platform().entities(ACCOUNT))
    assert told.value.retry_at == stage.now + timedelta(seconds=seconds)


def test_the_budget_that_a_campaign_was_seen_with_is_not_read_again(stage: Stage) -> None:
    platform, brand = stage.platform(), stage.id_of("Search - Brand")
    platform.read(ACCOUNT, "campaign", brand)
    before = len(stage.heard)
    platform.validate(ACCOUNT, Change("campaign", brand, "budget", Decimal(95)))
    platform.write(ACCOUNT, Change("campaign", brand, "budget", Decimal(95)))
    paths = [one.path.rpartition("/")[2] for one in stage.heard[before:]]
    assert paths == ["googleAds:searchStream", "campaignBudgets:mutate", "campaignBudgets:mutate"]  # the currency, once


def test_it_waits_as_long_as_it_is_told(stage: Stage) -> None:
    stage.fake.mishaps.add(Mishap("reply", path="searchStream", reply=quota_exhausted("45s")))
    with pytest.raises(Throttled) as told:
        list(stage.platform().entities(ACCOUNT))
    assert told.value.retry_at == stage.now + timedelta(seconds=45)


@pytest.mark.parametrize(("kind", "applied"), [("drop_before", False), ("drop_after", True)])
def test_a_lost_answer_to_a_write_is_unknown_until_read_back(stage: Stage, kind: str, applied: bool) -> None:
    brand = stage.id_of("Search - Brand")
    stage.fake.mishaps.add(Mishap(kind, path="campaignBudgets:mutate"))  # type: ignore[arg-type]
    with pytest.raises(Unreachable):
        stage.platform().write(ACCOUNT, Change("campaign", brand, "budget", Decimal(99)))
    assert stage.platform().read(ACCOUNT, "campaign", brand).budget.amount == (99 if applied else 90)  # type: ignore[union-attr]


def test_a_lost_answer_to_a_question_is_asked_for_again(stage: Stage) -> None:
    stage.fake.mishaps.add(Mishap("drop_after", path="searchStream"))
    assert list(stage.platform().entities(ACCOUNT))


def test_nothing_but_numbers_goes_into_a_query(stage: Stage) -> None:
    with pytest.raises(Rejected, match="no number"):
        stage.platform().read(ACCOUNT, "campaign", "1 OR campaign.id > 0")


def test_int64_are_text_and_unset_fields_absent(stage: Stage) -> None:
    list(stage.platform().entities(ACCOUNT))
    query = {"query": "SELECT campaign.id, campaign.maximize_conversions.target_cpa_micros FROM campaign LIMIT 1"}
    headers = {"authorization": f"Bearer {stage.fake._access()}"}
    path = f"/v26/customers/{ACCOUNT}/googleAds:searchStream"
    [chunk] = orjson.loads(stage.fake.answer(Request("POST", path, {}, headers, orjson.dumps(query))).body)
    [row] = chunk["results"]
    assert isinstance(row["campaign"]["id"], str)
    assert "maximizeConversions" not in row["campaign"]
