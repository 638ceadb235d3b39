"""Saved views: a page with its state, under a name, for oneself or the team."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from stratum.lib.refusal import Invalid
from stratum.reports import queries
from stratum.reports.models import SavedView
from stratum.reports.services import exports, saved_views
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

URL = "/dashboard/saved-views"
PAGE = "/dashboard/cdp/profiles"


@pytest.fixture
def save(workspace: Workspace, by_alice: Actor, now: datetime):
    def saved(**fields: object) -> SavedView:
        given = {"by": by_alice, "page": PAGE, "query": "q=anna", "name": "Annas", "shared": False, **fields}
        return saved_views.save(workspace=workspace, now=now, **given)

    return saved


def test_it_works(as_bob: Client, bob) -> None:
    answer = as_bob.post(URL, {"address": f"{PAGE}?q=anna&page=3", "name": " Annas "})
    assert answer["Location"] == f"{PAGE}?q=anna"
    view = SavedView.objects.get()
    assert (view.name, view.page, view.query, view.shared, view.created_by) == ("Annas", PAGE, "q=anna", False, bob)


def test_shared_ones_are_for_the_team_and_private_ones_are_not(save, workspace: Workspace, alice, bob) -> None:
    private, shared = save(), save(name="Ours", shared=True)
    assert set(queries.views_of_page(workspace, bob, PAGE)) == {shared}
    assert set(queries.views_of_page(workspace, alice, PAGE)) == {private, shared}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "x" * 121}, "/name"),
        ({"name": "a\0"}, "/name"),
        ({"page": "https://example.com/"}, "/page"),
        ({"page": "//example.com/dashboard/"}, "/page"),
        ({"page": "/dashboard/nowhere"}, "/page"),
        ({"query": "q=" + "x" * 4_001}, "/query"),
    ],
)
def test_what_cannot_be_saved(save, fields: dict[str, str], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        save(**fields)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


def test_a_name_is_taken_once_per_person_and_page(save, by_bob: Actor) -> None:
    save()
    save(by=by_bob)
    save(page="/dashboard/cdp/funnels")
    with pytest.raises(Invalid, match="Choose another name"):
        save()


def test_what_was_typed_is_shown_again(as_bob: Client) -> None:
    answer = as_bob.post(URL, {"address": f"{PAGE}?q=anna", "name": ""})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Give the view a name." in page and f"{PAGE}?q=anna" in page


def test_viewers_save_for_themselves_only(as_role) -> None:
    viewer = as_role("viewer")
    assert viewer.post(URL, {"address": PAGE, "name": "Mine"}).status_code == 302
    assert viewer.post(URL, {"address": PAGE, "name": "Ours", "shared": "on"}).status_code == 403


def test_sharing_and_back(as_alice: Client, save) -> None:
    view = save()
    for shared in (True, False):
        as_alice.post(f"{URL}/{view.pk}/share", {"shared": str(int(shared))})
        view.refresh_from_db()
        assert view.shared is shared


def test_deleting_can_be_undone(as_alice: Client, save, workspace: Workspace, alice) -> None:
    view = save()
    as_alice.post(f"{URL}/{view.pk}/delete")
    assert not queries.views_of_page(workspace, alice, PAGE)
    as_alice.post(f"{URL}/{view.pk}/restore")
    assert list(queries.views_of_page(workspace, alice, PAGE)) == [view]


def test_after_a_month_it_is_gone(save, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    view = save()
    saved_views.delete(workspace=workspace, by=by_alice, view_id=view.pk, now=now)
    assert exports.claim_expired(now + timedelta(days=29)) == []
    assert exports.claim_expired(now + timedelta(days=30)) == [{}]
    exports.forget_expired(now=now + timedelta(days=30))
    assert not SavedView.objects.exists()


def test_it_checks_ownership(as_bob: Client, as_charlie: Client, save) -> None:
    private, shared = save(), save(name="Ours", shared=True)
    for action in ("share", "delete", "restore"):
        assert as_charlie.post(f"{URL}/{shared.pk}/{action}").status_code == 404
        assert as_bob.post(f"{URL}/{private.pk}/{action}").status_code == 404
        assert as_bob.post(f"{URL}/{shared.pk}/{action}").status_code == 403
