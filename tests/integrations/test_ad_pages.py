"""The pages of ad platforms: what they show, who may, and what they say when something is wrong."""

from datetime import datetime

import pytest
from django.test import Client

from integrations.models import AdAccount, AdConnection, AdEntity
from integrations.sandbox import demo
from integrations.services import ad_sync
from stratum.workspaces.models import User, Workspace
from tests.conftest import SignIn
from tests.integrations.conftest import META_SECRETS, Fakes

PLACE = "/dashboard/integrations/ad-platforms"


@pytest.fixture
def read(sandboxes: dict[str, AdAccount], now: datetime) -> dict[str, AdAccount]:
    for account in sandboxes.values():
        ad_sync.sync(connection_id=account.connection_id, now=now)
    return sandboxes


@pytest.fixture
def alices(sign_in: SignIn, alice: User) -> Client:
    return sign_in(alice)


def test_the_overview_says_how_everything_is_doing(alices: Client, read: dict[str, AdAccount]) -> None:
    shown = alices.get("/dashboard/integrations").content.decode()
    assert "Google Ads, Meta: 2 ad accounts." in shown
    assert "Connected" in shown


def test_the_first_page_shows_the_spend(alices: Client, read: dict[str, AdAccount]) -> None:
    shown = " ".join(alices.get("/dashboard/").content.decode().split())
    assert "Ad spend" in shown and "conversions in 30 days" in shown


def test_nothing_connected_invites(alices: Client) -> None:
    shown = alices.get(PLACE).content.decode()
    assert "No ad platform is connected yet" in shown
    assert f"{PLACE}/connect/google" in shown


def test_the_list_has_figures_and_the_meter(alices: Client, read: dict[str, AdAccount]) -> None:
    shown = alices.get(PLACE).content.decode()
    assert "Northlight Outdoor" in shown and "Sandbox" in shown
    assert "2 of 15" in " ".join(shown.split()) or "2 / 15" in " ".join(shown.split())
    assert "USD" in shown


@pytest.mark.parametrize("kind", ["campaign", "adset", "creative"])
def test_the_browser_shows_each_level(alices: Client, read: dict[str, AdAccount], kind: str) -> None:
    answer = alices.get(f"{PLACE}/entities", {"kind": kind})
    assert answer.status_code == 200
    names = set(AdEntity.objects.filter(kind=kind).values_list("name", flat=True))
    assert all(name in answer.content.decode() for name in names)


def test_the_browser_filters_sorts_and_answers_fragments(alices: Client, read: dict[str, AdAccount]) -> None:
    asked = {"q": "holiday", "account": read["meta"].pk, "status": "active", "sort": "roas"}
    shown = alices.get(f"{PLACE}/entities", asked, headers={"HX-Request": "true"}).content.decode()
    assert "Holiday Promo 2026" in shown and "Summer Sale" not in shown
    assert "<html" not in shown
    assert "Nothing is like this" in alices.get(f"{PLACE}/entities", {"q": "nobody"}).content.decode()


@pytest.mark.parametrize("query", ["account=x", "account=99999999999999999999", "kind=x", "page=0", "sort=;"])
def test_what_cannot_be_read_counts_as_not_asked(alices: Client, read: dict[str, AdAccount], query: str) -> None:
    assert alices.get(f"{PLACE}/entities?{query}").status_code == 200


def test_one_campaign_with_its_days(alices: Client, read: dict[str, AdAccount]) -> None:
    boots = AdEntity.objects.get(name="Search - Hiking Boots")
    shown = alices.get(f"{PLACE}/entities/{boots.pk}").content.decode()
    assert "shared with Search - Tents" in shown
    assert "21 days with delivery" in shown
    assert "240.00 USD" in shown


def test_the_csv_has_every_row(alices: Client, read: dict[str, AdAccount]) -> None:
    answer = alices.get(f"{PLACE}/entities.csv", {"kind": "campaign"})
    lines = b"".join(answer).decode().splitlines()
    assert len(lines) == 1 + AdEntity.objects.filter(kind="campaign").count()
    assert lines[0].startswith("platform,account,kind,id,name")


