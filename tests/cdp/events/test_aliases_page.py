"""GET /dashboard/cdp/events/aliases and POST …/save: what names are counted as."""

from typing import Any

from django.test import Client

from cdp.models import Event, EventAlias
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell

URL = "/dashboard/cdp/events/aliases"
SAVE = f"{URL}/save"


def form(*lines: tuple[str, str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for index, (original, name) in enumerate(lines):
        fields |= {f"alias-{index}-original": original, f"alias-{index}-name": name}
    return fields


def own(workspace: Workspace) -> dict[str, str]:
    return dict(EventAlias.objects.filter(workspace=workspace).values_list("original", "name"))


def test_it_works(as_bob: Client, workspace: Workspace, tell: Tell) -> None:
    answer = as_bob.post(SAVE, form((" Bought ", "purchase"), ("", ""), ("Looked", "view_content")), follow=True)
    assert answer.redirect_chain == [(URL, 302)]
    assert own(workspace) == {"Bought": "purchase", "Looked": "view_content"}
    assert [row.original for row in answer.context["rows"]][:2] == ["Bought", "Looked"]
    tell("Bought", user="anna")
    event = Event.objects.get()
    assert (event.name, event.original_name) == ("purchase", "Bought")


def test_the_defaults_are_listed_and_can_be_overridden(as_bob: Client, workspace: Workspace) -> None:
    assert b"Order Completed" in as_bob.get(URL).content
    page = as_bob.post(SAVE, form(("Order Completed", "order")), follow=True)
    assert b"replaced by your own line" in page.content


def test_saving_replaces_all_lines(as_bob: Client, workspace: Workspace) -> None:
    as_bob.post(SAVE, form(("A", "a"), ("B", "b")))
    as_bob.post(SAVE, form(("B", "c")))
    assert own(workspace) == {"B": "c"}


def test_what_is_wrong_stands_at_its_line(as_bob: Client, workspace: Workspace) -> None:
    answer = as_bob.post(SAVE, form(("A", "a"), ("A", "b"), ("C", ""), ("x" * 201, "x")))
    assert answer.status_code == 422
    errors = [row.errors for row in answer.context["rows"][:4]]
    assert errors[0] == {}
    assert "has a line already" in errors[1]["original"]
    assert "count it by" in errors[2]["name"]
    assert "200 characters" in errors[3]["original"]
    assert own(workspace) == {}
    assert b'value="C"' in answer.content


def test_a_nul_is_refused(as_bob: Client, workspace: Workspace) -> None:
    assert as_bob.post(SAVE, form(("a\x00b", "c"))).status_code == 422
    assert own(workspace) == {}


def test_too_many_lines_are_refused(as_bob: Client, workspace: Workspace) -> None:
    answer = as_bob.post(SAVE, form(*((f"name {number}", "x") for number in range(401))))
    assert answer.status_code == 422
    assert b"at most 400 lines" in answer.content


def test_it_checks_ownership(as_charlie: Client, workspace: Workspace) -> None:
    EventAlias.objects.create(workspace=workspace, original="Secret launch", name="launch")
    assert b"Secret launch" not in as_charlie.get(URL).content
    as_charlie.post(SAVE, form(("A", "a")))
    assert own(workspace) == {"Secret launch": "launch"}


def test_a_viewer_reads_only(as_role: Any, workspace: Workspace) -> None:
    EventAlias.objects.create(workspace=workspace, original="Launched", name="launch")
    viewer = as_role("viewer")
    page = viewer.get(URL)
    assert b"Launched" in page.content and b"alias-0-original" not in page.content
    assert viewer.post(SAVE, form(("A", "a"))).status_code == 403
