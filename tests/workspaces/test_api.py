"""/api/v1 of the ground floor: workspace, members, keys; and the document that describes it all."""

import json

import pytest
from openapi_spec_validator import validate
from rest_framework.test import APIClient

from stratum.workspaces import queries
from stratum.workspaces.models import ApiKey, ApiUsage, WriteKey
from tests import factories
from tests.cast import member
from tests.conftest import api_client


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_workspace(api, slash):
    data = api.get(f"/api/v1/workspace{slash}").json()
    assert (data["slug"], data["plan"], data["time_zone"]) == ("acme", "professional", "Europe/Berlin")
    assert "funnel_builder" in data["features"] and "crm_salesforce" not in data["features"]
    assert {"meter": "members", "label": "Team Members", "used": 0, "limit": 10} in data["usage"]


def test_a_session_works_too_and_costs_no_quota(as_bob, workspace):
    assert as_bob.get("/api/v1/workspace").json()["slug"] == "acme"
    assert not ApiUsage.objects.exists()


def test_a_session_needs_its_csrf_token_to_write(alice):
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(alice)
    answer = browser.post("/api/v1/write-keys", {"name": "web"})
    assert answer.status_code == 403
    assert not WriteKey.objects.exists()


def test_a_session_without_a_workspace_is_told_so(sign_in):
    answer = sign_in(factories.UserFactory()).get("/api/v1/workspace")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_workspace")


def test_each_request_of_a_key_is_counted(api):
    for _ in range(3):
        api.get("/api/v1/workspace")
    assert ApiUsage.objects.get().requests == 3


def test_refused_requests_are_not_counted(api_with):
    api_with("write").get("/api/v1/api-keys")
    assert not ApiUsage.objects.exists()


def test_the_used_up_month_is_429(api, workspace, now):
    ApiUsage.objects.create(workspace=workspace, month=now.date().replace(day=1), requests=50_000)
    answer = api.get("/api/v1/workspace")
    assert (answer.status_code, answer.json()["code"]) == (429, "quota_exhausted")
    assert answer["Content-Type"] == "application/problem+json"


def test_members_come_in_pages(api, workspace):
    for number in range(5):
        member(workspace, f"p{number}@example.com", "viewer")
    first = api.get("/api/v1/members?limit=3").json()
    assert len(first["results"]) == 3 and first["previous"] is None
    second = api.get(first["next"]).json()
    emails = [row["email"] for row in first["results"] + second["results"]]
    assert emails == [f"p{number}@example.com" for number in (4, 3, 2, 1, 0)]
    assert second["next"] is None
    assert api.get(second["previous"]).json()["results"] == first["results"]


def test_new_rows_do_not_shift_a_page(api, workspace):
    for number in range(4):
        member(workspace, f"p{number}@example.com", "viewer")
    first = api.get("/api/v1/members?limit=2").json()
    member(workspace, "late@example.com", "viewer")
    assert [row["email"] for row in api.get(first["next"]).json()["results"]] == ["p1@example.com", "p0@example.com"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=ten", "limit=٣", "cursor=xyz", "cursor=%FF", "colour=red"]
)
def test_a_bad_query_is_400_with_its_pointer(api, query):
    answer = api.get(f"/api/v1/members?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


def test_a_limit_beyond_200_is_200(api):
    assert api.get("/api/v1/members?limit=100000000000").status_code == 200


def test_keys_are_issued_listed_and_revoked(api, now):
    made = api.post("/api/v1/api-keys/", {"name": "nightly", "scopes": ["read"]}).json()
    assert queries.authenticate_api_key(made["key"], now=now).scopes == ["read"]
    listed = api.get("/api/v1/api-keys").json()["results"]
    assert listed[0]["prefix"] == made["prefix"] and made["key"] not in str(listed)
    assert "secret_hash" not in str(listed)
    assert api.delete(f"/api/v1/api-keys/{made['id']}").status_code == 204
    assert queries.authenticate_api_key(made["key"], now=now) is None


def test_write_keys_are_issued_listed_and_revoked(api):
    made = api.post("/api/v1/write-keys", {"name": "web", "client_side": True}).json()
    assert queries.authenticate_write_key(made["key"]).client_side
    listed = api.get("/api/v1/write-keys").json()["results"]
    assert [row["prefix"] for row in listed] == [made["prefix"]]
    assert api.delete(f"/api/v1/write-keys/{made['id']}/").status_code == 204
    assert queries.authenticate_write_key(made["key"]) is None


def test_it_checks_ownership(api, stranger_api, write_key, workspace):
    key = ApiKey.objects.get(workspace=workspace)
    assert stranger_api.get("/api/v1/workspace").json()["slug"] == "other"
    assert stranger_api.delete(f"/api/v1/api-keys/{key.pk}").status_code == 404
    assert stranger_api.delete(f"/api/v1/write-keys/{write_key.pk}").status_code == 404
    assert stranger_api.get("/api/v1/write-keys").json()["results"] == []
    assert api.get("/api/v1/workspace").status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"name": "k", "workspace": 1, "a/b~c": 2}, "/workspace", "unknown_field"),
        ({"name": "k", "revoked_at": None}, "/revoked_at", "unknown_field"),
        ({}, "/name", "required"),
        ({"name": "k\0"}, "/name", "unstorable"),
        ({"name": "k\ud800"}, "/name", "unstorable"),
        ({"name": 7.5, "scopes": "read"}, "/scopes", "not_a_list"),
        ({"name": "k", "scopes": ["read", "sudo"]}, "/scopes/1", "unknown_scope"),
        ({"name": "k", "scopes": [{"a": 1}]}, "/scopes/0", "invalid"),
        ({"name": "k", "expires_at": "soon"}, "/expires_at", "invalid"),
        ({"name": "k", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at", "invalid"),
        ([], "", "invalid"),
        ("text", "", "invalid"),
        (None, "", "null"),
    ],
)
def test_a_bad_body_is_422_with_a_pointer(api, body, pointer, code):
    answer = api.generic("POST", "/api/v1/api-keys", json.dumps(body), content_type="application/json")
    problem = answer.json()
    assert answer.status_code == 422, problem
    assert answer["Content-Type"] == "application/problem+json"
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["code"]) == (pointer, code)
    assert problem["status"] == 422 and problem["request_id"] == answer["X-Request-ID"]
    assert ApiKey.objects.count() == 1


