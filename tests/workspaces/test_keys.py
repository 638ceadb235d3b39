"""API keys and write keys: shown once, kept as a fingerprint, revoked at once."""

from datetime import timedelta

import pytest

from stratum.lib import keys
from stratum.lib.refusal import Invalid, NotAllowed
from stratum.workspaces import queries, roles, services
from stratum.workspaces.access import SYSTEM, actor_of_key
from stratum.workspaces.models import ApiKey, WriteKey
from tests import factories

KEYS = "/dashboard/settings/api-keys"
SOURCES = "/dashboard/settings/sources"


def test_an_api_key_is_issued_and_shown_once(as_alice, alice, now):
    page = as_alice.post(KEYS, {"name": "nightly export", "scopes": ["read", "write"]}, follow=True)
    text = page.context["text"]
    assert text.encode() in page.content
    key = queries.authenticate_api_key(text, now=now)
    assert (key.name, key.scopes, key.created_by) == ("nightly export", ["read", "write"], alice)
    again = as_alice.get(KEYS)
    assert key.prefix.encode() in again.content and text.encode() not in again.content


def test_a_write_key_is_issued_with_snippets_of_the_real_host(as_alice):
    page = as_alice.post(SOURCES, {"name": "web", "client_side": "on"}, follow=True, headers={"host": "localhost:8123"})
    text = page.context["text"]
    assert queries.authenticate_write_key(text).client_side
    codes = {snippet.id: snippet.code for snippet in page.context["snippets"]}
    assert all(text in code and "localhost:8123" in code for code in codes.values())
    assert 'apiHost: "localhost:8123/v1", protocol: "http"' in codes["browser"]
    assert 'analytics.host = "http://localhost:8123"' in codes["python"]
    assert b"YOUR_WRITE_KEY" in as_alice.get(SOURCES).content


def test_the_page_that_shows_a_secret_is_not_cached(as_alice):
    assert "no-store" in as_alice.get(KEYS)["Cache-Control"]
    assert "no-store" in as_alice.get(SOURCES)["Cache-Control"]


def test_the_session_holds_no_secret_in_clear(as_alice):
    as_alice.post(KEYS, {"name": "k", "scopes": ["read"]})
    assert keys.API_START not in str(dict(as_alice.session))


def test_no_secret_is_stored(workspace, now):
    for text, row in (
        (services.issue_api_key(workspace=workspace, by=SYSTEM, name="a", now=now)[1], ApiKey.objects.get),
        (services.issue_write_key(workspace=workspace, by=SYSTEM, name="w", now=now)[1], WriteKey.objects.get),
    ):
        secret = text.removeprefix(row().prefix)
        assert secret not in str(row().__dict__)


def test_a_key_without_scopes_named_has_every_one(workspace, now):
    key, _ = services.issue_api_key(workspace=workspace, by=SYSTEM, name="all", now=now)
    assert key.scopes == list(roles.SCOPES)


def test_revoking_works_at_once_and_twice(as_alice, workspace, now):
    text = factories.api_key(workspace)
    key = ApiKey.objects.get()
    assert as_alice.post(f"{KEYS}/{key.pk}/revoke")["Location"] == KEYS
    assert queries.authenticate_api_key(text, now=now) is None
    assert as_alice.post(f"{KEYS}/{key.pk}/revoke").status_code == 302
    key.refresh_from_db()
    assert key.revoked_at == now


def test_a_revoked_write_key_sends_nothing(as_alice, write_key, write_key_text):
    for key in WriteKey.objects.all():
        as_alice.post(f"{SOURCES}/{key.pk}/revoke")
    assert queries.authenticate_write_key(write_key_text) is None


def test_it_checks_ownership(as_charlie, workspace, write_key, api_key, now):
    key = ApiKey.objects.get()
    assert as_charlie.post(f"{KEYS}/{key.pk}/revoke").status_code == 404
    assert as_charlie.post(f"{SOURCES}/{write_key.pk}/revoke").status_code == 404
    assert key.prefix.encode() not in as_charlie.get(KEYS).content
    assert write_key.prefix.encode() not in as_charlie.get(SOURCES).content
    assert queries.authenticate_api_key(api_key, now=now)


@pytest.mark.parametrize("form", [{"name": ""}, {"name": "x" * 81}, {"name": "a", "scopes": ["sudo"]}, {"name": "a"}])
def test_bad_input_is_said_and_issues_nothing(as_alice, form):
    answer = as_alice.post(KEYS, form)
    assert answer.status_code == 422 and answer.context["form"].errors
    assert not ApiKey.objects.exists()


def test_a_program_gives_away_no_more_than_it_has(workspace, now):
    factories.api_key(workspace, scopes=["team"])
    by = actor_of_key(ApiKey.objects.get())
    with pytest.raises(NotAllowed) as refused:
        services.issue_api_key(workspace=workspace, by=by, name="more", scopes=["write"], now=now)
    assert refused.value.code == "scope_too_wide"
    key, _ = services.issue_api_key(workspace=workspace, by=by, name="same", now=now)
    assert key.scopes == ["team"]


def test_a_key_cannot_expire_before_it_is_made(workspace, now):
    with pytest.raises(Invalid):
        services.issue_api_key(workspace=workspace, by=SYSTEM, name="k", expires_at=now, now=now)
    key, text = services.issue_api_key(
        workspace=workspace, by=SYSTEM, name="k", expires_at=now + timedelta(days=1), now=now
    )
    assert queries.authenticate_api_key(text, now=now) == key
    assert queries.authenticate_api_key(text, now=now + timedelta(days=1)) is None


def test_a_write_key_is_read_in_both_forms(write_key_text):
    apart = f"{write_key_text[:16]}:{write_key_text[16:]}"
    assert queries.authenticate_write_key(write_key_text) == queries.authenticate_write_key(apart) is not None


def test_each_check_of_a_key_is_one_query(workspace, now, django_assert_num_queries):
    """That of a write key is asked past the query layer, which counts."""
    api, (write_key, write) = factories.api_key(workspace), factories.write_key(workspace)
    with django_assert_num_queries(0):
        found = queries.authenticate_write_key(write)
        assert found == write_key and found.workspace == workspace
        assert (found.created_at, found.workspace.plan) == (write_key.created_at, workspace.plan)
    with django_assert_num_queries(1):
        assert queries.authenticate_api_key(api, now=now).workspace.slug == "acme"


@pytest.mark.parametrize(
    "text", ["", "stw_", "stw_" + "a" * 43, "stw_" + "a" * 45, "stw_" + "é" * 44, "stm_live_" + "a" * 50]
)
def test_a_misshapen_key_costs_no_query(db, now, text, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert queries.authenticate_write_key(text) is None
        assert queries.authenticate_api_key(text, now=now) is None


def test_a_wrong_secret_behind_a_real_prefix_opens_nothing(write_key_text):
    flipped = "b" if write_key_text[-1] == "a" else "a"
    assert queries.authenticate_write_key(write_key_text[:-1] + flipped) is None
