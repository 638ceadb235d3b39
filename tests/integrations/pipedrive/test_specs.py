"""What we send and what the fake answers fit Pipedrive's own specifications (skipped where these are not at hand)."""

import pytest

from integrations.pipedrive.choices import ActivityEvent
from integrations.queries import pipedrive as queries
from integrations.sandbox.pipedrive import persons as fake_persons
from integrations.sandbox.wire import Reply, Request
from integrations.services.pipedrive import connecting, duplicates, previews
from tests.integrations.pipedrive import specs
from tests.integrations.pipedrive.stage import Stage, segment_of


def test_everything_that_goes_over_the_wire(stage: Stage, settings: object) -> None:
    if specs.folder() is None:
        pytest.skip(
            "Pipedrive's specifications do not lie beside the checkout: requests are checked by our schemas only."
        )
    settings.BASE_URL = "https://stratum.example.com"  # type: ignore[attr-defined]
    stage.workspace.plan = "enterprise"
    stage.workspace.save()
    seen: list[str] = []
    original = stage.fake._answer

    def checked(request: Request) -> Reply:
        reply = original(request)
        specs.check(request, reply)
        seen.append(f"{request.method} {request.path}")
        return reply

    stage.fake._answer = checked  # type: ignore[method-assign]
    _play(stage)
    assert {one.partition(" ")[0] for one in seen} == {"GET", "POST", "PATCH", "PUT", "DELETE"}
    assert len(set(seen)) >= 18, sorted(set(seen))


def _play(stage: Stage) -> None:
    """Every call that a connection makes in its life."""
    for name in ("Ada One", "Ada Two"):
        stage.person(name=name, emails=["twice@x.io"])
    stage.person(name="Grace Hopper", emails=["grace@navy.mil"], phones=["+1 415 555 2671"])
    vip = segment_of(stage, "VIP", ["u1"])
    stage.identify("u1", first_name="Ada", last_name="Lovelace", phone="+49 30 901820")
    stage.identify("u2", email="twice@x.io", first_name="Twice")
    stage.connect(create_fields=False)
    previews.preview(workspace=stage.workspace, now=stage.now)
    stage.connect()
    connecting.activity_types(workspace=stage.workspace, now=stage.now)
    connecting.update_settings(
        workspace=stage.workspace,
        by=stage.by,
        now=stage.now,
        objects=["persons", "activities", "labels", "attribution", "deals"],
        activities=[ActivityEvent("purchase", "task")],
        labels=[vip.pk],
        schedule="realtime",
    )
    stage.settle()
    stage.track("u1", "purchase", revenue=12, currency="EUR")
    stage.identify("u1", last_name="King")
    stage.deal(title="Big", person_id=1, value=10, status="won")
    stage.settle()
    [duplicate] = queries.duplicates(stage.connection)
    duplicates.resolve(
        workspace=stage.workspace, by=stage.by, duplicate_id=duplicate.pk, choice="merge", person_id=1, now=stage.now
    )
    fake_persons.remove(stage.fake.world, 3)
    stage.settle()
    connecting.update_settings(workspace=stage.workspace, by=stage.by, now=stage.now, labels=[], schedule="daily")
    stage.settle()
    stage.settle()
