"""What the tests of ad platforms stand on: sandboxes in the database, and fakes over real HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from django.conf import settings as django_settings

from integrations.google_ads import tokens
from integrations.models import AdAccount, AdConnection
from integrations.sandbox import demo
from integrations.sandbox.google import FakeGoogle
from integrations.sandbox.meta import FakeMeta
from integrations.sandbox.server import serving
from integrations.services import ad_connections, ad_sync, sample
from stratum.lib import clock
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

META_SECRETS = {"access_token": "EAAG-token-4321"}
GOOGLE_SECRETS = {"client_id": "client", "client_secret": "secret", "refresh_token": "1//refresh-8765"}


@pytest.fixture(autouse=True)
def short_backfill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three weeks instead of 90 days, for quick tests."""
    monkeypatch.setattr(ad_sync, "BACKFILL", 20)


@pytest.fixture
def sandboxes(workspace: Workspace, now: datetime) -> dict[str, AdAccount]:
    """The demo's accounts by platform."""
    sample.build(workspace, now)
    return {account.platform: account for account in AdAccount.objects.filter(workspace=workspace)}


@dataclass(frozen=True, slots=True)
class Fakes:
    meta: FakeMeta
    google: FakeGoogle


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, now: datetime) -> Iterator[Fakes]:
    """Both vendors on loopback; our settings lead to them."""
    meta = FakeMeta(demo.meta(now), now=lambda: clock.now())
    google = FakeGoogle(demo.google(now), now=lambda: clock.now())
    meta.world.token, google.world.token = META_SECRETS["access_token"], GOOGLE_SECRETS["refresh_token"]
    tokens._known.clear()
    with serving(meta.answer) as meta_url, serving(google.answer) as google_url:
        monkeypatch.setattr(django_settings, "META_API_URL", f"{meta_url}/v26.0")
        monkeypatch.setattr(django_settings, "GOOGLE_ADS_API_URL", f"{google_url}/v26")
        monkeypatch.setattr(django_settings, "GOOGLE_TOKEN_URL", f"{google_url}/token")
        yield Fakes(meta, google)


@pytest.fixture
def meta_connection(fakes: Fakes, workspace: Workspace, by_alice: Actor, now: datetime) -> AdConnection:
    return ad_connections.connect(workspace=workspace, by=by_alice, platform="meta", credentials=META_SECRETS, now=now)


@pytest.fixture
def meta_account(meta_connection: AdConnection, workspace: Workspace, by_alice: Actor, now: datetime) -> AdAccount:
    [account] = ad_connections.choose_accounts(
        workspace=workspace, by=by_alice, connection_id=meta_connection.pk, account_ids=[demo.META_ACCOUNT], now=now
    )
    return account
