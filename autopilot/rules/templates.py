"""Rules to begin with: their scope and thresholds are yours to change, what they look at and do is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autopilot.rules.definitions import Definition, parse


@dataclass(frozen=True, slots=True)
class Template:
    name: str
    label: str
    sentence: str
    body: Mapping[str, Any]

    @property
    def definition(self) -> Definition:
        return parse(self.body)


TEMPLATES: Mapping[str, Template] = {
    one.name: one
    for one in (
        Template(
            "scale_winners",
            "Scale winners",
            "More budget for campaigns that return well and spend what they have.",
            {
                "scope": {"kind": "campaign"},
                "when": [
                    {"metric": "roas", "days": 14, "op": "gte", "value": 3.0},
                    {"metric": "conversions", "days": 14, "op": "gte", "value": 30},
                    {"metric": "spend_pace", "days": 7, "op": "gte", "value": 90},
                ],
                "then": {"action": "budget_increase", "percent": "15"},
            },
        ),
        Template(
            "cut_losers",
            "Cut losers",
            "Less budget for campaigns whose conversions cost too much.",
            {
                "scope": {"kind": "campaign"},
                "when": [
                    {"metric": "cpa", "days": 14, "op": "gt", "value": 60},
                    {"metric": "spend", "days": 14, "op": "gte", "value": 300},
                ],
                "then": {"action": "budget_decrease", "percent": "20"},
            },
        ),
        Template(
            "pause_without_conversions",
            "Pause spenders without conversions",
            "Ad sets that spend and bring nothing are paused.",
            {
                "scope": {"kind": "adset"},
                "when": [
                    {"metric": "spend", "days": 14, "op": "gte", "value": 150},
                    {"metric": "conversions", "days": 14, "op": "lt", "value": 1},
                    {"metric": "signal_health", "op": "gte", "value": 70},
                ],
                "then": {"action": "pause_adset"},
            },
        ),
        Template(
            "budget_pacing",
            "Budget pacing",
            "Budgets that are not spent are lowered, so that others may have them.",
            {
                "scope": {"kind": "campaign"},
                "when": [{"metric": "spend_pace", "days": 7, "op": "lt", "value": 60}],
                "then": {"action": "budget_decrease", "percent": "15"},
                "every": "daily",
            },
        ),
        Template(
            "bid_to_target",
            "Bid to target",
            "Lower bids where a conversion costs more than it should.",
            {
                "scope": {"kind": "adset"},
                "when": [
                    {"metric": "cpa", "days": 14, "op": "gt", "value": 45},
                    {"metric": "conversions", "days": 14, "op": "gte", "value": 10},
                ],
                "then": {"action": "bid_decrease", "percent": "10"},
                "every": "daily",
            },
        ),
    )
}


def follows(definition: Definition, template: str) -> bool:
    """Whether it is that template with other thresholds and another scope."""
    known = TEMPLATES.get(template)
    if known is None:
        return False
    return _shape(definition) == _shape(known.definition)


def _shape(definition: Definition) -> tuple[object, ...]:
    return definition.scope.kind, definition.action, tuple((one.metric, one.op) for one in definition.when)
