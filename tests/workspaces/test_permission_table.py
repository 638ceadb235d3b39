"""No door without a sign: every route stands in tests/permission_table.py, and does what the table says."""

import re
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from stratum.workspaces import roles
from stratum.workspaces.authentication import right_of
from tests.cast import member
from tests.conftest import api_client
from tests.factories import api_key
from tests.permission_table import TABLE

SAMPLES = {
    "int": "999999",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "slug": "none",
    "str": "none",
    "path": "none",
}

NO_SUCH_METHOD = 405


def routes() -> Iterator[tuple[str, str, URLPattern]]:
    """(name or address, address, pattern) of every route but Django admin's own, which only staff may enter."""
    yield from walk(get_resolver().url_patterns, "")


def walk(patterns, prefix: str) -> Iterator[tuple[str, str, URLPattern]]:
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":
                yield from walk(pattern.url_patterns, address)
        else:
            yield pattern.name or address, address, pattern


ROUTES = {name: (address, pattern) for name, address, pattern in routes()}


def stated(pattern: URLPattern) -> object:
    """What the view itself says: a page's `.right`, an API view's `right` or `rights`."""
    view = pattern.callback
    cls = getattr(view, "view_class", None) or getattr(view, "cls", None)
    own = getattr(view, "right", None)
    return own or getattr(cls, "rights", None) or getattr(cls, "right", None)


def sample(address: str) -> str:
    """The address with some value in the place of each parameter."""
    return "/" + re.sub(r"<(?:(\w+):)?\w+>", lambda found: SAMPLES[found[1] or "str"], address)


def rows(kind: str) -> list[tuple[str, str, str]]:
    """(address, method, right) of the table's rows whose routes are API or page."""
    found = []
    for name, right in TABLE.items():
        if name in ROUTES and ROUTES[name][0].startswith("api/") == (kind == "api"):
            by_method = right if isinstance(right, dict) else {"GET": right, "POST": right}
            found += [(sample(ROUTES[name][0]), method, right) for method, right in by_method.items()]
    return [row for row in found if row[2] not in {"public", "signed_in"}]


def test_every_route_stands_in_the_table():
    missing = sorted(set(ROUTES) - set(TABLE))
    assert not missing, f"Add these routes with their right to tests/permission_table.py: {missing}"


def test_the_table_names_no_route_that_is_gone():
    gone = sorted(set(TABLE) - set(ROUTES))
    assert not gone


@pytest.mark.parametrize("name", sorted(TABLE))
def test_each_view_says_what_the_table_says(name):
    if name in ROUTES:
        assert stated(ROUTES[name][1]) == TABLE[name]


def test_nobody_without_login_enters_a_page(client, db):
    entered = [row for row in rows("page") if not refused_to_login(client, row)]
    assert not entered


def refused_to_login(client, row) -> bool:
    address, method, _ = row
    answer = client.generic(method, address)
    to_login = answer.status_code == 302 and answer["Location"].startswith("/login?next=")
    return to_login or answer.status_code == NO_SUCH_METHOD


@pytest.mark.parametrize("role", roles.ROLES[:-1])
def test_each_role_is_refused_beyond_its_rights(workspace, sign_in, role):
    browser = sign_in(member(workspace, "somebody@example.com", role))
    beyond = [row for row in rows("page") if row[2] not in roles.RIGHTS[role]]
    refused = {403, NO_SUCH_METHOD}
    assert [row for row in beyond if browser.generic(row[1], row[0]).status_code not in refused] == []


def test_no_program_without_a_key_enters_the_api(client, db):
    assert [row for row in rows("api") if client.generic(row[1], row[0]).status_code != 401] == []


@pytest.mark.parametrize("scope", roles.SCOPES)
def test_each_key_is_refused_beyond_its_scope(workspace, scope):
    program = api_client(api_key(workspace, scopes=[scope]))
    beyond = [row for row in rows("api") if row[2] not in roles.SCOPES[scope]]
    assert [row for row in beyond if program.generic(row[1], row[0]).status_code != 403] == []


def test_admin_is_for_staff(client, as_alice):
    assert client.get("/admin/").status_code == 302
    assert as_alice.get("/admin/", follow=True).status_code == 403


def test_methods_that_a_view_does_not_list_ask_for_the_right_to_read():
    class View:
        rights = {"GET": "view", "DELETE": "build"}

    assert [right_of(View, method) for method in ("GET", "HEAD", "OPTIONS", "DELETE")] == ["view"] * 3 + ["build"]
