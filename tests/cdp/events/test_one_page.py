"""One event or rejected item in full, and voiding: /dashboard/cdp/events/…"""

from typing import Any

import pytest
from django.test import Client

from cdp.models import Change, Event, RejectedItem
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell

URL = "/dashboard/cdp/events"
NONSENSE = ["0", "1", "9" * 18, "9" * 40, "text", "-1"]


class TestEvent:
    def test_it_works(self, as_bob: Client, order: Event) -> None:
        page = as_bob.get(f"{URL}/{order.pk}")
        text = page.content.decode()
        assert page.status_code == 200
        assert "order-1" in text and "Order Completed" in text and "Test source" in text
        assert "&quot;revenue&quot;: 49.9" in text
        assert f"/dashboard/cdp/profiles/{order.profile_id}" in text

    def test_it_checks_ownership(self, as_charlie: Client, order: Event) -> None:
        page = as_charlie.get(f"{URL}/{order.pk}")
        assert page.status_code == 404
        assert b"order-1" not in page.content

    @pytest.mark.parametrize("number", NONSENSE)
    def test_a_number_that_is_none_is_404(self, as_bob: Client, order: Event, number: str) -> None:
        assert as_bob.get(f"{URL}/{number}").status_code == 404

    def test_htmx_gets_the_content_alone(self, as_bob: Client, order: Event) -> None:
        fragment = as_bob.get(f"{URL}/{order.pk}", headers={"HX-Request": "true"})
        assert b"order-1" in fragment.content and b"<html" not in fragment.content

    def test_flags_are_explained(self, as_bob: Client, tell: Tell) -> None:
        tell("visit", user="anna", hours_ago=-30)
        assert b"more than an hour ahead" in as_bob.get(f"{URL}/{Event.objects.get(name='visit').pk}").content


class TestRejected:
    def test_it_works(self, as_bob: Client, refused: RejectedItem) -> None:
        text = as_bob.get(f"{URL}/rejected/{refused.pk}").content.decode()
        assert refused.reason in text
        assert "&quot;plan&quot;: &quot;pro&quot;" in text

    def test_it_checks_ownership(self, as_charlie: Client, refused: RejectedItem) -> None:
        page = as_charlie.get(f"{URL}/rejected/{refused.pk}")
        assert page.status_code == 404
        assert b"nameless" not in page.content

    @pytest.mark.parametrize("number", NONSENSE)
    def test_a_number_that_is_none_is_404(self, as_bob: Client, order: Event, number: str) -> None:
        assert as_bob.get(f"{URL}/rejected/{number}").status_code == 404

    def test_what_is_no_json_is_shown_as_it_came(self, as_bob: Client, workspace: Workspace, now: Any) -> None:
        item = RejectedItem.objects.create(
            workspace=workspace, received_at=now, code="invalid_json", reason="Broken.", item='{"a": <b>'
        )
        assert b"{&quot;a&quot;: &lt;b&gt;" in as_bob.get(f"{URL}/rejected/{item.pk}").content


class TestVoid:
    def test_it_works(self, as_bob: Client, order: Event) -> None:
        answer = as_bob.post(f"{URL}/{order.pk}/void", {"reason": "test order"}, follow=True)
        assert answer.redirect_chain == [(f"{URL}/{order.pk}", 302)]
        assert b"test order" in answer.content
        assert b"/void" not in answer.content
        assert Change.objects.get(kind="void").event_id == order.pk

    def test_twice_is_once(self, as_bob: Client, order: Event) -> None:
        for _ in range(2):
            assert as_bob.post(f"{URL}/{order.pk}/void").status_code == 302
        assert Change.objects.filter(kind="void").count() == 1

    def test_it_checks_ownership(self, as_charlie: Client, order: Event) -> None:
        assert as_charlie.post(f"{URL}/{order.pk}/void").status_code == 404
        assert not Change.objects.exists()

    def test_a_viewer_may_not(self, as_role: Any, order: Event) -> None:
        viewer = as_role("viewer")
        assert viewer.post(f"{URL}/{order.pk}/void").status_code == 403
        assert b"/void" not in viewer.get(f"{URL}/{order.pk}").content

    @pytest.mark.parametrize("reason", ["x" * 5000, "a\x00b", "🦊"])
    def test_odd_reasons_do_no_harm(self, as_bob: Client, order: Event, reason: str) -> None:
        assert as_bob.post(f"{URL}/{order.pk}/void", {"reason": reason}).status_code == 302
