"""Name, time zone, currency, country and churn of a workspace; and choosing between workspaces."""

import pytest

from tests.factories import MemberFactory

URL = "/dashboard/settings/workspace"
FORM = {"name": "Acme Shop", "time_zone": "Asia/Tokyo", "currency": "jpy", "default_country": "jp", "churn_days": "120"}


def test_it_works(as_alice, workspace):
    assert b"Europe/Berlin" in as_alice.get(URL).content
    assert as_alice.post(URL, FORM)["Location"] == URL
    workspace.refresh_from_db()
    assert (workspace.name, workspace.time_zone, workspace.currency) == ("Acme Shop", "Asia/Tokyo", "JPY")
    assert (workspace.default_country, workspace.churn_days, workspace.slug) == ("JP", 120, "acme")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("currency", "EURO"),
        ("currency", "€€€"),
        ("default_country", "XX"),
        ("churn_days", "0"),
        ("churn_days", "99999999999999999999"),
        ("churn_days", "soon"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(as_alice, workspace, field, value):
    answer = as_alice.post(URL, {**FORM, field: value})
    assert answer.status_code == 422
    assert answer.context["form"].errors[field]
    assert answer.context["workspace"].name == "Acme"
    workspace.refresh_from_db()
    assert workspace.name == "Acme"


def test_fields_that_are_not_asked_for_do_not_change(as_alice, workspace):
    as_alice.post(URL, {**FORM, "plan": "enterprise", "slug": "other", "holds_sample_data": "on"})
    workspace.refresh_from_db()
    assert (workspace.plan, workspace.slug, workspace.holds_sample_data) == ("professional", "acme", False)


def test_a_second_workspace_is_made_and_entered(as_alice, workspace):
    form = {key: FORM[key] for key in ("name", "time_zone", "currency", "default_country")}
    assert as_alice.post("/dashboard/workspaces/new", form)["Location"] == "/dashboard/"
    assert b"Acme Shop" in as_alice.get("/dashboard/").content
    answer = as_alice.post("/dashboard/workspaces/switch", {"workspace": "acme"}, follow=True)
    assert answer.context["workspace"] == workspace


def test_a_bad_time_zone_makes_no_workspace(as_alice):
    answer = as_alice.post("/dashboard/workspaces/new", {**FORM, "time_zone": "nowhere"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["time_zone"]


def test_nobody_switches_into_a_workspace_of_others(as_alice, other_workspace):
    for slug in ("other", "nowhere", ""):
        assert as_alice.post("/dashboard/workspaces/switch", {"workspace": slug}).status_code == 404
    assert "workspace" not in as_alice.session


def test_a_forgotten_choice_falls_back_to_the_first(as_alice, alice, workspace, other_workspace):
    place = MemberFactory(workspace=other_workspace, user=alice, role="viewer")
    as_alice.post("/dashboard/workspaces/switch", {"workspace": "other"})
    place.delete()
    assert as_alice.get("/dashboard/").context["workspace"] == workspace


def test_the_role_of_one_workspace_is_none_in_another(as_alice, alice, other_workspace):
    MemberFactory(workspace=other_workspace, user=alice, role="viewer")
    as_alice.post("/dashboard/workspaces/switch", {"workspace": "other"})
    assert as_alice.get(URL).status_code == 403
