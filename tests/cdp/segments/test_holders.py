"""What other rooms rest on is not archived."""

import pytest
from django.test import Client

from cdp.models import Segment
from cdp.services import segments
from stratum.workspaces import registry
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Dependent, DependentFinder


@pytest.fixture
def segment(workspace: Workspace, by_alice: Actor, now) -> Segment:
    return segments.create(
        workspace=workspace, by=by_alice, name="VIP", description="", condition={"type": "all"}, now=now
    )


def finder(name: str, *, holds: bool) -> DependentFinder:
    used = Dependent("Sync", "Elsewhere", "/there")
    return DependentFinder(name, "segment", lambda where, keys: [(key, used) for key in keys], holds)


@pytest.mark.parametrize(("holds", "status"), [(True, 409), (False, 204)])
def test_only_who_holds_it_keeps_it(
    monkeypatch: pytest.MonkeyPatch, api: Client, segment: Segment, holds: bool, status: int
) -> None:
    monkeypatch.setitem(registry.dependent_finders, "elsewhere", finder("elsewhere", holds=holds))
    answer = api.delete(f"/api/v1/cdp/segments/{segment.pk}")
    assert answer.status_code == status
    if holds:
        assert "“Elsewhere”" in answer.json()["detail"]
