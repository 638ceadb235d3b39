"""What the small scripts do, in a real browser under the real content security policy."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.pages.conftest import Open

pytestmark = pytest.mark.browser

PAGE = (
    """{% extends "base_dashboard.html" %}{% load static %}
{% block title %}Try{% endblock %}{% block heading %}Try{% endblock %}
{% block charts %}"""
    + "{% if spec %}{% include '_shared/_charts.html' %}{% endif %}"
    + """{% endblock %}
{% block content %}BODY{% endblock %}
{% block scripts %}<script src="{% static "js/formset.js" %}" type="module"></script>{% endblock %}"""
)

ROW = """<li class="step-editor" data-formset-row><span class="step-number" data-formset-number></span>
<div class="step-body"><label for="id_steps-N-event">Event</label><input class="input" name="steps-N-event" id="id_steps-N-event" value="VALUE"></div>
<div class="step-tools"><span data-formset-handle class="drag-handle" aria-hidden="true">=</span>
<button type="button" data-formset-up>Up</button><button type="button" data-formset-down>Down</button>
<button type="button" data-formset-remove>Remove</button></div></li>"""

FORMSET = (
    '<form data-unsaved-guard><div data-formset="steps" data-formset-min="2" data-formset-max="4" data-formset-word="Step">'
    '<input type="hidden" name="steps-TOTAL_FORMS" value="3"><ol class="step-list" data-formset-rows>'
    + "".join(ROW.replace("-N-", f"-{n}-").replace("VALUE", value) for n, value in enumerate(["view", "cart", "buy"]))
    + "</ol><template data-formset-template>"
    + ROW.replace("-N-", "-__prefix__-").replace("VALUE", "")
    + '</template><p data-formset-status role="status"></p><button type="button" data-formset-add>Add</button></div></form>'
)


def body(html: str) -> str:
    return PAGE.replace("BODY", html)


def steps(page: Page) -> dict[str, str]:
    """What the form would send, in order."""
    return page.evaluate("Object.fromEntries([...new FormData(document.querySelector('form[data-unsaved-guard]'))])")


class TestRows:
    def test_added_rows_are_numbered_and_focused(self, open_page: Open):
        page = open_page(body(FORMSET))
        page.get_by_role("button", name="Add").click()
        expect(page.locator("#id_steps-3-event")).to_be_focused()
        assert steps(page)["steps-TOTAL_FORMS"] == "4"
        expect(page.get_by_role("button", name="Add")).to_be_disabled()

    def test_moving_changes_what_is_sent(self, open_page: Open):
        page = open_page(body(FORMSET))
        page.get_by_role("button", name="Up").nth(2).click()
        assert steps(page) == {
            "steps-TOTAL_FORMS": "3",
            "steps-0-event": "view",
            "steps-1-event": "buy",
            "steps-2-event": "cart",
        }
        expect(page.get_by_role("status")).to_have_text("Step 3 is now number 2.")

    def test_the_keyboard_keeps_its_place(self, open_page: Open):
        page = open_page(body(FORMSET))
        page.get_by_role("button", name="Up").nth(1).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Down").nth(0)).to_be_focused()

    def test_removing_closes_the_gap_down_to_the_minimum(self, open_page: Open):
        page = open_page(body(FORMSET))
        page.get_by_role("button", name="Remove").first.click()
        assert steps(page) == {"steps-TOTAL_FORMS": "2", "steps-0-event": "cart", "steps-1-event": "buy"}
        expect(page.get_by_role("button", name="Remove").first).to_be_disabled()

    def test_rows_can_be_dragged(self, open_page: Open):
        page = open_page(body(FORMSET))
        handle, last = page.locator("[data-formset-handle]").first, page.locator("[data-formset-row]").last
        start, end = handle.bounding_box(), last.bounding_box()
        assert start and end
        page.mouse.move(start["x"] + 5, start["y"] + 5)
        page.mouse.down()
        page.mouse.move(start["x"] + 5, end["y"] + end["height"] - 2, steps=8)
        page.mouse.up()
        assert [steps(page)[f"steps-{n}-event"] for n in range(3)] == ["cart", "buy", "view"]


class TestQuestions:
    FORM = '<form method="post" action="/gone" data-confirm="Archive this funnel?" data-confirm-label="Archive"><button>Go</button></form>'

    def test_nothing_is_sent_before_yes(self, open_page: Open):
        page = open_page(body(self.FORM))
        page.get_by_role("button", name="Go").click()
        expect(page.get_by_role("dialog")).to_contain_text("Archive this funnel?")
        page.get_by_role("button", name="Cancel").click()
        expect(page).to_have_url(re.compile(r"/$"))

    def test_yes_sends_it(self, open_page: Open):
        page = open_page(body(self.FORM))
        page.get_by_role("button", name="Go").click()
        page.get_by_role("button", name="Archive").click()
        expect(page).to_have_url(re.compile("/gone$"))

    def test_htmx_waits_too(self, open_page: Open):
        button = '<button hx-post="/part" data-confirm="Really?">Go</button>'
        page = open_page(body(button), {"/part": {"body": "done"}})
        page.get_by_role("button", name="Go").click()
        expect(page.get_by_text("done")).to_have_count(0)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("done")).to_be_visible()


class TestToasts:
    def test_the_server_can_raise_one_with_undo(self, open_page: Open):
        told = {"HX-Trigger": '{"toast": {"level": "success", "text": "Archived.", "undo_url": "/undo"}}'}
        page = open_page(body('<button hx-post="/part">Go</button>'), {"/part": {"body": "ok", "headers": told}})
        page.get_by_role("button", name="Go").click()
        expect(page.locator("#toasts")).to_contain_text("Archived.")
        page.get_by_role("button", name="Undo").click()
        expect(page).to_have_url(re.compile("/undo$"))

    def test_refused_input_is_swapped_in(self, open_page: Open):
        answer = {"status": 422, "body": '<label>Name <input aria-invalid="true"></label>'}
        page = open_page(
            body('<div id="place"></div><button hx-post="/part" hx-target="#place">Go</button>'), {"/part": answer}
        )
        page.get_by_role("button", name="Go").click()
        expect(page.get_by_label("Name")).to_be_focused()


class TestTheme:
    def test_the_choice_outlives_the_page(self, open_page: Open):
        page = open_page(body(""))
        page.get_by_label("Colour theme").click()
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


class TestKeyboard:
    def test_slash_searches_and_question_mark_helps(self, open_page: Open):
        page = open_page(body('<input data-search aria-label="Search">'))
        page.keyboard.press("/")
        expect(page.get_by_label("Search")).to_be_focused()
        page.get_by_label("Search").blur()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()

    def test_single_keys_can_be_switched_off(self, open_page: Open):
        page = open_page(body('<input data-search aria-label="Search">'))
        page.keyboard.press("?")
        page.get_by_label("Use single-key shortcuts").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        expect(page.get_by_label("Search")).not_to_be_focused()


def test_a_chart_is_drawn_under_the_policy(open_page: Open):
    spec = {"data": [{"type": "bar", "x": ["Mon", "Tue"], "y": [3, 5]}], "layout": {}}
    page = open_page(body('{% include "_shared/_chart.html" with id="trend" caption="Two days." %}'), spec=spec)
    expect(page.locator(".main-svg").first).to_be_visible()
    tops = page.locator(".main-svg").evaluate_all("all => all.map(svg => svg.getBoundingClientRect().top)")
    assert len(set(tops)) == 1  # without plotly.css the layers stand below each other


def test_a_definition_shows_on_focus_inside_the_window(open_page: Open):
    page = open_page(
        body('{% include "_shared/_definition.html" with id="c" term="Conversion" text="Share of users." %}')
    )
    page.get_by_role("button", name="Conversion").focus()
    expect(page.get_by_role("tooltip")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("tooltip")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_frame_is_accessible_and_fits(open_page: Open, page: Page, width: int, theme: str):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    open_page(body(FORMSET + '{% include "_shared/_meter.html" with label="Segments" used=49 limit=50 %}'))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")] == []
