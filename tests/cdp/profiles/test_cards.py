"""Rooms upstairs show what they know of somebody on the profile's page."""

import pytest
from django.test import Client

from cdp.models import Profile
from stratum.workspaces import registry
from stratum.workspaces.registry import ProfileCard


@pytest.fixture(autouse=True)
def cards(monkeypatch: pytest.MonkeyPatch, anna: Profile) -> None:
    def facts(workspace, profile, now):
        return {"words": f"{workspace.slug} {profile} {now:%Y}"} if profile == anna.pk else None

    shown: registry.Registry[ProfileCard] = registry.Registry()
    shown.register(ProfileCard("somewhere", "Somewhere else", "cdp/home/profiles.html", facts))
    monkeypatch.setattr(registry, "profile_cards", shown)


def test_a_card_is_shown_with_its_facts(as_bob: Client, anna: Profile) -> None:
    answer = as_bob.get(f"/dashboard/cdp/profiles/{anna.pk}")
    assert [card.facts["words"] for card in answer.context["cards"]] == [f"acme {anna.pk} 2026"]
    assert "Somewhere else" in answer.content.decode()


def test_a_room_that_knows_nothing_shows_no_card(as_bob: Client, ben: Profile) -> None:
    answer = as_bob.get(f"/dashboard/cdp/profiles/{ben.pk}")
    assert answer.context["cards"] == []
    assert "Somewhere else" not in answer.content.decode()
