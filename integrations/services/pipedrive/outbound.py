"""Profiles out to persons, up to a hundred at a time (a hundred persons cost as much to read as ten)."""

from collections.abc import Sequence
from datetime import timedelta

from integrations.models import PipedriveOutbox
from integrations.pipedrive.client import MOST_IDS
from integrations.queries import pipedrive_local
from integrations.services.pipedrive import creating, links, outbox, updating
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.links import RemoteState
from integrations.services.pipedrive.sending import Sending
from integrations.services.pipedrive.spending import Halt
from stratum.lib.http import Failure

BATCH = MOST_IDS
FRESH = timedelta(minutes=10)  # how old the mirror may be before it is read on
State = PipedriveOutbox.State


def push(work: Work, rows: Sequence[PipedriveOutbox]) -> None:
    """Bring these records to Pipedrive; each row ends done, later, waiting or dead. Raises what stops everything."""
    begun = [row for row in rows if row.state in (State.IN_FLIGHT, State.AMBIGUOUS)]
    fresh = [row for row in rows if row.state == State.QUEUED]
    try:
        if begun:
            fresh += creating.resolve(work, begun)
        _push(work, fresh)
    except (Halt, Failure):
        _free(rows)
        raise


def _free(rows: Sequence[PipedriveOutbox]) -> None:
    """Whoever comes next may have them at once; what is in flight keeps its mark."""
    keys = [row.pk for row in rows]
    PipedriveOutbox.objects.filter(pk__in=keys, state__in=(State.QUEUED, State.IN_FLIGHT)).update(lease_until=None)


def _push(work: Work, rows: Sequence[PipedriveOutbox]) -> None:
    sendings = _looked_up(work, rows)
    linked = [one for one in sendings if one.link is not None]
    updating.update(work, updating.changed(work, linked))
    creating.create(work, creating.unmatched(work, [one for one in sendings if one.link is None]))


def _looked_up(work: Work, rows: Sequence[PipedriveOutbox]) -> list[Sending]:
    """As they stand now. Who is no profile any more, or has no e-mail address and no link, is off the list."""
    ids = [row.local_id for row in rows]
    locals_ = pipedrive_local.read(work.workspace, ids, names=work.plan.names, now=work.now())
    known = links.of_profiles(work.connection, ids)
    found, idle = [], []
    for row in rows:
        local, link = locals_.get(row.local_id), known.get(row.local_id)
        if local is None or (link is None and not local.email) or (link and link.remote_state != RemoteState.LIVE):
            idle.append(row)
        else:
            found.append(Sending(row, local, link))
    if not work.dry_run:
        outbox.done(idle, now=work.now())
    return found
