"""A look ahead at ten records, and a real run for one profile."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from cdp.models import Identifier
from cdp.queries import profiles as cdp_profiles
from cdp.queries import segments as cdp_segments
from cdp.queries.segment_members import members_of
from integrations.models import PipedriveConnection, PipedriveOutbox, PipedriveRow, PipedriveRun
from integrations.queries import pipedrive as queries
from integrations.queries import pipedrive_local
from integrations.services.pipedrive import gateway, links, mirror, outbound, outbox, sync
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.spending import Halt, Ledger
from stratum.lib.http import Failure, Gone
from stratum.lib.refusal import Refusal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

PREVIEWED = 10


def preview(*, workspace: Workspace, now: datetime) -> list[PipedriveRow]:
    """What a run would do with ten profiles, as rows that are not stored. Nothing is written on either side.

    Up to 21 tokens a record where Pipedrive's persons have not been read yet, else nearly nothing.
    """
    connection = queries.require(workspace)
    run = PipedriveRun(workspace=workspace, connection=connection, mode="test", trigger="manual", dry_run=True)
    ledger = Ledger(connection, now, dry_run=True)
    work = Work(connection, run, gateway.client_of(connection, ledger), ledger, lambda: now, _silently)
    try:
        rows = [_row(connection, one, now) for one in _ten(work)]
        _find(work, [row.local_id for row in rows])
        outbound.push(work, rows)
    except (Failure, Halt) as failure:
        raise Refusal("pipedrive_unreachable", f"There is no preview: {failure.sentence}") from failure
    finally:
        ledger.flush(now)
    return work.rows


def _silently(done: int, total: int, message: str) -> None:
    pass


def _row(connection: PipedriveConnection, profile_id: int, now: datetime) -> PipedriveOutbox:
    return PipedriveOutbox(connection=connection, local_id=profile_id, queued_at=now, not_before=now, forced=True)


def _ten(work: Work) -> list[int]:
    """The newest profiles with an e-mail address, of the chosen segment if there is one."""
    known = Identifier.objects.filter(workspace=work.workspace, kind="email")
    live = cdp_profiles.live(work.workspace).filter(pk__in=known.values("profile_id")).order_by("-pk")
    if work.connection.segment_id is not None:
        segment = cdp_segments.get(work.workspace, work.connection.segment_id)
        live = live.filter(pk__in=members_of(work.workspace, segment).tolist())
    return list(live.values_list("pk", flat=True)[:PREVIEWED])


def test_profile(*, workspace: Workspace, by: Actor, profile_id: int, now: Callable[[], datetime]) -> PipedriveRun:
    """Synchronise one profile now, whatever the schedule; the run keeps every call with its request and answer."""
    connection = queries.require(workspace)
    profile = cdp_profiles.get(workspace, profile_id)
    if connection.state != PipedriveConnection.State.CONNECTED:
        raise Refusal("not_ready", connection.problem or "The connection is paused. Resume it first.")
    run = PipedriveRun.objects.create(
        workspace=workspace,
        connection=connection,
        mode=PipedriveRun.Mode.TEST,
        profile_id=profile.pk,
        trigger="manual",
        started_by=by.label[:120],
        created_at=now(),
    )
    sync.carry_out(run, now=now, phases=lambda work: _one(work, profile.pk))
    run.refresh_from_db()
    return run


def _one(work: Work, profile_id: int) -> None:
    work.client.heard = []
    try:
        _synchronise(work, profile_id)
    finally:
        work.run.exchanges = [asdict(one) for one in work.client.heard]
        work.run.save(update_fields=["exchanges"])


def _synchronise(work: Work, profile_id: int) -> None:
    _find(work, [profile_id])
    outbox.put(work.connection, "person", [profile_id], now=work.now(), forced=True, revive=True)
    for _ in range(2):  # who is found is linked first, and then written
        rows = outbox.claim(work.connection, "person", most=1, now=work.now(), only=[profile_id])
        if rows:
            outbound.push(work, rows)
    work.step("One profile")


# Where the mirror is not fresh


def _find(work: Work, profile_ids: Sequence[int]) -> None:
    """Search for those without a link, and read each hit: the search is only a hint, and its failure no answer."""
    if not sync.is_behind(work):
        return
    known = links.of_profiles(work.connection, profile_ids)
    unknown = [one for one in profile_ids if one not in known]
    locals_ = pipedrive_local.read(work.workspace, unknown, names=work.plan.names, now=work.now())
    hits = {hit for local in locals_.values() for hit in _hits(work, local.card.identifiers.get("email", ()))}
    for hit in sorted(hits):
        try:
            person = work.client.person(hit)
        except Gone:
            continue
        if not person.is_deleted:
            mirror.keep(work.connection, work.plan, [person], now=work.now())


def _hits(work: Work, emails: Iterable[str]) -> Iterable[int]:
    for email in emails:
        yield from work.client.search_persons(email, by="email")
