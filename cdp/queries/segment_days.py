"""How large a segment was, day by day."""

from cdp.models import Segment, SegmentDay


def daily(segment: Segment) -> list[SegmentDay]:
    """Oldest first; the last one stands as it is so far."""
    return list(segment.days.order_by("day"))
