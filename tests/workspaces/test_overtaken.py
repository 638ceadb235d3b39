"""Two tabs with one form: who saves second goes over nobody's newer version, and keeps what was typed."""

from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from autopilot.rules.templates import TEMPLATES
from autopilot.services import rules
from cdp.models import EventAlias
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

SAID = "Somebody else saved this since you opened it"


class Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, list[str]]] = []
        self.actions: list[str] = []
        self.select, self.open = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({})
            self.actions.append(given.get("action", ""))
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
    return next(dict(form) for form in read(page).forms if "seen" in form)


def action_of(page: str) -> str:
    """Where it would send it; empty for the page's own address."""
    forms = read(page)
    return next(action for form, action in zip(forms.forms, forms.actions, strict=True) if "seen" in form)


def read(page: str) -> Fields:
    parser = Fields()
    parser.feed(page)
    return parser


@pytest.fixture
def rule_address(workspace: Workspace, by_alice: Actor, now: datetime) -> str:
    name, template = next(iter(TEMPLATES.items()))
    made = rules.create(
        workspace=workspace, by=by_alice, name="First", template=name, body=template.definition.to_json(), now=now
    )
    return reverse("rule_edit", args=[made.pk])


@pytest.fixture
def alias(workspace: Workspace) -> EventAlias:
    return EventAlias.objects.create(workspace=workspace, original="Shop Order", name="first")


CASES = {
    "rule": ("name", "Second", "Third"),
    "event_aliases": ("alias-0-name", "second", "third"),
    "settings_notifications": ("summary_hour", "7", "9"),
    "settings_workspace": ("name", "Second", "Third"),
    "settings_trust": ("pass_at", "71", "72"),
    "settings_autopilot": ("max_per_day", "31", "32"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_second_tab_is_told_and_keeps_its_input(
    as_alice: Client, workspace: Workspace, rule_address: str, alias: EventAlias, name: str
) -> None:
    address = rule_address if name == "rule" else reverse(name)
    save_in_two_tabs(as_alice, address, *CASES[name])


def save_in_two_tabs(browser: Client, address: str, field: str, second: str, third: str) -> None:
    """Both are opened; the first saves `second` in the field, and then the other one `third`."""
    page = browser.get(address).content.decode()
    opened, action = form_of(page), action_of(page) or address
    assert field in opened
    assert browser.post(action, {**opened, field: second}).status_code == 302
    late = browser.post(action, {**opened, field: third})
    assert late.status_code in {412, 422}
    assert SAID in late.content.decode()
    assert form_of(late.content.decode())[field] == [third], "what was typed still stands there"
    assert browser.post(action, form_of(late.content.decode())).status_code in {412, 422}, "nor when sent again"
    again = form_of(browser.get(address).content.decode())
    assert again[field] == [second]
    assert browser.post(action, {**again, field: third}).status_code == 302
    assert form_of(browser.get(address).content.decode())[field] == [third]
