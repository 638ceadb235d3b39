"""Routes with and without a trailing slash."""

import pytest
from django.urls import reverse

from stratum.lib.routes import TolerantPattern


@pytest.mark.parametrize("written", ["a/b", "a/b/"])
def test_both_forms_match(written):
    pattern = TolerantPattern(written, is_endpoint=True)
    assert pattern.match("a/b") and pattern.match("a/b/")
    assert not pattern.match("a/b//") and not pattern.match("a") and not pattern.match("a/bc")


def test_parameters_are_read_in_both_forms():
    pattern = TolerantPattern("x/<int:number>", is_endpoint=True)
    assert pattern.match("x/7")[2] == pattern.match("x/7/")[2] == {"number": 7}


def test_a_post_keeps_its_body_with_a_slash(client, db):
    assert client.post("/login/", {"username": "a@example.com", "password": "x"}).status_code == 200


def test_addresses_are_printed_as_written():
    assert reverse("home") == "/dashboard/"
    assert reverse("settings_team") == "/dashboard/settings/team"
