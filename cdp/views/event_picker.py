"""What the event pickers of the builders offer: names with their counts of 30 days, and the properties seen."""

from cdp.queries.funnels import SeenEvent, seen_events
from stratum.workspaces.access import MemberRequest

# What the pickers carry to the browser; more would make the page heavy, and every name can still be typed.
PICKER_EVENTS, PICKER_PROPERTIES = 500, 40


def event_picker(request: MemberRequest) -> dict[str, object]:
    """For the list of names, and the data for js/builder.js."""
    seen = seen_events(request.workspace, now=request.now)[:PICKER_EVENTS]
    return {
        "seen_events": seen,
        "seen_counts": {event.name: event.count for event in seen},
        "seen_properties": {event.name: _properties(event) for event in seen},
    }


def _properties(event: SeenEvent) -> dict[str, list[str]]:
    return {seen.name: list(seen.samples) for seen in event.properties[:PICKER_PROPERTIES]}
