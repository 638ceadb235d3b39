"""`{% plan_notice "funnel_builder" %}`: nothing where the plan has the feature, else which plan has it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils.formats import date_format

from stratum.workspaces import plans
from stratum.workspaces.models import Workspace

register = template.Library()


@register.inclusion_tag("workspaces/plan/_notice.html", takes_context=True)
def plan_notice(context: Any, feature: str) -> dict[str, str]:
    workspace: Workspace = context["request"].workspace
    if feature in plans.of(workspace).features:
        return {"sentence": ""}
    name, needed = plans.FEATURES[feature], plans.cheapest_with(feature).name
    return {"sentence": f"{name} is part of the {needed} plan. {_kept(workspace, feature)}"}


def _kept(workspace: Workspace, feature: str) -> str:
    last = workspace.features_until.get(feature)
    if last is None:
        return "What is there can be read, and nothing new can be made."
    day = date_format(datetime.fromisoformat(last).astimezone(ZoneInfo(workspace.time_zone)), "j M Y")
    return f"What was made until {day} stays here to be read, and nothing new can be made."
