"""What every request passes."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from stratum.lib.middleware import ClientAddress, Refusals, RequestId
from stratum.lib.refusal import Fault, Invalid, Missing, NotAllowed, Refusal


@pytest.fixture
def request_of():
    def make(path="/dashboard/x", **headers):
        request = RequestFactory().get(path, headers=headers)
        request.request_id = "r1"
        return request

    return make


def refused(request, refusal) -> HttpResponse:
    return Refusals(lambda request: HttpResponse()).process_exception(request, refusal)


def test_a_request_id_is_made_and_sent_back(client):
    first, second = client.get("/pricing"), client.get("/pricing")
    assert len(first["X-Request-ID"]) == 32
    assert first["X-Request-ID"] != second["X-Request-ID"]


@pytest.mark.parametrize("given", ["abc-123", "0af7651916cd43dd8448eb211c80319c", "a" * 64])
def test_a_harmless_request_id_is_kept(client, given):
    assert client.get("/pricing", headers={"X-Request-ID": given})["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "<script>", "-x", "é", "a\nb"])
def test_any_other_is_replaced(given):
    request = RequestFactory().get("/", HTTP_X_REQUEST_ID=given)
    assert RequestId(lambda request: HttpResponse())(request)["X-Request-ID"] != given


def test_nothing_inline_and_nothing_from_elsewhere(client):
    policy = dict(rule.split(" ", 1) for rule in client.get("/pricing")["Content-Security-Policy"].split("; "))
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in str(policy)


def test_html_says_that_a_fragment_is_not_its_page(client):
    assert "HX-Request" in client.get("/pricing")["Vary"]
    assert client.get("/pricing", headers={"HX-Request": "true"})["Cache-Control"] == "no-store"


@pytest.mark.parametrize("refusal", [Missing(), NotAllowed("no", "You may not."), Refusal("busy", "Not now.")])
def test_a_refusal_becomes_a_page(request_of, refusal):
    answer = refused(request_of(), refusal)
    assert answer.status_code == refusal.status
    assert refusal.sentence in answer.content.decode()
    assert "request r1" in answer.content.decode()


def test_a_refusal_becomes_a_toast_that_swaps_nothing(request_of):
    answer = refused(request_of(**{"HX-Request": "true"}), Refusal("busy", "Not “now”."))
    assert answer.status_code == 409
    assert answer["HX-Reswap"] == "none"
    assert '"level": "error"' in answer["HX-Trigger"]
    assert answer["HX-Trigger"].isascii()


def test_a_refusal_becomes_a_problem_for_programs(request_of):
    answer = refused(request_of("/api/v1/x"), Invalid([Fault("/steps/1", "No such event.", "unknown")]))
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert b'"pointer": "/steps/1"' in answer.content


def test_a_sentence_is_escaped_on_the_page(request_of):
    page = refused(request_of(), Missing("<script>alert(1)</script>")).content.decode()
    assert "<script>alert" not in page


def test_other_errors_are_not_swallowed(request_of):
    assert refused(request_of(), ValueError("a mistake")) is None


@pytest.mark.parametrize("address", ["/pricing?x=%00", "/%00", "/login?next=%00"])
def test_nul_in_an_address_is_400(client, address):
    assert client.get(address).status_code == 400


def test_pages_are_compressed_for_who_can_read_that(as_alice):
    plain = as_alice.get("/dashboard/")
    small = as_alice.get("/dashboard/", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain
    assert small["Content-Encoding"] == "gzip" and "Accept-Encoding" in small["Vary"]
    assert len(small.content) * 2 < len(plain.content)


def test_a_tag_of_a_compressed_answer_still_names_it(api):
    tag = api.get("/api/v1/notifications", headers={"Accept-Encoding": "gzip"})["ETag"]
    assert tag.startswith("W/")
    assert api.get("/api/v1/notifications", headers={"If-None-Match": tag}).status_code == 304
    assert api.patch("/api/v1/notifications", {"summary_hour": 9}, headers={"If-Match": tag}).status_code == 200


def test_downloads_are_not_compressed(as_alice):
    answer = as_alice.get("/dashboard/exports/dashboard", {"format": "csv"}, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200 and "Content-Encoding" not in answer


def address_seen(**headers) -> str:
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR="127.0.0.1")
    ClientAddress(lambda request: HttpResponse())(request)
    return request.META["REMOTE_ADDR"]


def test_without_a_proxy_nobody_chooses_their_own_address(settings):
    settings.PROXIES = 0
    assert address_seen(x_forwarded_for="203.0.113.7") == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "seen"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("10.9.9.9, 203.0.113.7", "203.0.113.7"),  # the first was written by the sender
        ("2001:db8::7", "2001:db8::7"),
        ("203.0.113.7, nonsense", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_behind_a_proxy_its_word_counts_and_nobody_elses(settings, forwarded, seen):
    settings.PROXIES = 1
    assert address_seen(x_forwarded_for=forwarded) == seen


def test_behind_two_proxies_the_outer_one_knows(settings):
    settings.PROXIES = 2
    assert address_seen(x_forwarded_for="10.9.9.9, 203.0.113.7, 192.0.2.1") == "203.0.113.7"
    assert address_seen(x_forwarded_for="192.0.2.1") == "127.0.0.1"
