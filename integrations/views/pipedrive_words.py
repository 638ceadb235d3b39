"""The Pipedrive connection in words: what is synchronised, how it is, what became of records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integrations.models import PipedriveConnection, PipedriveRow, PipedriveRun
from integrations.pipedrive.fields import DIRECTION_WORDS, RULE_WORDS

MOST_TEXT = 120  # characters of a value on one line
NOTHING = "(empty)"


@dataclass(frozen=True, slots=True)
class Mark:
    """A badge: never told by colour alone."""

    word: str
    icon: str
    tone: str


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """A line of the manual's table of what is synchronised."""

    value: str
    ours: str
    theirs: str
    direction: str
    sentence: str
    chosen: bool = False
    note: str = ""


OBJECTS = (
    ObjectRow("persons", "CDP Profiles", "Persons", "Bidirectional", "Names, addresses, traits and lifecycle stage."),
    ObjectRow("activities", "Events", "Activities", "Stratum → Pipedrive", "Chosen events, on the person's timeline."),
    ObjectRow("labels", "Segments", "Labels/Filters", "Stratum → Pipedrive", "Chosen segments, seen by sales."),
    ObjectRow("attribution", "Attribution", "Custom Fields", "Stratum → Pipedrive", "Where somebody came from."),
    ObjectRow("deals", "Deals", "Revenue Data", "Pipedrive → Stratum", "Won deals as events of the profile."),
)

STATES: Mapping[str, Mark] = {
    "connected": Mark("Connected", "plug-connected", "ok"),
    "paused": Mark("Paused", "player-pause", "warn"),
    "needs_attention": Mark("Needs attention", "alert-circle", "danger"),
    "disconnected": Mark("Not connected", "unlink", "neutral"),
}
HEALTH: Mapping[str, Mark] = {
    "healthy": Mark("Healthy", "circle-check", "ok"),
    "warning": Mark("Warning", "alert-triangle", "warn"),
    "critical": Mark("Critical", "alert-circle", "danger"),
    "paused": Mark("Paused", "player-pause", "warn"),
    "disconnected": Mark("Not connected", "unlink", "neutral"),
}
RUN_STATES: Mapping[str, Mark] = {
    "queued": Mark("Queued", "hourglass", "info"),
    "running": Mark("Running", "refresh", "info"),
    "succeeded": Mark("Done", "circle-check", "ok"),
    "failed": Mark("Failed", "alert-circle", "danger"),
    "stopped": Mark("Stopped", "player-pause", "warn"),
}
ACTIONS: Mapping[str, Mark] = {
    "create": Mark("Created", "circle-plus", "ok"),
    "update": Mark("Updated", "upload", "ok"),
    "pull": Mark("Taken over", "download", "ok"),
    "link": Mark("Linked", "link", "ok"),
    "conflict": Mark("Conflict", "switch-horizontal", "warn"),
    "duplicate": Mark("Duplicate", "users", "warn"),
    "revenue": Mark("Revenue", "currency-dollar", "ok"),
    "parked": Mark("Parked", "hourglass", "warn"),
    "activity": Mark("Activity", "calendar-event", "ok"),
    "label": Mark("Label", "tag", "ok"),
    "deleted": Mark("Deleted", "trash", "neutral"),
    "skipped": Mark("Skipped", "minus", "neutral"),
    "failed": Mark("Rejected", "alert-circle", "danger"),
}
ROW_STATES = {"open": "waits for you", "retried": "retried", "ignored": "ignored"}
COUNTS = {
    "scanned": "Looked at",
    "created": "Created",
    "updated": "Updated",
    "pulled": "Taken over",
    "linked": "Linked",
    "unchanged": "Unchanged",
    "conflict": "Conflicts",
    "duplicate": "Duplicates",
    "revenue": "Deals counted",
    "failed": "Rejected",
    "dead": "Given up",
}
RECORDS = {"person": "Person", "activity": "Activity", "deal": "Deal", "label": "Label"}
WINNERS = {"stratum": "Stratum", "pipedrive": "Pipedrive"}
WHY = {
    "newest": "its edit was the newer one",
    "crm_wins": "the rule says: Pipedrive wins",
    "stratum_wins": "the rule says: Stratum wins",
    "fill_blank": "the rule says: only blanks are filled in",
}
PHASES = {
    "fields": "Reading Pipedrive's fields",
    "persons": "Reading persons",
    "mirror": "Reading persons",
    "inbound": "Reading changes of Pipedrive",
    "outbound": "Writing persons",
    "labels": "Writing labels and filters",
    "activities": "Writing activities",
    "deals": "Reading deals",
    "reconcile": "Comparing with every person",
}


