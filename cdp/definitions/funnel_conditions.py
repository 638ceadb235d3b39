"""People of a funnel's result as a condition that a segment can follow."""

from collections.abc import Mapping
from typing import Any

from cdp.definitions.funnel_questions import Whom
from cdp.definitions.funnels import FunnelDefinition
from stratum.lib import periods


def condition_of_people(definition: FunnelDefinition, whom: Whom, days: int) -> Mapping[str, Any] | None:
    """The same steps in the last so many days; None for what the grammar of segments cannot say.

    A funnel asks for entries of fixed days, a segment for whole sequences up to now: numbers may differ a little.
    """
    is_narrowed = whom.has_value or whom.seconds_min is not None or whom.seconds_max is not None
    if definition.mode != "ordered" or is_narrowed or whom.which != "current" or len(definition.steps) > MOST_STEPS:
        return None
    last = len(definition.steps) - 1
    if whom.outcome == "converted":
        return _reached(definition, last if whom.step is None else whom.step, days)
    reached, following = (0, last) if whom.step is None else (whom.step, min(whom.step + 1, last))
    missed = {"type": "not", "child": _reached(definition, following, days)}
    return {"type": "and", "children": [_reached(definition, reached, days), missed]}


MOST_STEPS = 10  # of a sequence


def _reached(definition: FunnelDefinition, step: int, days: int) -> dict[str, Any]:
    window = {"last": f"P{days}D"}
    if not step:
        return {"type": "event", **definition.steps[0].match.as_json(), "window": window}
    without = [one.as_json() for one in definition.exclusions if one.before <= step]
    return {
        "type": "sequence",
        "window": window,
        "total": periods.format_duration(definition.window),
        "steps": [_step(definition, place) for place in range(step + 1)],
        **({"exclude": without} if without else {}),
    }


def _step(definition: FunnelDefinition, place: int) -> dict[str, Any]:
    step = definition.steps[place]
    gap = {} if step.max_gap is None or not place else {"gap": {"max": periods.format_duration(step.max_gap)}}
    return {**step.match.as_json(), **gap}
