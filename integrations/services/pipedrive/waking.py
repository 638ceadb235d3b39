"""What changes of settings and mapping set in motion, and the webhooks that wake us."""

from datetime import datetime

from integrations.models import PipedriveConnection
from integrations.services.pipedrive import gateway
from integrations.services.pipedrive.spending import Halt, Ledger
from stratum.lib.http import Failure


def mapping_changed(connection: PipedriveConnection, *, now: datetime) -> None:
    """The next look at our side takes everybody: what they come to is another thing now."""
    forget_places(connection)


def settings_changed(connection: PipedriveConnection, *, now: datetime) -> None:
    forget_places(connection)


def forget_places(connection: PipedriveConnection) -> None:
    connection.followed = {}
    connection.save(update_fields=["followed"])


def take_off_webhooks(connection: PipedriveConnection, *, now: datetime) -> None:
    """As far as Pipedrive answers: what stays there leads to an address that nobody knows any more."""
    if not connection.webhook_ids or not connection.token:
        return
    ledger = Ledger(connection, now)
    client = gateway.client_of(connection, ledger)
    try:
        for webhook in connection.webhook_ids:
            client.delete_webhook(webhook)
    except (Failure, Halt):
        return
    finally:
        ledger.flush(now)
