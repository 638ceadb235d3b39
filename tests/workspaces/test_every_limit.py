"""Each limit of the plan, full: refused with the plan's name on pages, in the API, in admin, and warned of before."""

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from cdp.models import Segment, Trait
from cdp.services import segments, traits
from stratum.workspaces import plans, registry, services
from stratum.workspaces.access import Actor
from stratum.workspaces.models import ApiUsage, Invitation, Member, User, Workspace
from tests import cast

Fill = Callable[[str, float], None]
SAYS = "The Professional plan includes {}"
FULL = {
    "members": "10 team members",
    "segments": "50 segments",
    "computed_traits": "25 computed traits",
}
TRAIT = {"name": "visits", "kind": "aggregation", "fn": "count", "event": "view"}
SEGMENT = {"name": "Friends", "condition": {"type": "static", "ids": []}}


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Fill:
    """`fill("segments", 0.8)`: as if that share of them were in use."""

    def filled(meter: str, share: float) -> None:
        used = int((plans.PROFESSIONAL.limit(meter) or 0) * share)
        monkeypatch.setitem(registry.meters, meter, registry.Meter(meter, lambda workspace: used))

    return filled


@pytest.fixture
def staff(db: None) -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root@example.com", "x"))
    return browser


@pytest.mark.parametrize(
    ("meter", "page"),
    [
        ("members", "settings_team"),
        ("segments", "segment_list"),
        ("computed_traits", "traits"),
        ("ad_accounts", "ad_platform_list"),
        *((meter, "settings_plan") for meter in plans.METERS if meter != "api_requests"),
    ],
)
def test_its_page_warns_at_80_percent_and_says_when_it_is_full(
    as_alice: Client, fill: Fill, meter: str, page: str
) -> None:
    if meter != "crm_connections":  # of one there is no 80 %
        fill(meter, 0.8)
        assert "80% used" in as_alice.get(reverse(page)).content.decode()
    fill(meter, 1)
    assert "Full" in as_alice.get(reverse(page)).content.decode()


def test_requests_warn_too_and_the_last_is_refused(
    as_alice: Client, api: APIClient, workspace: Workspace, now: datetime
) -> None:
    usage = ApiUsage.objects.create(workspace=workspace, month=now.date().replace(day=1), requests=40_000)
    assert "80% used" in as_alice.get(reverse("settings_api_keys")).content.decode()
    ApiUsage.objects.filter(pk=usage.pk).update(requests=49_999)
    nearly = as_alice.get(reverse("settings_api_keys")).content.decode()
    assert "99% used" in nearly
    assert "Full" not in nearly
    assert api.get("/api/v1/workspace").status_code == 200
    refused = api.get("/api/v1/workspace")
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exhausted")
    assert SAYS.format("50,000 API requests a month") in refused.json()["detail"]


@pytest.mark.parametrize(
    ("meter", "address", "body"),
    [("segments", "/api/v1/cdp/segments", SEGMENT), ("computed_traits", "/api/v1/cdp/computed-traits", TRAIT)],
)
def test_the_api_refuses(api: APIClient, fill: Fill, meter: str, address: str, body: dict[str, object]) -> None:
    fill(meter, 1)
    refused = api.post(address, body)
    assert (refused.status_code, refused.json()["code"]) == (403, "limit_reached")
    assert SAYS.format(FULL[meter]) in refused.json()["detail"]


def test_nobody_is_invited_onto_a_full_team(as_alice: Client, fill: Fill) -> None:
    fill("members", 1)
    refused = as_alice.post(reverse("team_invite"), {"email": "new@example.com", "role": "viewer"})
    assert refused.status_code in {403, 422}
    assert SAYS.format(FULL["members"]) in refused.content.decode()
    assert not Invitation.objects.exists()


def test_an_invitation_finds_no_place_on_a_plan_that_became_smaller(
    workspace: Workspace, by_alice: Actor, fill: Fill, now: datetime
) -> None:
    _, link = services.invite(workspace=workspace, by=by_alice, email="new@example.com", role="viewer", now=now)
    fill("members", 1)
    services.assign_plan(workspace=workspace, plan="starter", now=now)
    page = Client().post(link.removeprefix("http://localhost:8000"), {"name": "New", "password": cast.PASSWORD})
    assert "The Starter plan includes 3 team members" in page.content.decode()
    assert not User.objects.filter(email="new@example.com").exists()


def test_support_adds_nobody_beyond_the_plan(staff: Client, workspace: Workspace, charlie: User, fill: Fill) -> None:
    fill("members", 1)
    form = {"workspace": workspace.pk, "user": charlie.pk, "role": "viewer"}
    page = staff.post(reverse("admin:workspaces_member_add"), form, follow=True)
    assert SAYS.format(FULL["members"]) in page.content.decode()
    assert not Member.objects.filter(user=charlie, workspace=workspace).exists()


def test_an_archived_segment_stays_archived(
    as_alice: Client, workspace: Workspace, by_alice: Actor, fill: Fill, now: datetime
) -> None:
    one = segments.create_static(
        workspace=workspace, by=by_alice, name="Friends", description="", profiles=np.array([], np.int64), now=now
    )
    segments.archive(workspace=workspace, by=by_alice, segment_id=one.pk, now=now)
    fill("segments", 1)
    refused = as_alice.post(reverse("segment_restore", args=[one.pk]))
    assert SAYS.format(FULL["segments"]) in refused.content.decode()
    assert Segment.objects.get(pk=one.pk).archived_at is not None


def test_a_disabled_trait_stays_disabled(
    as_alice: Client, workspace: Workspace, by_alice: Actor, fill: Fill, now: datetime
) -> None:
    one = traits.create(workspace=workspace, by=by_alice, body=TRAIT, now=now)
    traits.disable(workspace=workspace, by=by_alice, trait_id=one.pk, now=now)
    fill("computed_traits", 1)
    refused = as_alice.post(reverse("trait_enable", args=[one.pk]))
    assert SAYS.format(FULL["computed_traits"]) in refused.content.decode()
    assert Trait.objects.get(pk=one.pk).status == "disabled"
