"""What the first page shows of funnels: at once without numbers, then with them."""

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from stratum.lib.refusal import Refusal
from stratum.workspaces.models import Workspace
from tests.cdp.funnels.conftest import Did, MakeFunnel

HTMX = {"HX-Request": "true"}


def figures(browser: Client) -> str:
    return " ".join(browser.get(reverse("home_figures"), headers=HTMX).content.decode().split())


def test_funnels_are_counted_after_the_page(as_bob: Client, make_funnel: MakeFunnel, did: Did) -> None:
    did("anna", "page_view", "purchase")
    did("ben", "page_view")
    make_funnel(name="Shop")
    page = as_bob.get(reverse("home")).content.decode()
    assert "Insights of Shop" in page and "leave between" not in page and "went all the way" not in page
    later = figures(as_bob)
    assert 'id="card-body-drops" hx-swap-oob="true"' in later
    assert "<strong>50%</strong> leave between" in later and "1 in the last 30 days" in later
    assert 'id="card-body-funnel" hx-swap-oob="true"' in later and "of 2 users of the last 30 days" in later
    assert "card-body-profiles" not in later  # what is quick came with the page


def test_without_scripts_it_is_a_page(as_bob: Client, make_funnel: MakeFunnel, did: Did) -> None:
    did("anna", "page_view")
    make_funnel(name="Shop")
    whole = as_bob.get(reverse("home_figures")).content.decode()
    assert "<html" in whole and "leave between" in whole and "hx-swap-oob" not in whole
    assert "People and visitors" in whole
    assert f'href="{reverse("home_figures")}?range=30d"' in as_bob.get(reverse("home")).content.decode()


def test_those_made_at_one_instant_keep_their_order(as_bob: Client, make_funnel: MakeFunnel, did: Did) -> None:
    did("anna", "page_view", "purchase")
    for name in ("Last", "First", "Middle"):
        make_funnel(name=name)
    for by_index in ("on", "off"):  # whichever way PostgreSQL chooses to find them
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL enable_indexscan = {by_index}; SET LOCAL enable_bitmapscan = {by_index}")
        page = figures(as_bob)
        assert page.index("Insights of First") < page.index("Insights of Last") < page.index("Insights of Middle")


def test_nothing_of_another_workspace_is_shown(as_charlie: Client, make_funnel: MakeFunnel, did: Did) -> None:
    did("anna", "page_view")
    make_funnel(name="Shop")
    assert "Shop" not in figures(as_charlie)


def test_a_funnel_that_nobody_entered_says_so(as_bob: Client, make_funnel: MakeFunnel) -> None:
    make_funnel(name="Shop")
    assert "Nobody entered" in figures(as_bob)


def test_one_that_cannot_be_asked_stands_beside_the_others(
    as_bob: Client, workspace: Workspace, make_funnel: MakeFunnel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise Refusal("engine", "The engine is away.")

    make_funnel(name="Shop")
    monkeypatch.setattr("cdp.queries.funnels.analyze_saved", away)
    assert 'title="The engine is away.">Not available' in figures(as_bob)
