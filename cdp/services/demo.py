"""The demo workspace: a shop's half year, sent through the same ingestion as everybody's events; and its removal."""

import gc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait

from django.db import connections, transaction
from django.db.models import Max, Min

from cdp.definitions.funnels import parse_draft
from cdp.definitions.segment_templates import TEMPLATES as SEGMENTS
from cdp.definitions.segments import parse_draft as parse_segment
from cdp.definitions.trait_templates import TEMPLATES, Template
from cdp.definitions.trait_yaml import read_yaml
from cdp.demo.funnels import FUNNELS
from cdp.demo.shop import EVENTS, PROFILES, SAMPLE, Batch, messages, sample_ids, window_of
from cdp.demo.trust import DAYS as TRUST_DAYS
from cdp.models import Change, Event, EventCopy
from cdp.queries import arrays, segment_uses
from cdp.services import demo_trust, engine, funnels, segment_spells, segments, system_traits, traits
from cdp.services.blocks import ids
from cdp.services.event_store import lock_identities
from cdp.services.ingest import ingest
from cdp.services.trait_values import forget_places
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Refusal
from stratum.workspaces import registry
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Job, Member, User, Workspace, WriteKey
from stratum.workspaces.services import issue_write_key

NAME, SLUG = "Northlight Outdoor (demo)", "demo"
EMAIL, PASSWORD = "demo@stratum.local", "demo-stratum"
TIME_ZONE = "America/New_York"
CURRENCY = "USD"  # that most of the shop's orders are in; the others are Canadian
SEED = 2026
DELETED_AT_ONCE = 50_000  # events
PARTS = 2  # always, so that message ids do not depend on the machine
BUILT = "cdp.demo_built"  # kind of the Job row that says: complete

Progress = Callable[[int, int], None]
SOURCES = {"browser": "Website and app", "server": "Shop server"}


@dataclass(frozen=True, slots=True)
class Demo:
    """`sent`: messages that this call had to send. `password` is empty when somebody has changed it."""

    workspace: Workspace
    email: str
    password: str
    sent: int


def build(
    *,
    now: datetime,
    progress: Progress,
    profiles: int = PROFILES,
    events: int = EVENTS,
    workers: int = PARTS,
    days: int = TRUST_DAYS,
) -> Demo:
    """The demo workspace, filled. Calling it again completes what was interrupted and else changes nothing.

    `progress(done, total)` counts messages; the total is an estimate until the end. `days`: of signals and decisions.
    With more than one worker it closes the database connection and forks: not for use inside a transaction, nor in a
    process with threads at work.
    """
    workspace, owner = _furnish(now)
    sent = 0
    if workspace.holds_sample_data and not is_built(workspace):
        parts = [Part(workspace, number, profiles, events) for number in range(PARTS)]
        sent = _fill(parts, progress, workers, events)
        _take_statistics()
        _define_funnels(workspace, now)
        engine.keep_up(workspace)
        _define_traits(workspace, now)
        _define_segments(workspace, now)
        demo_trust.tell(workspace=workspace, seed=SEED, now=workspace.created_at, days=days)
        _mark_built(workspace, sent, now)
    if workspace.holds_sample_data:
        for sample in registry.samples.values():
            sample.build(workspace, now)
    return Demo(workspace, EMAIL, PASSWORD if owner.check_password(PASSWORD) else "", sent)


def is_built(workspace: Workspace) -> bool:
    return Job.objects.filter(workspace=workspace, kind=BUILT).exists()


@transaction.atomic
def _furnish(now: datetime) -> tuple[Workspace, User]:
    workspace = Workspace.objects.filter(slug=SLUG).first() or _found(now)
    owner = User.objects.filter(email=EMAIL).first()
    if owner is None:
        owner = User.objects.create_user(EMAIL, PASSWORD, name="Demo")
        Member.objects.get_or_create(workspace=workspace, user=owner, defaults={"role": "owner", "joined_at": now})
    return workspace, owner


def _found(now: datetime) -> Workspace:
    workspace = Workspace.objects.create(
        slug=SLUG, name=NAME, plan="professional", time_zone=TIME_ZONE, holds_sample_data=True
    )
    Workspace.objects.filter(pk=workspace.pk).update(created_at=now)  # the story ends here, however often it is told
    workspace.created_at = now
    for source, name in SOURCES.items():
        issue_write_key(workspace=workspace, by=SYSTEM, name=name, now=now, client_side=source == "browser")
    return workspace


