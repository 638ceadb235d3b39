"""Each feature of the plans on a plan that lacks it: what was made stays readable, and nothing new is made.

A feature that is missing from BEYOND, or a reading address that changes its answer, fails.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from autopilot.rules.templates import TEMPLATES
from stratum.workspaces import plans, services
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import User, Workspace
from tests.addresses import filled, routes
from tests.conftest import api_client
from tests.factories import api_key

Ask = Mapping[str, Any]
FUNNEL = {"name": "More", "steps": [{"event": "page_view"}, {"event": "purchase"}]}
TRAIT = {"name": "more", "kind": "aggregation", "fn": "count", "event": "purchase"}
BOUGHT = {"type": "event", "event": "purchase", "window": {"last": "P30D"}}
SEGMENT = {"name": "More", "condition": BOUGHT}
RULE = next(iter(TEMPLATES.values())).definition.to_json()  # and no word of a template


@dataclass(frozen=True, slots=True)
class Beyond:
    """What makes or changes something with the feature: pages and the API by (route, form or body, method)."""

    pages: tuple[tuple[str, Ask], ...] = ()
    api: tuple[tuple[str, Ask, str], ...] = ()


BEYOND: Mapping[str, Beyond] = {
    "funnel_builder": Beyond(
        pages=(("funnel_new", {}), ("funnel_from_template", {}), ("funnel_edit", {}), ("funnel_duplicate", {})),
        api=(
            ("api_funnel_list", FUNNEL, "post"),
            ("api_funnel", FUNNEL, "put"),
            ("api_funnel", {"name": "Other"}, "patch"),
            ("api_funnel_duplicate", {}, "post"),
            ("api_funnel_preview", {"funnel": FUNNEL}, "post"),
        ),
    ),
    "computed_traits": Beyond(
        pages=(("trait_new", {}), ("trait_edit", {}), ("trait_backfill", {}), ("trait_version_restore", {})),
        api=(
            ("api_trait_list", TRAIT, "post"),
            ("api_trait", TRAIT, "put"),
            ("api_trait", {"label": "Other"}, "patch"),
            ("api_trait_preview", TRAIT, "post"),
            ("api_trait_backfill", {}, "post"),
            ("api_trait_publish", {}, "post"),
            ("api_trait_enable", {}, "post"),
            ("api_trait_restore", {}, "post"),
        ),
    ),
    "trust_audit_logs": Beyond(
        api=(
            (
                "api_export_schedule_list",
                {
                    "name": "Weekly",
                    "exporter": "audit_logs",
                    "format": "csv",
                    "frequency": "weekly",
                    "weekday": 0,
                    "hour": 8,
                    "time_zone": "UTC",
                    "recipients": ["a@example.com"],
                },
                "post",
            ),
        ),
    ),
    "action_dry_run": Beyond(
        pages=(("action_test", {}), ("rule_test", {})),
        api=(("api_action_dry_run", {}, "post"), ("api_rule_dry_run", {}, "post")),
    ),
    "crm_pipedrive": Beyond(
        pages=(("pipedrive_sync", {}), ("settings_crm_connect", {"api_token": "x" * 40})),
        api=(
            ("api_pipedrive_sync", {}, "post"),
            ("api_pipedrive_connect", {"api_token": "x" * 40}, "post"),
            ("api_pipedrive_settings", {"schedule": "daily"}, "patch"),
            ("api_pipedrive_mapping", {}, "put"),
        ),
    ),
    "advanced_segments": Beyond(
        api=(
            ("api_segment_list", SEGMENT, "post"),
            ("api_segment", SEGMENT, "put"),
            ("api_segment", {"condition": BOUGHT}, "patch"),
            ("api_segment_preview", {"condition": BOUGHT}, "post"),
            ("api_segment_explain", {"condition": BOUGHT, "profile": "1"}, "post"),
        ),
    ),
    "custom_autopilot_rules": Beyond(api=(("api_rule_list", {"name": "Own", "definition": RULE}, "post"),)),
    "crm_realtime": Beyond(api=(("api_pipedrive_settings", {"schedule": "realtime"}, "patch"),)),
    "rfm_analysis": Beyond(
        pages=(("rfm_cut_offs", {}),),
        api=(("api_rfm_cut_offs", {}, "put"), ("api_rfm", {}, "get")),
    ),
    "signal_health_history": Beyond(api=(("api_signal_health_history", {}, "get"),)),
    "slack_notifications": Beyond(
        pages=(("slack_connect", {"url": "https://hooks.slack.com/services/T000/B000/xyz"}),),
        api=(("api_slack", {"url": "https://hooks.slack.com/services/T000/B000/xyz"}, "put"),),
    ),
    "dashboard_export": Beyond(
        api=(
            (
                "api_export_schedule_list",
                {
                    "name": "Weekly",
                    "exporter": "dashboard",
                    "format": "csv",
                    "frequency": "weekly",
                    "weekday": 0,
                    "hour": 8,
                    "time_zone": "UTC",
                    "recipients": ["a@example.com"],
                },
                "post",
            ),
        ),
    ),
}
# Listed on the plan pages, and nothing asks for them yet.
NOT_BUILT = {
    "consent_management",
    "realtime_streaming",
    "predictive_churn",
    "crm_salesforce",
    "linkedin_lead_gen",
    "dashboard_customization",
    "custom_report_builder",
}
# Addresses at which something is made, so that the smaller plan refuses them.
MAKING = {"funnel_new", "funnel_edit", "trait_new", "trait_edit", "settings_crm_connect"}


def test_every_feature_stands_in_the_table() -> None:
    assert set(BEYOND) | NOT_BUILT == set(plans.FEATURES)
    assert not set(BEYOND) & NOT_BUILT


def test_nothing_asks_for_what_is_not_built() -> None:
    rooms = ("autopilot", "cdp", "integrations", "stratum", "trustlayer", "templates")
    files = [
        path for room in rooms for path in (settings.BASE_DIR / room).rglob("*") if path.suffix in {".py", ".html"}
    ]
    text = "\n".join(path.read_text() for path in files if path != settings.BASE_DIR / "stratum/workspaces/plans.py")
    assert len(files) > 500
    assert [feature for feature in NOT_BUILT if re.search(rf"\b{feature}\b", text)] == []


@pytest.fixture
def owner(shop: Workspace) -> Client:
    browser = Client()
    browser.force_login(User.objects.get(memberships__workspace=shop, memberships__role="owner"))
    return browser


@pytest.fixture
def program(shop: Workspace) -> APIClient:
    return api_client(api_key(shop))


@pytest.fixture
def lacking(shop: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`lacking(feature)`: the demo workspace had everything and has all but this now."""

    def lack(feature: str) -> None:
        everything = replace(plans.PROFESSIONAL, features=frozenset(plans.FEATURES), limits={}, requests_a_minute=10**6)
        monkeypatch.setitem(plans.PLANS, "everything", everything)
        monkeypatch.setitem(plans.PLANS, "less", replace(everything, features=everything.features - {feature}))
        Workspace.objects.filter(pk=shop.pk).update(plan="everything")
        shop.refresh_from_db()
        services.assign_plan(workspace=shop, plan="less", now=now)

    return lack


