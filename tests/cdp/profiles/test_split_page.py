"""POST /dashboard/cdp/profiles/<number>/split."""

from typing import Any

import pytest
from django.test import Client

from cdp.models import Change, Profile
from tests.cdp.people import Tell, profile_of

Pair = tuple[Profile, Profile]


def url(profile: Profile) -> str:
    return f"/dashboard/cdp/profiles/{profile.pk}/split"


def merge_of(loser: Profile) -> str:
    return str(Change.objects.filter(kind="merge", profile_id=loser.pk).latest("at").pk)


def test_it_works(as_bob: Client, merged: Pair) -> None:
    survivor, loser = merged
    page = as_bob.get(f"/dashboard/cdp/profiles/{survivor.pk}")
    (merge,) = page.context["merges"]
    assert merge.profile_id == loser.pk
    assert merge.identifiers == ("cookie-d",)
    answer = as_bob.post(url(survivor), {"merge": merge.id}, follow=True)
    assert f"profile {loser.pk} stands on its own again" in answer.content.decode()
    again = as_bob.get(f"/dashboard/cdp/profiles/{loser.pk}")
    assert [line.event.name for line in again.context["lines"]] == ["view_content"]
    assert not answer.context["merges"]


def test_it_checks_ownership(as_charlie: Client, merged: Pair) -> None:
    survivor, loser = merged
    assert as_charlie.post(url(survivor), {"merge": merge_of(loser)}).status_code == 404
    assert Profile.objects.get(pk=loser.pk).merged_into == survivor.pk


def test_a_viewer_may_not(as_role: Any, merged: Pair) -> None:
    survivor, loser = merged
    viewer = as_role("viewer")
    assert viewer.post(url(survivor), {"merge": merge_of(loser)}).status_code == 403
    assert b"/split" not in viewer.get(f"/dashboard/cdp/profiles/{survivor.pk}").content


@pytest.mark.parametrize("merge", ["", "0", "text", "9" * 30, "\x00"])
def test_a_merge_that_is_none_is_404(as_bob: Client, merged: Pair, merge: str) -> None:
    assert as_bob.post(url(merged[0]), {"merge": merge}).status_code == 404


def test_a_merge_of_somebody_else_is_404(as_bob: Client, anna: Profile, merged: Pair) -> None:
    assert as_bob.post(url(anna), {"merge": merge_of(merged[1])}).status_code == 404


def test_after_a_second_merge_only_that_one_can_be_split(
    as_bob: Client, workspace: Any, tell: Tell, merged: Pair
) -> None:
    survivor, loser = merged
    first = merge_of(loser)
    as_bob.post(url(survivor), {"merge": first})
    tell("identify", user="dora", visitor="cookie-d", hours_ago=3)
    assert profile_of(workspace, "anonymous_id", "cookie-d").pk == survivor.pk
    assert as_bob.post(url(survivor), {"merge": first}).status_code == 404
    (merge,) = as_bob.get(f"/dashboard/cdp/profiles/{survivor.pk}").context["merges"]
    assert str(merge.id) != first
