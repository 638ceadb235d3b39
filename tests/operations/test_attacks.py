"""What a browser or a stranger might try, over every page and route at once."""

import logging
import re
from datetime import datetime

import pytest
from django.apps import apps
from django.db import models
from django.test import Client
from django.urls import get_resolver, reverse

from benchmarks.pages import filled, routes
from cdp.services import demo
from cdp.services.ingest import ingest
from stratum.lib import keys
from stratum.workspaces import queries
from stratum.workspaces.models import Member, User, Workspace
from tests import cast, factories
from tests.permission_table import PAGES
from tests.workspaces.test_permission_table import rows

SCRIPT = "\"'><img src=x onerror=alert(1)>"
ELSEWHERE = ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:evil.example")
NAMED = {"name", "label", "description", "title", "note", "reason", "problem", "subject", "message", "token_hint"}
LOGGED_OUT = ("login", "signup", "password_reset")


@pytest.fixture
def shop(db: None, now: datetime) -> Workspace:
    """The demo workspace, small: something of everything."""
    return demo.build(now=now, progress=lambda done, total: None, profiles=60, events=800, workers=1, days=2).workspace


# Forged requests


def test_no_page_changes_anything_without_a_csrf_token(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    for address, _, _ in rows("page"):
        if address.startswith("/dashboard"):
            assert browser.post(address).status_code in {403, 405}, address


@pytest.mark.parametrize("name", LOGGED_OUT)
def test_nobody_is_signed_in_or_up_by_a_forged_form(db: None, name: str) -> None:
    assert Client(enforce_csrf_checks=True).post(reverse(name), {"email": "a@example.com"}).status_code == 403


# Headers


@pytest.mark.parametrize("address", ["/dashboard/", "/pricing", "/login", "/nowhere", "/api/docs", "/admin/login/"])
def test_pages_may_not_be_framed_and_run_only_our_scripts(as_alice: Client, address: str) -> None:
    answer = as_alice.get(address)
    policy = answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy and "object-src 'none'" in policy
    assert not re.search(r"script-src[^;]*('unsafe|\*|https?:|data:)", policy)
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


# Redirects


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nothing_leads_out_of_the_house(alice: User, as_alice: Client, workspace: Workspace, target: str) -> None:
    fields = {"next": target, "back": target, "return": target}
    login = {"username": alice.email, "password": cast.PASSWORD, **fields}
    places = [Client().post("/login", login, query_params={"next": target})]
    places += [as_alice.get("/login", {"next": target}), as_alice.get("/signup", {"next": target})]
    places += [as_alice.post(reverse("workspace_switch"), {"workspace": workspace.slug, **fields})]
    places += [as_alice.post(reverse("logout"), fields)]
    for answer in places:
        location = answer.get("Location", "/")
        assert location.startswith("/") and not location.startswith(("//", "/\\")), location
        assert "evil" not in location


# Scripts in what people type and send


def test_no_name_and_no_property_becomes_a_script(shop: Workspace, now: datetime) -> None:
    assert not ingest(workspace=shop, source=None, items=[hostile(now)], received_at=now).rejected
    for model in ours():
        for field in texts(model):
            rename(model, field, shop)
    browser = Client()
    browser.force_login(User.objects.get(email=demo.EMAIL))
    seen = 0
    for name, pattern in routes("", get_resolver().url_patterns):
        address = filled(pattern, shop) if pattern.startswith("dashboard/") else None
        if address is None or PAGES.get(name) != "view":
            continue
        answer = browser.get(f"/{address}")
        assert answer.status_code < 500, name
        if answer["Content-Type"].startswith("text/html") and not answer.streaming:
            assert b"<img src=x" not in answer.content, name
            seen += answer.content.count(b"&lt;img src=x")
    assert seen > 40, "the names were shown"


def hostile(now: datetime) -> dict[str, object]:
    traits = {"first_name": SCRIPT, "email": "x@example.com", SCRIPT: SCRIPT}
    return {
        "type": "track",
        "event": SCRIPT,
        "userId": SCRIPT,
        "timestamp": now.isoformat(),
        "properties": {SCRIPT: SCRIPT, "revenue": 1},
        "context": {"traits": traits, "campaign": {"name": SCRIPT, "source": SCRIPT}, "page": {"title": SCRIPT}},
    }


def ours() -> list[type[models.Model]]:
    labels = ("workspaces", "reports", "notifications", "cdp", "integrations", "autopilot")
    return [model for label in labels for model in apps.get_app_config(label).get_models()]


def texts(model: type[models.Model]) -> list[str]:
    fields = [field for field in model._meta.concrete_fields if field.name in NAMED and not field.choices]
    return [field.name for field in fields if (field.max_length or 999) >= len(SCRIPT) + 8]


def rename(model: type[models.Model], field: str, workspace: Workspace) -> None:
    """Each row its own name, because some must be unique."""
    if model._meta.label == "cdp.Trait" and field == "name":
        return  # an identifier: letters, digits and underscores
    if "workspace" in {one.name for one in model._meta.concrete_fields}:
        chosen = model._default_manager.filter(workspace=workspace)
    elif model in {Workspace, User}:
        chosen = model._default_manager.all()
    else:
        return
    for number, key in enumerate(chosen.values_list("pk", flat=True)[:200]):
        model._default_manager.filter(pk=key).update(**{field: f"{SCRIPT}{number}"})


# Fields that nobody offered


def test_signing_up_makes_nobody_staff(client: Client, db: None) -> None:
    form = {"name": "Eve", "email": "eve@example.com", "password": cast.PASSWORD, "workspace_name": "Evil"}
    client.post("/signup", {**form, "is_staff": "1", "is_superuser": "1", "plan": "enterprise", "role": "owner"})
    eve = User.objects.get(email="eve@example.com")
    assert (eve.is_staff, eve.is_superuser) == (False, False)
    assert Member.objects.get(user=eve).workspace.plan == "professional"


@pytest.mark.parametrize("field", ["workspace", "workspace_id", "created_by", "id", "plan", "is_system", "secret_hash"])
@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/api-keys",
        "/api/v1/write-keys",
        "/api/v1/cdp/funnels",
        "/api/v1/cdp/segments",
        "/api/v1/cdp/computed-traits",
        "/api/v1/autopilot/rules",
        "/api/v1/autopilot/actions",
        "/api/v1/trust-layer/export-schedules",
    ],
)
def test_the_api_takes_no_field_that_it_does_not_offer(api, address: str, field: str) -> None:
    refused = api.post(address, {"name": "x", field: 1})
    assert refused.status_code == 422
    assert f"/{field}" in {fault["pointer"] for fault in refused.json()["errors"]}


# Keys


def test_secrets_are_compared_in_constant_time(workspace: Workspace, now: datetime, monkeypatch) -> None:
    """Also where there is no such key: the time tells not even that."""
    compared: list[object] = []
    real = keys.hmac.compare_digest
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda one, other: compared.append(other) or real(one, other))
    text = factories.api_key(workspace)
    assert queries.authenticate_api_key(text, now=now) is not None
    unknown = keys.new_api_key()[1]
    assert queries.authenticate_api_key(unknown, now=now) is None
    assert len(compared) == 2


def test_no_secret_reaches_the_log(api_key: str, write_key_text: str, caplog: pytest.LogCaptureFixture) -> None:
    browser = Client(raise_request_exception=False)
    with caplog.at_level(logging.DEBUG):
        browser.get("/api/v1/workspace", headers={"Authorization": f"Bearer {api_key}"})
        browser.get("/api/v1/nowhere", headers={"Authorization": f"Bearer {api_key}"})
        browser.post("/v1/track", data="{", content_type="application/json", headers={"X-Write-Key": write_key_text})
        browser.post("/login", {"username": "a@example.com", "password": "a very secret word"})
    for secret in (api_key, write_key_text, "a very secret word"):
        assert secret not in caplog.text