@dataclass(frozen=True, slots=True)
class Part:
    """What one process sends."""

    workspace: Workspace
    number: int
    profiles: int
    events: int

    def send(self) -> Iterator[int]:
        """How many messages each batch had. Goes on where an earlier attempt stopped."""
        keys = {source: WriteKey.objects.get(workspace=self.workspace, name=name) for source, name in SOURCES.items()}
        for batch in self._batches():
            ingest(
                workspace=self.workspace,
                source=keys[batch.source],
                items=batch.items,
                received_at=batch.received_at,
            )
            yield len(batch.items)

    def _batches(self) -> Iterator[Batch]:
        return messages(
            SEED,
            self.workspace.created_at,
            self.profiles,
            self.events,
            part=self.number,
            parts=PARTS,
            first_window=self._reached(),
        )

    def _reached(self) -> int:
        """The last window sent. It may be incomplete; it is sent again, and repeats are recognised."""
        mine = Event.objects.filter(
            workspace=self.workspace, message_id__startswith=sample_ids(SEED, self.number, PARTS)
        )
        last = mine.order_by("-message_id").values_list("message_id", flat=True).first()
        return window_of(last) if last else 0


def _take_statistics() -> None:
    """As autovacuum does in a minute: without them PostgreSQL plans the first questions as if its tables were empty."""
    with raw_cursor() as cursor:
        for table in ("cdp_event", "cdp_profile", "cdp_identifier"):
            cursor.execute(f"ANALYZE {table}")


def _fill(parts: list[Part], progress: Progress, workers: int, events: int) -> int:
    sent, total = 0, events + events // 20  # identify calls and second copies of orders come on top
    progress(sent, total)
    for count in _side_by_side(parts) if workers > 1 else chain.from_iterable(part.send() for part in parts):
        sent += count
        progress(min(sent, total), total)
    progress(total, total)
    return sent


def _side_by_side(parts: list[Part]) -> Iterator[int]:
    """Each part in a process of its own. When we die, they die of the broken pipe."""
    connections.close_all()
    fork = get_context("fork")
    pipes = [fork.Pipe(duplex=False) for _ in parts]
    workers = [
        fork.Process(target=_work, args=(part, pipe[1], [other[0] for other in pipes]), daemon=True)
        for part, pipe in zip(parts, pipes, strict=True)
    ]
    try:
        for worker, (_, told) in zip(workers, pipes, strict=True):
            worker.start()
            told.close()
        yield from _heard([heard for heard, _ in pipes])
        for worker in workers:
            worker.join()
            if worker.exitcode:
                raise RuntimeError("A worker that fills the demo workspace broke; start again to go on.")
    finally:
        for worker in workers:
            worker.terminate()


def _heard(pipes: list[Connection]) -> Iterator[int]:
    while pipes:
        for pipe in wait(pipes):
            assert isinstance(pipe, Connection)
            try:
                yield pipe.recv()
            except EOFError:
                pipes.remove(pipe)


def _work(part: Part, told: Connection, others: list[Connection]) -> None:
    for pipe in others:
        pipe.close()  # else a pipe whose reader died would not break
    gc.disable()  # the story is half a million small objects that live to its end; looking through them costs a fifth
    for count in part.send():
        told.send(count)
    connections.close_all()


def _define_funnels(workspace: Workspace, now: datetime) -> None:
    taken = set(workspace.funnels.values_list("name", flat=True))
    for body in FUNNELS:
        if body["name"] not in taken:
            funnels.create(workspace=workspace, by=SYSTEM, draft=parse_draft(body), now=now)


def _define_traits(workspace: Workspace, now: datetime) -> None:
    """The tutorial's, whose values the worker computes as it does everybody's."""
    taken = set(workspace.traits.filter(deleted_at=None).values_list("name", flat=True))
    for template in TEMPLATES.values():
        if template.name not in taken:
            traits.create(workspace=workspace, by=SYSTEM, body=_trait_body(template), now=now)


def _define_segments(workspace: Workspace, now: datetime) -> None:
    """From the templates, the tutorial's first; the worker decides who is in as soon as the traits are there."""
    system_traits.ensure(workspace, now=now)
    taken = set(workspace.segments.filter(archived_at=None).values_list("name", flat=True))
    for one in SEGMENTS.values():
        if one.name not in taken:
            body = {"name": one.name, "description": one.description, "condition": dict(one.condition)}
            segments.create_from_draft(workspace=workspace, by=SYSTEM, draft=parse_segment(body), now=now)


def _trait_body(template: Template) -> dict[str, object]:
    body = read_yaml(template.yaml)
    money = {"currency": CURRENCY} if body.get("property") == "revenue" else {}
    return {**body, "label": template.label, "description": template.sentence, **money}


