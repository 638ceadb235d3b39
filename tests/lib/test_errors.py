"""Error pages in the caller's form."""

import json

from django.test import RequestFactory

from stratum.lib import errors


def test_an_unknown_address_is_a_page(client, db):
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert b"There is nothing here" in answer.content


def test_inside_a_workspace_the_menu_stays(as_charlie, other_workspace):
    answer = as_charlie.post("/dashboard/settings/team/999/remove")
    assert answer.status_code == 404
    assert answer.context["workspace"] == other_workspace


def test_a_broken_page_says_nothing_about_why():
    request = RequestFactory().get("/dashboard/")
    request.request_id = "r1"
    answer = errors.server_error(request)
    assert answer.status_code == 500
    assert b"request r1" in answer.content


def test_a_broken_fragment_is_a_toast_and_a_broken_api_a_problem():
    toast = errors.server_error(RequestFactory().get("/dashboard/", headers={"HX-Request": "true"}))
    assert (toast.status_code, toast["HX-Reswap"]) == (500, "none")
    problem = errors.server_error(RequestFactory().get("/api/v1/x"))
    assert json.loads(problem.content)["code"] == "server_error"


def test_who_asks_for_json_gets_json():
    answer = errors.page_not_found(RequestFactory().get("/x", headers={"Accept": "application/json"}), Exception())
    assert answer["Content-Type"] == "application/problem+json"


def test_too_large_a_form_is_413(client, db, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert client.post("/login", {"username": "a" * 1000, "password": "b"}).status_code == 413