def object_rows(connection: PipedriveConnection) -> list[ObjectRow]:
    """The table with what is chosen."""
    return [_chosen(row, connection) for row in OBJECTS]


def _chosen(row: ObjectRow, connection: PipedriveConnection) -> ObjectRow:
    is_persons = row.value == "persons"
    return ObjectRow(
        row.value,
        row.ours,
        row.theirs,
        str(connection.get_direction_display()) if is_persons else row.direction,
        row.sentence,
        connection.syncs(row.value),
        _note(row.value, connection),
    )


def _note(what: str, connection: PipedriveConnection) -> str:
    if what == "activities" and connection.syncs(what):
        names = [one["event"] for one in connection.activity_events]
        return f"{', '.join(names)}, at most {connection.activity_cap} a day each" if names else "no event is chosen"
    if what == "labels" and connection.syncs(what):
        names = list(connection.labels.filter(retired_at=None).order_by("name").values_list("name", flat=True))
        return ", ".join(names) or "no segment is chosen"
    if what == "deals" and connection.syncs(what):
        return f"as {connection.deal_event}"
    return ""


def direction_words(direction: str) -> str:
    return next((words for value, words in DIRECTION_WORDS.items() if value == direction), direction)


def rule_words(rule: str) -> str:
    return next((words for value, words in RULE_WORDS.items() if value == rule), rule)


def run_kind(run: PipedriveRun) -> str:
    if run.mode == PipedriveRun.Mode.TEST:
        return "Test of one profile" if not run.dry_run else "Test of one profile (nothing written)"
    if run.dry_run:
        return "Dry run"
    if run.trigger == "first":
        return "First sync"
    return "Full sync" if run.mode == PipedriveRun.Mode.FULL else "Sync"


def run_told(run: PipedriveRun) -> str:
    """`3 created, 2 updated, 1 rejected`; what is 0 is left out."""
    told = [f"{run.counts[name]:,} {word.lower()}" for name, word in COUNTS.items() if run.counts.get(name)]
    return ", ".join(told)


def took(run: PipedriveRun) -> str:
    if run.started_at is None or run.finished_at is None:
        return ""
    return age_words(int((run.finished_at - run.started_at).total_seconds())) or "under a second"


def age_words(seconds: int | None) -> str:
    """`2 min`, `3 h 5 min`, `2 days`; empty for None and for nothing."""
    if not seconds:
        return ""
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def value_words(value: Any) -> str:
    """A value of either side on one line."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Mapping):
        if "value" in value:
            return " ".join(str(value[name]) for name in ("value", "currency") if value.get(name) is not None)
        text = ", ".join(f"{name}: {value_words(one)}" for name, one in value.items())
    elif isinstance(value, list):
        text = ", ".join(value_words(one) for one in value)
    else:
        text = str(value)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"


def record(row: PipedriveRow) -> str:
    """What kind of record, with the numbers of both sides."""
    told = [RECORDS.get(row.kind, row.kind.capitalize())]
    if row.remote_id is not None:
        told.append(f"no. {row.remote_id} in Pipedrive")
    if row.local_id is not None:
        told.append(f"{'event' if row.kind == 'activity' else 'profile'} {row.local_id}")
    return " · ".join(told)


def conflict_why(rule: str) -> str:
    return WHY.get(rule, rule)
