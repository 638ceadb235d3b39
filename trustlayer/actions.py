"""The kinds of automation that are judged, and how people group them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActionKind:
    """`group` is a filter of the audit log. What is `never_refused` makes things safer."""

    name: str
    label: str
    group: str
    never_refused: bool = False


GROUPS: Mapping[str, str] = {
    "budget": "Budget changes",
    "pause": "Pauses",
    "enable": "Enables",
    "bid": "Bids",
    "stop": "Emergency stops",
}

PAUSE_ALL = "pause_all"

ACTIONS: Mapping[str, ActionKind] = {
    kind.name: kind
    for kind in (
        ActionKind("budget_increase", "Budget increase", "budget"),
        ActionKind("budget_decrease", "Budget decrease", "budget"),
        ActionKind("set_budget", "Set budget", "budget"),
        ActionKind("scale_budget", "Scale budget", "budget"),
        ActionKind("pause_campaign", "Pause campaign", "pause"),
        ActionKind("pause_adset", "Pause ad set", "pause"),
        ActionKind("pause_creative", "Pause creative", "pause"),
        ActionKind("enable_campaign", "Enable campaign", "enable"),
        ActionKind("enable_adset", "Enable ad set", "enable"),
        ActionKind("enable_creative", "Enable creative", "enable"),
        ActionKind("bid_increase", "Bid increase", "bid"),
        ActionKind("bid_decrease", "Bid decrease", "bid"),
        ActionKind("emergency_stop", "Emergency stop", "stop", never_refused=True),
        ActionKind(PAUSE_ALL, "Pause all", "stop", never_refused=True),
    )
}