@pytest.mark.usefixtures("unhurried")
def test_a_smaller_plan_hides_nothing(shop: Workspace, owner: Client, program: APIClient, now: datetime) -> None:
    """Every page and every address of the API that could be read, before and after moving down."""
    before = read(shop, owner, program)
    assert sum(status == 200 for status in before.values()) > 120
    services.change_plan(workspace=shop, plan="starter", by=SYSTEM, now=now)
    after = read(shop, owner, program)
    lost = {name: after[name] for name, status in before.items() if status == 200 and after[name] != 200}
    assert lost == dict.fromkeys(MAKING, 403)


def read(shop: Workspace, owner: Client, program: APIClient) -> dict[str, int]:
    """The status of each GET."""
    found = {}
    for name, address in routes():
        if (place := filled(address, shop)) is None or name in {"logout", "palette"}:
            continue
        client: Client = program if place.startswith("/api/") else owner
        found[name] = client.get(place).status_code
    return found


@pytest.mark.usefixtures("unhurried")
def test_nothing_new_is_made_without_it(
    shop: Workspace, owner: Client, program: APIClient, lacking: Any, subtests: pytest.Subtests
) -> None:
    addresses = {name: place for name, address in routes() if (place := filled(address, shop))}
    for feature, beyond in BEYOND.items():
        with subtests.test(feature), transaction.atomic():
            lacking(feature)
            sentence = f"{plans.FEATURES[feature]} is part of the {plans.cheapest_with(feature).name} plan"
            for name, form in beyond.pages:
                shown = owner.post(addresses[name], form, follow=True)
                assert sentence in shown.content.decode(), name
            for name, body, method in beyond.api:
                refused = ask(program, method, addresses[name], body)
                assert (refused.status_code, refused.json()["code"]) == (403, "feature_not_in_plan"), name
                assert sentence in refused.json()["detail"], name
            transaction.set_rollback(True)


def ask(program: APIClient, method: str, address: str, body: Ask) -> Any:
    if method == "get":
        return program.get(address)
    return getattr(program, method)(address, body, format="json")


def test_the_audit_log_ends_where_the_plan_did(
    shop: Workspace, owner: Client, program: APIClient, now: datetime, move_clock: Any
) -> None:
    everything = program.get("/api/v1/trust-layer/audit-logs?kind=decision").json()["results"]
    services.change_plan(workspace=shop, plan="starter", by=SYSTEM, now=now)
    move_clock(now + timedelta(hours=1))
    judged = {
        "action": "budget_increase",
        "entity_ref": {"type": "campaign", "id": "1", "name": "New", "platform": "meta"},
    }
    entry = program.post("/api/v1/trust-layer/judge", judged, format="json").json()
    assert program.get("/api/v1/trust-layer/audit-logs?kind=decision").json()["results"] == everything
    refused = program.get(f"/api/v1/trust-layer/audit-logs/{entry['id']}")
    assert (refused.status_code, refused.json()["code"]) == (403, "feature_not_in_plan")
    page = owner.get(reverse("audit_log_list")).content.decode()
    assert "Trust Gate Audit Logs is part of the Professional plan" in page
    services.change_plan(workspace=shop, plan="professional", by=SYSTEM, now=now)
    assert program.get(f"/api/v1/trust-layer/audit-logs/{entry['id']}").status_code == 200
    assert shop.features_until == {}
