"""Rows of the autopilot; one file per noun."""

from autopilot.models.actions import Action, ActionMove
from autopilot.models.dry_runs import DryRun
from autopilot.models.rules import Rule, RuleEvaluation, RuleRun, RuleVersion
from autopilot.models.settings import AutopilotSettings

__all__ = ["Action", "ActionMove", "AutopilotSettings", "DryRun", "Rule", "RuleEvaluation", "RuleRun", "RuleVersion"]