def _mark_built(workspace: Workspace, sent: int, now: datetime) -> None:
    Job.objects.create(
        workspace=workspace,
        kind=BUILT,
        state=Job.State.SUCCEEDED,
        done=sent,
        total=sent,
        result={"seed": SEED, "until": workspace.created_at.isoformat()},
        created_at=now,
        finished_at=now,
    )


# Removing


def remove(*, workspace: Workspace, by: Actor, now: datetime) -> None:
    """Take the sample events, profiles, funnels, segments and traits out; what people sent or changed themselves stays,
    and so do members and keys. Interrupted, it goes on when called again.
    """
    if not workspace.holds_sample_data:
        return
    for sample in registry.samples.values():
        sample.remove(workspace, now)
    _delete_events(workspace)
    _delete_profiles(workspace, now)
    _delete_funnels(workspace)
    _delete_segments(workspace)
    _delete_traits(workspace, now)
    demo_trust.remove(workspace=workspace, now=now)
    Workspace.objects.filter(pk=workspace.pk).update(holds_sample_data=False)
    workspace.holds_sample_data = False
    engine.rebuild(workspace)
    forget_places(workspace)


def _delete_events(workspace: Workspace) -> None:
    """By ranges of ids, so that no other writer waits for long."""
    sample = Event.objects.filter(workspace=workspace, message_id__startswith=f"{SAMPLE}{SEED}-")
    bounds = sample.aggregate(first=Min("id"), last=Max("id"))
    if bounds["first"] is not None:
        for start in range(bounds["first"], bounds["last"] + 1, DELETED_AT_ONCE):
            sample.filter(id__gte=start, id__lt=start + DELETED_AT_ONCE).delete()
    EventCopy.objects.filter(workspace=workspace, message_id__startswith=f"{SAMPLE}{SEED}-").delete()


@transaction.atomic
def _delete_profiles(workspace: Workspace, now: datetime) -> None:
    """Whoever has no event left, alone or with those merged into him, was part of the story only."""
    lock_identities(workspace)
    with raw_cursor() as cursor:
        cursor.execute(_FIND_STORIED, [workspace.pk, workspace.pk])
        cursor.execute("SELECT array_send(array_agg(id)) FROM storied", binary=True)
        segment_spells.forget(workspace, arrays.received((cursor.fetchone() or (None,))[0]))
        for statement in (_DELETE_IDENTIFIERS, _DELETE_CHANGES, _DELETE_PROFILES):
            cursor.execute(statement, [workspace.pk])
        cursor.execute("DROP TABLE storied")
    _tell_that_rows_went(workspace, now)


def _tell_that_rows_went(workspace: Workspace, now: datetime) -> None:
    """Whoever remembers the workspace's profiles reads them anew. No event went by its age."""
    Change.objects.create(
        id=ids.take_one(),
        workspace=workspace,
        kind=Change.Kind.RETAIN,
        before={"before_ts": 0},
        reason="sample data removed",
        at=now,
    )


def _delete_funnels(workspace: Workspace) -> None:
    """Only those that nobody has changed."""
    names = [body["name"] for body in FUNNELS]
    workspace.funnels.filter(name__in=names, created_by=None, version=1).delete()


def _delete_segments(workspace: Workspace) -> None:
    """Only those that nobody has changed and no other segment rests on."""
    ours = workspace.segments.filter(name__in=[one.name for one in SEGMENTS.values()], created_by=None, version=1)
    ours.exclude(pk__in=set().union(*segment_uses.uses(workspace).values())).delete()


def _delete_traits(workspace: Workspace, now: datetime) -> None:
    """Only those that nobody has changed and nothing uses."""
    ours = workspace.traits.filter(name__in=TEMPLATES, created_by=None, deleted_at=None)
    for trait in ours.exclude(versions__created_by__isnull=False):
        with suppress(Refusal):
            traits.delete(workspace=workspace, by=SYSTEM, trait_id=trait.pk, now=now)


_FIND_STORIED = """
CREATE TEMPORARY TABLE storied AS
SELECT p.id FROM cdp_profile p
WHERE p.workspace_id = %s AND coalesce(p.merged_into, p.id) NOT IN (
    SELECT coalesce(q.merged_into, q.id) FROM cdp_event e JOIN cdp_profile q ON q.id = e.profile_id
    WHERE e.workspace_id = %s)
"""
_DELETE_IDENTIFIERS = "DELETE FROM cdp_identifier WHERE workspace_id = %s AND profile_id IN (SELECT id FROM storied)"
_DELETE_CHANGES = "DELETE FROM cdp_change WHERE workspace_id = %s AND profile_id IN (SELECT id FROM storied)"
_DELETE_PROFILES = "DELETE FROM cdp_profile WHERE workspace_id = %s AND id IN (SELECT id FROM storied)"
