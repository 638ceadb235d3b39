"""A workspace connected to the fake over a real wire, with one clock for all: what every test of the sync plays on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import orjson

from cdp.definitions.segments import parse_draft
from cdp.models import Identifier, Profile, Segment
from cdp.queries import profiles as cdp_profiles
from cdp.services import segments
from cdp.services.ingest import ingest
from integrations.models import PipedriveConnection, PipedriveLink, PipedriveOutbox, PipedriveRun
from integrations.pipedrive.fields import PROFILE_ID
from integrations.sandbox import server
from integrations.sandbox.pipedrive import FakePipedrive, founded
from integrations.sandbox.pipedrive import deals as fake_deals
from integrations.sandbox.pipedrive import persons as fake_persons
from integrations.services.pipedrive import connecting, gateway, mapping, sync, webhooks
from stratum.lib import clock
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

TOKEN = "0123456789abcdef0123456789abcdef01234567"
START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """One clock for our side, which may be wrong, and the fake's."""

    instant: datetime = START
    skew: timedelta = timedelta(0)
    lock: Lock = field(default_factory=Lock)

    def ours(self) -> datetime:
        return self.instant + self.skew

    def theirs(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return (self.instant - START).total_seconds() + 1000

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.instant += timedelta(seconds=seconds)


@dataclass
class Stage:
    workspace: Workspace
    by: Actor
    clock: Clock
    fake: FakePipedrive
    connection: PipedriveConnection = field(init=False)

    # Us

    def connect(self, *, create_fields: bool = True, **settings: Any) -> None:
        connecting.connect(workspace=self.workspace, by=self.by, api_token=self.fake.company.token, now=self.now)
        if create_fields:
            mapping.create_fields(workspace=self.workspace, by=self.by, now=self.now)
        if settings:
            connecting.update_settings(workspace=self.workspace, by=self.by, now=self.now, **settings)
        self.reload()

    def reload(self) -> PipedriveConnection:
        self.connection = PipedriveConnection.objects.select_related("workspace").get(workspace=self.workspace)
        return self.connection

    @property
    def now(self) -> datetime:
        return self.clock.ours()

    def pass_time(self, **given: float) -> None:
        self.clock.instant += timedelta(**given)

    def sync(self, mode: str = "incremental", *, trigger: str = "manual", dry_run: bool = False) -> PipedriveRun:
        """A run, done at once; its windows do not end in this very second."""
        self.pass_time(seconds=2)
        run = self.begin(mode, trigger=trigger, dry_run=dry_run)
        sync.carry_out(run, now=self.clock.ours)
        run.refresh_from_db()
        self.reload()
        return run

    def begin(self, mode: str = "incremental", *, trigger: str = "manual", dry_run: bool = False) -> PipedriveRun:
        return PipedriveRun.objects.create(
            workspace=self.workspace,
            connection=self.reload(),
            mode=mode,
            trigger=trigger,
            dry_run=dry_run,
            started_by="test",
            created_at=self.now,
        )

    def settle(self, rounds: int = 12) -> int:
        """Sync until nothing waits any more; how many rounds that took."""
        for number in range(1, rounds + 1):
            run = self.sync()
            assert run.state in ("succeeded", "stopped", "failed"), run.error
            waiting = PipedriveOutbox.objects.filter(connection=self.connection)
            waiting = waiting.filter(state__in=("queued", "in_flight", "ambiguous"))
            if run.state == "succeeded" and not waiting.exists():
                return number
            self.pass_time(minutes=6)
        raise AssertionError(list(PipedriveOutbox.objects.values("state", "last_error", "attempts", "scans")))

    def identify(self, user_id: str, **traits: Any) -> Profile:
        self.pass_time(seconds=1)
        item = {"type": "identify", "userId": user_id, "traits": traits, "timestamp": self.now.isoformat()}
        receipt = ingest(workspace=self.workspace, source=None, items=[item], received_at=self.now)
        assert not receipt.rejected, receipt.rejected
        return self.profile(user_id)

    def crowd(self, size: int) -> None:
        """Many at once: u0, u1, …"""
        self.pass_time(seconds=1)
        items = [
            {
                "type": "identify",
                "userId": f"u{number}",
                "traits": {"email": f"u{number}@x.io", "first_name": "U"},
                "timestamp": self.now.isoformat(),
            }
            for number in range(size)
        ]
        ingest(workspace=self.workspace, source=None, items=items, received_at=self.now)

    def track(self, user_id: str, event: str, **properties: Any) -> None:
        self.pass_time(seconds=1)
        item = {
            "type": "track",
            "userId": user_id,
            "event": event,
            "properties": properties,
            "timestamp": self.now.isoformat(),
        }
        ingest(workspace=self.workspace, source=None, items=[item], received_at=self.now)

    def profile(self, user_id: str) -> Profile:
        owner = Identifier.objects.get(workspace=self.workspace, kind="user_id", value=user_id).profile_id
        return cdp_profiles.get(self.workspace, owner)

    def profile_by_email(self, email: str) -> Profile:
        return cdp_profiles.look_up(self.workspace, kind="email", value=email)

    def link(self, profile: Profile) -> PipedriveLink:
        return PipedriveLink.objects.get(connection=self.connection, kind="person", local_id=profile.pk)

    # Them

    def person(self, **given: Any) -> dict[str, Any]:
        """A salesperson adds one."""
        return fake_persons.add(self.fake.world, given)

    def edit(self, person_id: int, **given: Any) -> dict[str, Any]:
        return fake_persons.edit(self.fake.world, person_id, given)

    def deal(self, **given: Any) -> dict[str, Any]:
        return fake_deals.add(self.fake.world, **given)

    def edit_deal(self, deal_id: int, **given: Any) -> dict[str, Any]:
        return fake_deals.edit(self.fake.world, deal_id, **given)

    @property
    def persons(self) -> list[dict[str, Any]]:
        return [one for one in self.fake.company.persons.values() if not one["is_deleted"]]

    def only_person(self) -> dict[str, Any]:
        [person] = self.persons
        return person

    def code(self, name: str = PROFILE_ID) -> str:
        return next(str(one["field_code"]) for one in self.fake.company.fields if one["field_name"] == name)

    def deliver(self, *, twice: bool = False, reverse: bool = False) -> None:
        """All webhooks that wait."""
        hooks, self.fake.world.hooks = self.fake.world.hooks, []
        for hook in reversed(hooks) if reverse else hooks:
            for _ in range(2 if twice else 1):
                self.deliver_one(hook)

    def deliver_one(self, hook: dict[str, Any]) -> bool:
        return webhooks.receive_webhook(
            secret=self.connection.webhook_secret, authorization="", body=orjson.dumps(hook), now=self.now
        )


def segment_of(stage: Stage, name: str, user_ids: Sequence[str]) -> Segment:
    """A static segment of these users, who need not be there yet."""
    for user in user_ids:
        stage.identify(user, email="ada@x.io" if user == "u1" else f"{user}@x.io")
    ids = [str(stage.profile(user).pk) for user in user_ids]
    body = {"name": name, "condition": {"type": "static", "ids": ids}}
    return segments.create_from_draft(workspace=stage.workspace, by=stage.by, draft=parse_draft(body), now=stage.now)


@contextmanager
def staged(
    workspace: Workspace, by: Actor, monkeypatch: Any, settings: Any, *, latency: float = 0.0
) -> Iterator[Stage]:
    times = Clock()
    monkeypatch.setattr(clock, "now", times.ours)
    monkeypatch.setattr(gateway, "monotonic", times.monotonic)
    monkeypatch.setattr(gateway, "sleep", times.sleep)
    fake = FakePipedrive(founded(TOKEN, currency="EUR", id=42, name="Acme Sales", domain="acme"), now=times.theirs)
    fake.world.monotonic = times.monotonic
    with server.serving(fake.answer, latency=latency) as url:
        settings.PIPEDRIVE_URL = url
        yield Stage(workspace, by, times, fake)
