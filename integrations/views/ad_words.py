"""Words, marks and money of the ad platforms' pages."""

from datetime import datetime
from decimal import Decimal

from integrations.google_ads.mapping import WHOLE_UNITS
from integrations.models import AdConnection, AdSyncRun
from integrations.queries import ad_platforms as queries
from integrations.queries.ad_platforms import ConnectionCard
from integrations.registry import NOT_CONNECTED, Standing
from stratum.workspaces.models import Workspace
from trustlayer.words import Mark

STATES = {
    AdConnection.State.CONNECTED: Mark("Connected", "ok", "plug-connected"),
    AdConnection.State.NEEDS_ATTENTION: Mark("Needs attention", "danger", "alert-triangle"),
    AdConnection.State.DISCONNECTED: Mark("Disconnected", "neutral", "unlink"),
}
RUNS = {
    AdSyncRun.State.RUNNING: Mark("Running", "info", "refresh"),
    AdSyncRun.State.SUCCEEDED: Mark("Complete", "ok", "circle-check"),
    AdSyncRun.State.FAILED: Mark("Failed", "danger", "circle-x"),
    AdSyncRun.State.WAITING: Mark("Waiting", "warn", "hourglass"),
}
ENTITIES = {
    "active": Mark("Active", "ok", "player-play"),
    "paused": Mark("Paused", "neutral", "player-pause"),
    "removed": Mark("Removed", "neutral", "archive"),
}
KINDS = {
    "campaign": ("Campaigns", "campaign"),
    "adset": ("Ad sets", "ad set"),
    "creative": ("Creatives", "creative"),
}


def state_of(card: ConnectionCard, now: datetime) -> Mark:
    connection = card.connection
    state = AdConnection.State(connection.state)
    if state == AdConnection.State.CONNECTED and connection.waits_until and connection.waits_until > now:
        return Mark("Waiting", "warn", "hourglass")
    if state == AdConnection.State.CONNECTED and connection.problem:
        return Mark("Last sync failed", "warn", "alert-triangle")
    return STATES[state]


def money(amount: Decimal | None, currency: str) -> str:
    return "–" if amount is None else f"{amount_in(amount, currency)} {currency}"


def amount_in(amount: Decimal, currency: str) -> str:
    """Without the currency, for where it stands beside."""
    return f"{amount:,.0f}" if currency in WHOLE_UNITS else f"{amount:,.2f}"


def large(amount: Decimal, currency: str) -> str:
    """For a figure that stands alone in a card: cents are no news of ten thousand."""
    return f"{amount:,.0f}" if amount >= 10_000 else amount_in(amount, currency)


def ratio(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def count(value: Decimal) -> str:
    """Whole where it is; conversions may be fractions."""
    return f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.1f}"


def standing(workspace: Workspace, now: datetime) -> Standing:
    """Of all connections together, for the overview: the one that needs a person first."""
    cards = [card for card in queries.connections(workspace, now=now) if card.connection.state != "disconnected"]
    if not cards:
        return NOT_CONNECTED
    accounts = sum(len(card.accounts) for card in cards)
    names = ", ".join(sorted({card.connection.get_platform_display() for card in cards}))
    sentences = (f"{names}: {accounts} ad account{'' if accounts == 1 else 's'}.",)
    wrong = [card for card in cards if state_of(card, now) is not STATES[AdConnection.State.CONNECTED]]
    if not wrong:
        return Standing("ok", "plug-connected", "Connected", sentences)
    worst = next((card for card in wrong if card.connection.state == "needs_attention"), wrong[0])
    mark = state_of(worst, now)
    return Standing(mark.tone, mark.icon, mark.word, (*sentences, worst.connection.problem))
