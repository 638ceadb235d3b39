"""Rules to begin with: their scope and thresholds are yours to change, what they look at and do is not."""

from collections.abc import Mapping, Sequence
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


def _when(metric: str, op: str, value: float, days: int | None = None) -> dict[str, Any]:
    return {"metric": metric, "op": op, "value": value} | ({} if days is None else {"days": days})


def _body(kind: str, when: Sequence[Mapping[str, Any]], every: str = "hourly", **then: str) -> dict[str, Any]:
    return {"scope": {"kind": kind}, "when": list(when), "then": then, "every": every}


TEMPLATES: Mapping[str, Template] = {
    one.name: one
    for one in (
        Template(
            "scale_winners",
            "Scale winners",
            "More budget for campaigns that return well and spend what they have.",
            _body(
                "campaign",
                [
                    _when("roas", "gte", 3.0, days=14),
                    _when("conversions", "gte", 30, days=14),
                    _when("spend_pace", "gte", 90, days=7),
                ],
                action="budget_increase",
                percent="15",
            ),
        ),
        Template(
            "cut_losers",
            "Cut losers",
            "Less budget for campaigns whose conversions cost too much.",
            _body(
                "campaign",
                [_when("cpa", "gt", 60, days=14), _when("spend", "gte", 300, days=14)],
                action="budget_decrease",
                percent="20",
            ),
        ),
        Template(
            "pause_without_conversions",
            "Pause spenders without conversions",
            "Ad sets that spend and bring nothing are paused.",
            _body(
                "adset",
                [
                    _when("spend", "gte", 150, days=14),
                    _when("conversions", "lt", 1, days=14),
                    _when("signal_health", "gte", 70),
                ],
                action="pause_adset",
            ),
        ),
        Template(
            "budget_pacing",
            "Budget pacing",
            "Budgets that are not spent are lowered, so that others may have them.",
            _body(
                "campaign",
                [_when("spend_pace", "lt", 60, days=7)],
                every="daily",
                action="budget_decrease",
                percent="15",
            ),
        ),
        Template(
            "bid_to_target",
            "Bid to target",
            "Lower bids where a conversion costs more than it should.",
            _body(
                "adset",
                [_when("cpa", "gt", 45, days=14), _when("conversions", "gte", 10, days=14)],
                every="daily",
                action="bid_decrease",
                percent="10",
            ),
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
