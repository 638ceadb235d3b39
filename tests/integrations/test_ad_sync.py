"""The hourly reading: what it stores, how it goes on after trouble, and what it tells the trust layer."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import orjson
import pytest

from integrations.base import Change
from integrations.google_ads import tokens
from integrations.models import AdAccount, AdConnection, AdDay, AdEntity, AdSyncRun, SandboxState
from integrations.sandbox import demo
from integrations.sandbox.meta import _error
from integrations.sandbox.wire import Mishap
from integrations.services import ad_connections, ad_sync, sample
from integrations.services.ad_platforms import platform_of
from stratum.lib.http import Unreachable
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.conftest import MoveClock
from tests.integrations.conftest import GOOGLE_SECRETS, Fakes
from trustlayer.models import RecentCalls, SignalReading


def synced(account: AdAccount, now: datetime) -> AdSyncRun:
    run = ad_sync.sync(connection_id=account.connection_id, now=now)
    assert run is not None
    return run


def connection_of(account: AdAccount) -> AdConnection:
    return AdConnection.objects.get(pk=account.connection_id)


@pytest.mark.parametrize("platform", ["meta", "google"])
def test_it_stores_entities_and_ninety_days(
    sandboxes: dict[str, AdAccount], platform: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ad_sync, "BACKFILL", 90)
    account = sandboxes[platform]
    run = synced(account, now)
    assert (run.state, run.error, run.accounts) == ("succeeded", "", 1)
    entities = AdEntity.objects.filter(account=account)
    assert run.entities == entities.count() > 10
    assert entities.filter(kind="campaign", name__startswith="Holiday Promo 2026").get().parent is None
    assert not entities.exclude(kind="campaign").filter(parent=None).exists()
    days = AdDay.objects.filter(entity__account=account)
    assert run.days == days.count()
    assert days.order_by("day").first().day == date(2025, 10, 17)
    account.refresh_from_db()
    assert account.synced_until == date(2026, 1, 15)
    assert account.conversion_action


def test_a_shared_budget_names_the_other_campaign(sandboxes: dict[str, AdAccount], now: datetime) -> None:
    synced(sandboxes["google"], now)
    boots = AdEntity.objects.get(account=sandboxes["google"], name="Search - Hiking Boots")
    assert boots.details["budget_shared_with"] == ["Search - Tents"]


def test_again_it_reads_the_last_days_only_and_corrects_them(sandboxes: dict[str, AdAccount], now: datetime) -> None:
    account = sandboxes["meta"]
    first = synced(account, now)
    yesterday = AdDay.objects.filter(entity__account=account, entity__kind="campaign", day=now.date() - timedelta(1))
    before = sum(day.conversions for day in yesterday)
    again = ad_sync.sync(connection_id=account.connection_id, now=now)
    assert again is not None and again.days < first.days / 2
    assert sum(day.conversions for day in yesterday) == before


def test_time_brings_new_days_and_settles_old_ones(
    sandboxes: dict[str, AdAccount], now: datetime, move_clock: MoveClock
) -> None:
    account = sandboxes["meta"]
    synced(account, now)
    told = AdDay.objects.filter(entity__account=account, entity__kind="campaign", day=now.date() - timedelta(1))
    early = sum(day.conversions for day in told)
    later = now + timedelta(days=3)
    move_clock(later)
    synced(account, later)
    assert AdDay.objects.filter(entity__account=account, day=later.date()).exists()
    assert sum(day.conversions for day in told.all()) > early


def test_an_executed_change_moves_later_days(
    sandboxes: dict[str, AdAccount], now: datetime, move_clock: MoveClock
) -> None:
    account = sandboxes["meta"]
    synced(account, now)
    campaign = AdEntity.objects.get(account=account, name="Prospecting - Lookalike 2%")
    platform_of(account).write(account.external_id, Change("campaign", campaign.external_id, "budget", Decimal(520)))
    later = now + timedelta(days=20)
    move_clock(later)
    synced(account, later)
    campaign.refresh_from_db()
    assert campaign.budget == 520
    before = AdDay.objects.filter(entity=campaign, day__range=(now.date() - timedelta(16), now.date() - timedelta(2)))
    after = AdDay.objects.filter(entity=campaign, day__range=(now.date() + timedelta(2), now.date() + timedelta(16)))
    spend = [sum(day.spend for day in days) / 15 for days in (before, after)]
    conversions = [sum(day.conversions for day in days) / 15 for days in (before, after)]
    assert float(spend[1] / spend[0]) == pytest.approx(2.0, rel=0.03)
    assert float(conversions[1] / conversions[0]) == pytest.approx(2**0.7, rel=0.15)


def test_what_is_listed_no_longer_is_kept_as_removed(fakes: Fakes, meta_account: AdAccount, now: datetime) -> None:
    synced(meta_account, now)
    node = next(one for one in fakes.meta.world.nodes.values() if one.name == "Brand Awareness Q1")
    fakes.meta.world.set_status(node, "removed", now, "Maya")
    later = now + timedelta(hours=1)
    synced(meta_account, later)
    gone = AdEntity.objects.get(account=meta_account, external_id=node.id)
    assert gone.status == "removed"
    assert gone.days.exists()


def test_it_tells_the_trust_layer(sandboxes: dict[str, AdAccount], workspace: Workspace, now: datetime) -> None:
    synced(sandboxes["meta"], now)
    told = {one.signal: one for one in SignalReading.objects.filter(workspace=workspace, platform="meta")}
    assert told["emq"].reported and told["emq"].value == pytest.approx(8.3)
    assert told["freshness"].value == 0
    assert told["api_health"].value == 0
    assert set(RecentCalls.objects.get(workspace=workspace, platform="meta").outcomes) == {"a"}


def test_a_revoked_token_needs_attention_and_comes_back_with_new_credentials(
    fakes: Fakes,
    meta_account: AdAccount,
    workspace: Workspace,
    by_alice: Actor,
    now: datetime,
    move_clock: MoveClock,
) -> None:
    fakes.meta.world.revoked = True
    now += timedelta(hours=1)
    move_clock(now)
    run = synced(meta_account, now)
    connection = connection_of(meta_account)
    assert run.state == "failed"
    assert connection.state == "needs_attention"
    assert "Meta no longer accepts the access token" in connection.problem
    rate = SignalReading.objects.filter(workspace=workspace, platform="meta", signal="api_health").latest("observed_at")
    assert rate.value == 1.0
    fakes.meta.world.revoked, fakes.meta.world.token = False, "new-token-9999"
    ad_connections.reconnect(
        workspace=workspace,
        by=by_alice,
        connection_id=connection.pk,
        credentials={"access_token": "new-token-9999"},
        now=now,
    )
    assert synced(meta_account, now).state == "succeeded"
    assert connection_of(meta_account).state == "connected"
    assert connection_of(meta_account).token_hint == "9999"


def test_a_login_that_google_no_longer_accepts_lowers_api_health(
    fakes: Fakes, workspace: Workspace, by_alice: Actor, now: datetime, move_clock: MoveClock
) -> None:
    made = {"workspace": workspace, "by": by_alice}
    connection = ad_connections.connect(**made, platform="google", credentials=GOOGLE_SECRETS, now=now)
    chosen = {"connection_id": connection.pk, "account_ids": [demo.GOOGLE_ACCOUNT]}
    [account] = ad_connections.choose_accounts(**made, **chosen, now=now)
    fakes.google.world.revoked = True
    tokens._known.clear()
    move_clock(now + timedelta(hours=1))
    synced(account, now + timedelta(hours=1))
    assert connection_of(account).state == "needs_attention"
    rates = SignalReading.objects.filter(workspace=workspace, platform="google", signal="api_health")
    assert rates.latest("observed_at").value == 1.0


def test_answered_calls_are_noted_in_bundles_and_failures_at_once(
    fakes: Fakes, meta_account: AdAccount, workspace: Workspace, now: datetime, move_clock: MoveClock
) -> None:
    move_clock(now + timedelta(hours=1))
    calls = RecentCalls.objects.get(workspace=workspace, platform="meta")
    calls.outcomes = ""
    calls.save()
    platform = platform_of(meta_account)
    for expected in ("a", "a", "a"):
        platform.login()  # two calls each
        calls.refresh_from_db()
        assert calls.outcomes == expected
    fakes.meta.mishaps.add(Mishap("reply", reply=_error(2, "Sorry.", transient=True)))
    with pytest.raises(Unreachable):
        platform.login()
    calls.refresh_from_db()
    assert calls.outcomes == "a" * 6 + "f"
    move_clock(now + timedelta(hours=1, seconds=11))
    platform_of(meta_account).login()
    calls.refresh_from_db()
    assert calls.outcomes == "a" * 6 + "fa"


def test_a_login_that_works_again_needs_nobody(fakes: Fakes, meta_account: AdAccount, now: datetime) -> None:
    fakes.meta.world.revoked = True
    synced(meta_account, now)
    fakes.meta.world.revoked = False
    assert synced(meta_account, now + timedelta(hours=1)).state == "succeeded"
    assert connection_of(meta_account).problem == ""


def test_throttled_it_waits_as_long_as_it_was_told(fakes: Fakes, meta_account: AdAccount, now: datetime) -> None:
    usage = {"731400962218054": [{"call_count": 100, "estimated_time_to_regain_access": 30}]}
    header = {"X-Business-Use-Case-Usage": orjson.dumps(usage).decode()}
    said = _error(80004, "There have been too many calls to this ad-account.", headers=header)
    fakes.meta.mishaps.add(Mishap("reply", path="insights", reply=said))
    run = synced(meta_account, now)
    connection = connection_of(meta_account)
    assert run.state == "waiting"
    assert connection.waits_until == connection.next_sync_at == now + timedelta(minutes=30)
    assert ad_sync.sync(connection_id=connection.pk, now=now + timedelta(minutes=29)) is None
    assert synced(meta_account, now + timedelta(minutes=30)).state == "succeeded"


def test_at_three_quarters_of_the_limit_the_rest_of_a_list_waits(
    fakes: Fakes, meta_account: AdAccount, now: datetime
) -> None:
    header = {"X-App-Usage": orjson.dumps({"call_count": 76, "total_time": 3, "total_cputime": 1}).decode()}
    fakes.meta.mishaps.add(Mishap("headers", path="adsets", headers=header))
    run = synced(meta_account, now)
    assert run.state == "waiting"
    assert "76% of the calls" in run.error


def test_it_goes_on_where_it_was_interrupted(fakes: Fakes, meta_account: AdAccount, now: datetime) -> None:
    fakes.meta.mishaps.add(Mishap("reply", path="adspixels", reply=_error(2, "Service temporarily unavailable")))
    assert synced(meta_account, now).state == "failed"
    meta_account.refresh_from_db()
    assert meta_account.synced_until == now.date()
    connection = connection_of(meta_account)
    assert (connection.state, connection.next_sync_at) == ("connected", now + ad_sync.SOON)
    assert "Meta could not answer" in connection.problem


def test_two_workers_do_not_read_side_by_side(sandboxes: dict[str, AdAccount], now: datetime) -> None:
    account = sandboxes["meta"]
    AdSyncRun.objects.create(workspace=account.workspace, connection=account.connection, started_at=now)
    assert ad_sync.sync(connection_id=account.connection_id, now=now) is None
    assert synced(account, now + ad_sync.LOST_AFTER + timedelta(seconds=1)).state == "succeeded"
    assert AdSyncRun.objects.filter(state="failed").get().error == "Its worker was lost; the next one went on."


def test_the_tick_claims_what_is_due_once(sandboxes: dict[str, AdAccount], now: datetime) -> None:
    due = {one["connection_id"] for one in ad_sync.claim_due(now)}
    assert due == {account.connection_id for account in sandboxes.values()}
    assert list(ad_sync.claim_due(now)) == []
    assert len(list(ad_sync.claim_due(now + timedelta(hours=1)))) == 2


def test_a_disconnected_one_is_left_alone(
    sandboxes: dict[str, AdAccount], workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    account = sandboxes["meta"]
    ad_connections.disconnect(workspace=workspace, by=by_alice, connection_id=account.connection_id, now=now)
    assert [one["connection_id"] for one in ad_sync.claim_due(now)] == [sandboxes["google"].connection_id]
    assert ad_sync.sync(connection_id=account.connection_id, now=now) is None


def test_the_sample_is_removed_whole(sandboxes: dict[str, AdAccount], workspace: Workspace, now: datetime) -> None:
    synced(sandboxes["meta"], now)
    sample.build(workspace, now)
    assert AdConnection.objects.count() == 2
    sample.remove(workspace, now)
    for model in (AdConnection, AdAccount, AdEntity, AdDay, SandboxState, SignalReading, RecentCalls):
        assert not model.objects.exists(), model


def test_past_budgets_are_kept_where_somebody_changed_them(
    fakes: Fakes, meta_account: AdAccount, now: datetime, move_clock: MoveClock
) -> None:
    world = fakes.meta.world
    node = next(one for one in world.nodes.values() if one.pot and one.account == meta_account.external_id)

    def told(days: float) -> list[Decimal | None]:
        move_clock(now - timedelta(days=days))
        synced(meta_account, now - timedelta(days=days))
        values = AdEntity.objects.get(external_id=node.id).values.filter(field="budget")
        return list(values.order_by("seen_at").values_list("value", flat=True))

    def change(amount: int, days: float) -> None:
        world.set_amount(world.pots[node.pot], Decimal(amount), now - timedelta(days=days), "Maya")

    first = told(40)
    change(310, 35)
    assert told(35) == [*first, 310]
    assert told(34) == [*first, 310], "nothing is kept twice"
    change(420, 9)
    change(450, 2)
    assert told(1) == [310, 450], "what was in force thirty days ago stays, what was before it goes"