def test_each_unknown_field_is_named(api):
    problem = api.post("/api/v1/api-keys", {"name": "k", "a/b~c": 2, "color": 1}).json()
    assert [fault["pointer"] for fault in problem["errors"]] == ["/a~1b~0c", "/color"]


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"name": NaN}', b""])
def test_a_body_that_is_no_json_is_a_4xx(api, body):
    answer = api.generic("POST", "/api/v1/api-keys", body, content_type="application/json")
    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/problem+json"


def test_other_refusals_speak_the_same_form(api):
    wrong_method = api.put("/api/v1/workspace")
    wrong_type = api.post("/api/v1/api-keys", "a=1", content_type="text/plain")
    nowhere = api.get("/api/v1/nowhere")
    no_id = api.get("/api/v1/jobs/xyz")
    assert [answer.status_code for answer in (wrong_method, wrong_type, nowhere, no_id)] == [405, 415, 404, 404]
    for answer in (wrong_method, wrong_type, nowhere, no_id):
        assert answer["Content-Type"] == "application/problem+json"
        assert set(answer.json()) == {"type", "title", "status", "detail", "code", "request_id", "errors"}


def test_a_body_of_ten_megabytes_is_413(api):
    body = '{"name": "' + "x" * 10_000_000 + '"}'
    answer = api.post("/api/v1/write-keys", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer["Content-Type"] == "application/problem+json"


def test_the_schema_is_valid_openapi_3_1(client, db):
    document = client.get("/api/schema?format=json").json()
    assert document["openapi"].startswith("3.1")
    validate(document)
    assert {"/api/v1/workspace", "/api/v1/api-keys", "/api/v1/jobs/{job_id}"} <= set(document["paths"])
    assert set(document["components"]["securitySchemes"]) == {"apiKey", "session"}


def test_the_schema_says_that_errors_are_problems(client, db):
    document = client.get("/api/schema?format=json").json()
    for operations in document["paths"].values():
        for operation in operations.values():
            errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
            assert "400" in errors
            assert all(list(answer["content"]) == ["application/problem+json"] for answer in errors.values())


@pytest.mark.parametrize("listed", ["members", "api-keys", "write-keys"])
def test_the_schema_says_that_lists_come_in_pages(client, db, listed):
    document = client.get("/api/schema?format=json").json()
    answer = document["paths"][f"/api/v1/{listed}"]["get"]["responses"]["200"]["content"]["application/json"]
    shape = document["components"]["schemas"][answer["schema"]["$ref"].rpartition("/")[2]]
    assert set(shape["required"]) == {"next", "previous", "results"}


def test_the_docs_page_obeys_the_content_security_policy(client, db):
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert b"<style" not in page.content and b"<script>" not in page.content
    assert client.get("/api/docs?script=").status_code == 200


def test_a_viewer_key_of_another_scope_reads_nothing(workspace):
    assert api_client(factories.api_key(workspace, scopes=[])).get("/api/v1/workspace").status_code == 403
