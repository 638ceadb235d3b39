"""/dashboard/go: everything that has a name, by a few letters of it."""

from datetime import datetime

import pytest
from django.test import Client

from cdp.models import Funnel
from cdp.services import ingest
from stratum.workspaces.models import Workspace

URL = "/dashboard/go"
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def funnel(workspace: Workspace, now: datetime) -> Funnel:
    return Funnel.objects.create(
        workspace=workspace, name="Purchase <Funnel>", definition={}, created_at=now, updated_at=now
    )


def found(client: Client, words: str) -> str:
    return client.get(URL, {"q": words}, headers=FRAGMENT).content.decode()


def test_it_works(funnel: Funnel, as_bob: Client) -> None:
    answer = found(as_bob, "purchase")
    assert f"/dashboard/cdp/funnels/{funnel.pk}" in answer
    assert "Purchase &lt;Funnel&gt;" in answer


def test_pages_are_found_by_words_of_their_section(as_bob: Client) -> None:
    assert "/dashboard/cdp/rfm" in found(as_bob, "cdp rfm")
    assert "/dashboard/settings/team" in found(as_bob, "team")
    assert "/dashboard/settings/team" in found(as_bob, "")


def test_people_are_found_by_identifier(workspace: Workspace, as_bob: Client, now: datetime) -> None:
    item = {"type": "identify", "userId": "u1", "traits": {"email": "ada@example.com"}, "messageId": "m"}
    ingest.ingest(workspace=workspace, source=None, items=[item], received_at=now)
    assert "ada@example.com" in found(as_bob, "ada@")


def test_nothing_found_says_so(as_bob: Client) -> None:
    assert "Nothing is called “&lt;zzz&gt;”" in found(as_bob, "<zzz>")


def test_it_checks_ownership(funnel: Funnel, as_charlie: Client) -> None:
    assert "Purchase" not in found(as_charlie, "purchase")


def test_without_scripts_it_is_a_page(funnel: Funnel, as_bob: Client) -> None:
    page = as_bob.get(URL, {"q": "purchase"}).content.decode()
    assert "<h1" in page
    assert f"/dashboard/cdp/funnels/{funnel.pk}" in page


def test_archived_ones_are_not_found(funnel: Funnel, as_bob: Client, now: datetime) -> None:
    funnel.archived_at = now
    funnel.save()
    assert f"{funnel.pk}" not in found(as_bob, "purchase")
