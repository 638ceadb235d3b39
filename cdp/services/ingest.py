"""Messages in: read each item, store the good ones, keep the refused ones with their reason."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cdp.models import RejectedItem
from cdp.services.event_store import Receipt, store
from cdp.tracking.body import Envelope
from cdp.tracking.messages import Kind, Message, Rejection
from cdp.tracking.read import read_item
from cdp.tracking.rules import DEFAULT_ALIASES, Rules
from stratum.lib.raw import raw_cursor
from stratum.workspaces import plans
from stratum.workspaces.models import Workspace, WriteKey

FOREVER = 36_500  # days; a plan without limit still refuses dates that no clock ever showed
ITEM_LIMIT = 32 * 1024  # bytes kept of what was refused


def rules_of(workspace: Workspace, source: WriteKey | None) -> Rules:
    with raw_cursor() as cursor:  # asked for every batch: the query layer would take as long as ten events
        cursor.execute(_ALIASES, [workspace.pk], prepare=True)
        own = cursor.fetchall()
    return Rules(
        aliases={**DEFAULT_ALIASES, **dict(own)},
        default_country=workspace.default_country,
        retention_days=plans.of(workspace).retention_days or FOREVER,
        client_side=source is not None and source.client_side,
    )


_ALIASES = "SELECT original, name FROM cdp_eventalias WHERE workspace_id = %s"


def ingest(
    *,
    workspace: Workspace,
    source: WriteKey | None,
    items: Sequence[object],
    received_at: datetime,
    kind: Kind | None = None,
    envelope: Envelope | None = None,
) -> Receipt:
    """Store `items` (raw, as an SDK sent them); `kind` is set where the endpoint says it for all of them."""
    rules = rules_of(workspace, source)
    about = envelope or Envelope(items=list(items))
    messages: list[Message] = []
    rejected: list[Rejection] = []
    for index, item in enumerate(items):
        read = read_item(item, index, rules=rules, received_at=received_at, kind=kind, envelope=about)
        if isinstance(read, Message):
            messages.append(read)
        else:
            rejected.append(read)
    stored = store(workspace, source, messages)
    rejected += stored.rejected
    if rejected:
        _keep_rejected(workspace, source, rejected, received_at)
    return Receipt(stored.accepted, stored.duplicates, stored.copies, tuple(rejected))


def _keep_rejected(
    workspace: Workspace, source: WriteKey | None, rejected: Iterable[Rejection], received_at: datetime
) -> None:
    RejectedItem.objects.bulk_create(
        RejectedItem(
            workspace=workspace,
            source=source,
            received_at=received_at,
            message_id=rejection.message_id,
            name=rejection.name,
            code=rejection.code,
            reason=rejection.reason,
            item=rejection.item,
        )
        for rejection in rejected
    )


def keep_unreadable(*, source: WriteKey, code: str, reason: str, raw: bytes, received_at: datetime) -> None:
    """A body nobody could read still shows in the debugger of the workspace whose key it carried."""
    text = raw[:ITEM_LIMIT].decode("utf-8", "backslashreplace").replace("\0", "\\u0000")
    rejection = Rejection(0, "", "", code, reason, text)
    _keep_rejected(source.workspace, source, [rejection], received_at)
