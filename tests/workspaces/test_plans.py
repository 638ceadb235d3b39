"""Plans: flags and limits as the tutorial has them, warnings at 80 %, refusal at 100 %."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from django.db import connection, transaction

from stratum.lib.refusal import NotAllowed, Refusal
from stratum.workspaces import limits, plans, registry
from stratum.workspaces.models import ApiUsage, Workspace
from tests.cast import member

URL = "/dashboard/settings/plan"


@pytest.fixture
def segments(monkeypatch):
    """A meter of segments whose count a test sets."""
    counted = {"used": 0}
    monkeypatch.setitem(registry.meters, "segments", registry.Meter("segments", lambda workspace: counted["used"]))
    return counted


def test_professional_is_the_tutorials():
    plan = plans.PLANS["professional"]
    assert dict(plan.limits) == {
        "ad_accounts": 15,
        "members": 10,
        "api_requests": 50_000,
        "segments": 50,
        "computed_traits": 25,
        "crm_connections": 1,
    }
    assert plan.retention_days == 180
    assert plan.features == {
        "funnel_builder",
        "computed_traits",
        "trust_audit_logs",
        "action_dry_run",
        "crm_pipedrive",
        "advanced_segments",
        "rfm_analysis",
        "signal_health_history",
        "slack_notifications",
        "dashboard_export",
    }


def test_each_plan_has_all_that_the_smaller_one_has():
    starter, professional, enterprise = plans.PLANS.values()
    assert starter.features < professional.features < enterprise.features == set(plans.FEATURES)
    assert all(starter.limits[meter] <= limit for meter, limit in professional.limits.items())


def test_a_feature_beyond_the_plan_names_the_plan_that_has_it(workspace):
    limits.require_feature(workspace, "funnel_builder")
    workspace.plan = "starter"
    with pytest.raises(NotAllowed, match="Funnel Builder is part of the Professional plan") as refused:
        limits.require_feature(workspace, "funnel_builder")
    assert refused.value.code == "feature_not_in_plan"


@pytest.mark.parametrize(
    ("used", "warning", "full"),
    [(0, False, False), (39, False, False), (40, True, False), (49, True, False), (50, False, True), (60, False, True)],
)
def test_a_meter_warns_at_80_percent_and_is_full_at_100(workspace, segments, used, warning, full):
    segments["used"] = used
    usage = limits.usage(workspace, "segments")
    assert (usage.warning, usage.full) == (warning, full)
    assert usage.percent == min(100, used * 2)


def test_the_last_place_is_given_and_no_more(workspace, segments):
    segments["used"] = 49
    limits.require_room(workspace, "segments")
    with pytest.raises(NotAllowed):
        limits.require_room(workspace, "segments", adding=2)
    segments["used"] = 50
    with pytest.raises(NotAllowed, match=r"Professional plan includes 50 segments.*Enterprise") as refused:
        limits.require_room(workspace, "segments")
    assert refused.value.code == "limit_reached"


def test_enterprise_has_no_limit(workspace, segments):
    workspace.plan, segments["used"] = "enterprise", 10_000
    limits.require_room(workspace, "segments")
    assert limits.usage(workspace, "segments").percent == 0


@pytest.mark.django_db(transaction=True)
def test_two_requests_do_not_take_one_last_place(workspace):
    for number in range(9):
        member(workspace, f"p{number}@example.com", "viewer")

    def add(number: int) -> bool:
        try:
            with transaction.atomic():
                limits.require_room(workspace, "members")
                member(workspace, f"late{number}@example.com", "viewer")
        except NotAllowed:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(4))) == 1
    assert workspace.members.count() == 10


def test_an_unknown_meter_cannot_be_registered():
    with pytest.raises(ValueError, match="no meter"):
        limits.register("bananas", lambda workspace: 0)


def test_requests_stop_exactly_at_the_limit(workspace, now):
    ApiUsage.objects.create(workspace=workspace, month=date(2026, 1, 1), requests=49_998)
    limits.spend_request(workspace, now=now)
    limits.spend_request(workspace, now=now)
    with pytest.raises(Refusal, match="2026-02-01") as refused:
        limits.spend_request(workspace, now=now)
    assert (refused.value.status, refused.value.code) == (429, "quota_exhausted")
    assert limits.api_usage(workspace, now=now).used == 50_000


def test_each_month_counts_anew(workspace, now):
    ApiUsage.objects.create(workspace=workspace, month=date(2026, 1, 1), requests=50_000)
    limits.spend_request(workspace, now=datetime(2026, 2, 1, tzinfo=UTC))
    with pytest.raises(Refusal):
        limits.spend_request(workspace, now=datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
    assert limits.next_month(date(2026, 12, 1)) == date(2027, 1, 1)


def test_a_plan_without_limit_counts_too(workspace, now):
    workspace.plan = "enterprise"
    limits.spend_request(workspace, now=now)
    assert limits.api_usage(workspace, now=now).used == 1


def test_the_page_shows_the_meters(as_bob, now, workspace):
    ApiUsage.objects.create(workspace=workspace, month=date(2026, 1, 1), requests=45_000)
    page = as_bob.get(URL).content.decode()
    assert "45,000 of 50,000" in page and "90% used" in page
    assert "1 of 10" in page
    assert "Move to Starter" not in page


def test_a_plan_is_changed_and_nothing_is_lost(as_alice, workspace):
    for number in range(5):
        member(workspace, f"p{number}@example.com", "viewer")
    assert as_alice.post(f"{URL}/change", {"plan": "starter"})["Location"] == URL
    workspace.refresh_from_db()
    assert workspace.plan == "starter"
    assert workspace.members.count() == 6
    assert "Full" in as_alice.get(URL).content.decode()


def test_a_smaller_plan_adds_nothing_and_lists_all(as_alice, api, workspace, by_alice, now):
    trait = {"name": "visits", "kind": "aggregation", "fn": "count", "event": "view"}
    funnel = {"name": "Way", "steps": [{"event": "view"}, {"event": "purchase"}]}
    made = [api.post(f"/api/v1/cdp/{room}", body) for room, body in (("computed-traits", trait), ("funnels", funnel))]
    assert [one.status_code for one in made] == [201, 201]
    as_alice.post(f"{URL}/change", {"plan": "starter"})
    assert [row["name"] for row in api.get("/api/v1/cdp/funnels").json()["results"]] == ["Way"]
    assert "visits" in [row["name"] for row in api.get("/api/v1/cdp/computed-traits").json()["results"]]
    assert api.get(f"/api/v1/cdp/funnels/{made[1].json()['id']}/analyze").status_code == 200
    for room, body in (("computed-traits", trait), ("funnels", funnel), ("funnels/preview", {"funnel": funnel})):
        assert api.post(f"/api/v1/cdp/{room}", body | {"name": "More"} if "/" not in room else body).status_code == 403
    as_alice.post(f"{URL}/change", {"plan": "professional"})
    assert api.post("/api/v1/cdp/funnels", {**funnel, "name": "More"}).status_code == 201


@pytest.mark.parametrize(("plan", "status"), [("enterprise", 409), ("gold", 422), ("", 422)])
def test_enterprise_needs_a_talk_and_others_do_not_exist(as_alice, workspace, plan, status):
    assert as_alice.post(f"{URL}/change", {"plan": plan}).status_code == status
    assert Workspace.objects.get(pk=workspace.pk).plan == "professional"


def test_moving_to_a_plan_that_keeps_less_says_what_is_deleted(as_alice):
    warning = "Events older than 90 days are deleted for good"
    assert warning in as_alice.get(URL).content.decode()
    as_alice.post(f"{URL}/change", {"plan": "starter"})
    assert "are deleted for good" not in as_alice.get(URL).content.decode()


def test_plans_are_compared_without_login(client, db):
    page = client.get("/pricing").content.decode()
    assert page.count("Funnel Builder") == 1
    for words in ("50,000 a month", "180 days", "Consent Management", "No limit"):
        assert words in page