def test_connecting_leads_to_the_accounts_and_on_to_a_sync(
    alices: Client, fakes: Fakes, workspace: Workspace, django_capture_on_commit_callbacks: object
) -> None:
    answer = alices.post(f"{PLACE}/connect/meta", META_SECRETS)
    connection = AdConnection.objects.get(workspace=workspace)
    assert answer["Location"] == f"{PLACE}/{connection.pk}/accounts"
    assert META_SECRETS["access_token"] not in connection.credentials
    offered = alices.get(answer["Location"]).content.decode()
    assert demo.META_ACCOUNT in offered
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        chosen = alices.post(answer["Location"], {"accounts": [demo.META_ACCOUNT]})
    assert chosen["Location"] == f"{PLACE}/{connection.pk}"
    shown = alices.get(chosen["Location"]).content.decode()
    assert "ending in <code>4321</code>" in shown
    assert META_SECRETS["access_token"] not in shown
    assert "Complete" in shown and "omni_purchase" in shown


def test_a_wrong_token_is_refused_beside_its_field(alices: Client, fakes: Fakes) -> None:
    answer = alices.post(f"{PLACE}/connect/meta", {"access_token": "wrong"})
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert "Meta no longer accepts the access token" in shown
    assert 'value="wrong"' not in shown
    assert not AdConnection.objects.exists()


def test_another_conversion_action_reads_everything_again(
    alices: Client, read: dict[str, AdAccount], django_capture_on_commit_callbacks: object
) -> None:
    account = read["google"]
    place = f"{PLACE}/accounts/{account.pk}/conversion-action"
    assert "Add to cart" in alices.get(place).content.decode()
    action = f"customers/{account.external_id}/conversionActions/1002"
    before = AdEntity.objects.get(name="Search - Brand").days.get(day="2026-01-02").conversions
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert alices.post(place, {"conversion_action": action}).status_code == 302
    assert AdEntity.objects.get(name="Search - Brand").days.get(day="2026-01-02").conversions == 4 * before
    assert alices.post(place, {"conversion_action": "nothing"}).status_code == 422


def test_disconnecting_deletes_the_credentials_and_keeps_the_past(
    alices: Client, read: dict[str, AdAccount], workspace: Workspace
) -> None:
    connection = read["meta"].connection
    alices.post(f"{PLACE}/{connection.pk}/disconnect")
    connection.refresh_from_db()
    assert (connection.state, connection.credentials, connection.token_hint) == ("disconnected", "", "")
    assert AdEntity.objects.filter(account=read["meta"]).exists()
    assert "Disconnected" in alices.get(PLACE).content.decode()


def test_a_stranger_finds_nothing(sign_in: SignIn, charlie: User, read: dict[str, AdAccount]) -> None:
    strange = sign_in(charlie)
    entity, connection = AdEntity.objects.first(), read["meta"].connection_id
    assert entity is not None
    for place in (f"entities/{entity.pk}", f"{connection}", f"{connection}/accounts", f"{connection}/credentials"):
        assert strange.get(f"{PLACE}/{place}").status_code == 404
    for place in (f"{connection}/sync", f"{connection}/disconnect", f"accounts/{read['meta'].pk}/conversion-action"):
        assert strange.post(f"{PLACE}/{place}").status_code == 404
    assert "Northlight" not in strange.get(f"{PLACE}/entities").content.decode()
    assert "Northlight" not in strange.get(PLACE).content.decode()


def test_an_analyst_looks_and_does_not_connect(sign_in: SignIn, bob: User, read: dict[str, AdAccount]) -> None:
    bobs = sign_in(bob)
    assert "Connect Meta" not in bobs.get(PLACE).content.decode()
    assert bobs.get(f"{PLACE}/connect/meta").status_code == 403
    assert bobs.post(f"{PLACE}/{read['meta'].connection_id}/disconnect").status_code == 403
