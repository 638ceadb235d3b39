"""What is left of a profile that was erased: that its person must not bring it back, nor be made a second time.

The person in Pipedrive stays as it is. Here its addresses are kept as digests only: whoever comes anew with one of
them is shown among the duplicates instead of becoming a second person.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from integrations.models import PipedriveConnection, PipedriveLink
from integrations.queries import pipedrive_subject
from integrations.services.pipedrive import mirror, outbox
from stratum.workspaces.models import Workspace


def forget_profiles(workspace: Workspace, profile_ids: Sequence[int], now: datetime) -> None:
    """In the caller's transaction."""
    for connection in PipedriveConnection.objects.filter(workspace=workspace):
        _forget(connection, profile_ids)


def _forget(connection: PipedriveConnection, profile_ids: Sequence[int]) -> None:
    links = connection.links.filter(kind="person", local_id__in=profile_ids)
    remote_ids = list(links.values_list("remote_id", flat=True))
    connection.conflicts.filter(link__in=links).delete()
    links.update(remote_state=PipedriveLink.RemoteState.ERASED, base={}, local_hash="", remote_hash="")
    outbox.forget(connection, "person", profile_ids)
    mirror.veil(connection, remote_ids)
    connection.deals.filter(person_id__in=remote_ids).update(title="", told=None, message_id="")
    connection.duplicates.filter(Q(local_id__in=profile_ids) | Q(other_id__in=profile_ids)).delete()
    pipedrive_subject.tests_of(connection, profile_ids).update(exchanges=[])
    pipedrive_subject.rows_about(connection, profile_ids, remote_ids).delete()
