"""Two tabs with one form: who saves second goes over nobody's newer version, and keeps what was typed."""

from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from autopilot.rules.templates import TEMPLATES
from autopilot.services import rules
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

SAID = "Somebody else saved this since you opened it"


class Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, list[str]]] = []
        self.select, self.open = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({})
        if not self.forms or "disabled" in given:
            return
        name = given.get("name", "")
        ticked = given.get("type") not in {"checkbox", "radio"} or "checked" in given
        if tag == "input" and name and ticked:
            self.forms[-1].setdefault(name, []).append(given.get("value", "on"))
        if tag == "select":
            self.select = name
        if tag == "option" and "selected" in given and self.select:
            self.forms[-1].setdefault(self.select, []).append(given.get("value", ""))


def form_of(page: str) -> dict[str, Any]:
    """What a browser would send of the page's main form, as it came."""
    parser = Fields()
    parser.feed(page)
    return next(dict(form) for form in parser.forms if "seen" in form)


@pytest.fixture
def rule_address(workspace: Workspace, by_alice: Actor, now: datetime) -> str:
    name, template = next(iter(TEMPLATES.items()))
    made = rules.create(
        workspace=workspace, by=by_alice, name="First", template=name, body=template.definition.to_json(), now=now
    )
    return reverse("rule_edit", args=[made.pk])


CASES = {
    "rule": ("name", "Second", "Third"),
    "settings_workspace": ("name", "Second", "Third"),
    "settings_trust": ("pass_at", "71", "72"),
    "settings_autopilot": ("max_per_day", "31", "32"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_second_tab_is_told_and_keeps_its_input(
    as_alice: Client, workspace: Workspace, rule_address: str, name: str
) -> None:
    address = rule_address if name == "rule" else reverse(name)
    field, second, third = CASES[name]
    opened = form_of(as_alice.get(address).content.decode())
    assert field in opened
    first = as_alice.post(address, {**opened, field: second})
    assert first.status_code == 302
    late = as_alice.post(address, {**opened, field: third})
    shown = late.content.decode()
    assert late.status_code in {412, 422}
    assert SAID in shown and f'value="{third}"' in shown
    again = form_of(as_alice.get(address).content.decode())
    assert again[field] == [second]
    assert as_alice.post(address, {**again, field: third}).status_code == 302
    assert form_of(as_alice.get(address).content.decode())[field] == [third]
