"""What the customer data rooms tell the ground floor."""

from cdp.queries import segments as segment_queries
from cdp.services import segments
from stratum.workspaces import limits, registry


def register() -> None:
    limits.register(segments.METER, segment_queries.counted)
    registry.erasers.register(registry.Eraser("segments", segments.forget))
