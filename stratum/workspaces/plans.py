"""The plans: feature flags and limits, as the product's plan pages have them."""

from collections.abc import Mapping
from dataclasses import dataclass

from stratum.workspaces.models import Workspace

FEATURES: dict[str, str] = {
    "rfm_analysis": "RFM analysis",
    "signal_health_history": "Signal health history",
    "slack_notifications": "Slack notifications",
    "dashboard_export": "Dashboard export",
    "funnel_builder": "Funnel Builder",
    "computed_traits": "Computed Traits",
    "trust_audit_logs": "Trust Gate Audit Logs",
    "action_dry_run": "Action Dry-Run",
    "crm_pipedrive": "Pipedrive CRM",
    "advanced_segments": "Advanced Segments",
    "consent_management": "Consent Management",
    "realtime_streaming": "Real-time Streaming",
    "predictive_churn": "Predictive Churn",
    "custom_autopilot_rules": "Custom Autopilot Rules",
    "crm_realtime": "Real-time CRM sync",
    "crm_salesforce": "Salesforce CRM",
    "linkedin_lead_gen": "LinkedIn Lead Gen",
    "dashboard_customization": "Dashboard Customization",
    "custom_report_builder": "Custom Report Builder",
}

# What is counted against a plan: (what the pages call it, what a refusal calls one of it).
METERS: dict[str, tuple[str, str]] = {
    "ad_accounts": ("Ad Accounts", "ad account"),
    "members": ("Team Members", "team member"),
    "api_requests": ("API Requests", "API request"),
    "segments": ("Custom Segments", "segment"),
    "computed_traits": ("Computed Traits", "computed trait"),
    "crm_connections": ("CRM Connections", "CRM connection"),
}

STARTER_FEATURES = frozenset({"rfm_analysis", "signal_health_history", "slack_notifications", "dashboard_export"})
PROFESSIONAL_FEATURES = STARTER_FEATURES | {
    "funnel_builder",
    "computed_traits",
    "trust_audit_logs",
    "action_dry_run",
    "crm_pipedrive",
    "advanced_segments",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """`limits` by meter; a meter without one is not limited. `retention_days` None keeps events for ever."""

    code: str
    name: str
    sentence: str
    features: frozenset[str]
    limits: Mapping[str, int]
    retention_days: int | None
    requests_a_minute: int = 300  # of each API key
    available: bool = True

    def limit(self, meter: str) -> int | None:
        return self.limits.get(meter)


# The tutorial names no numbers for Starter; these are ours, chosen below Professional's.
STARTER = Plan(
    code="starter",
    name="Starter",
    sentence="See your profiles, their value and the health of your signals.",
    features=STARTER_FEATURES,
    limits={
        "ad_accounts": 3,
        "members": 3,
        "api_requests": 10_000,
        "segments": 10,
        "computed_traits": 0,
        "crm_connections": 0,
    },
    retention_days=90,
    requests_a_minute=60,
)
PROFESSIONAL = Plan(
    code="professional",
    name="Professional",
    sentence="Funnels, computed traits, audit logs, dry-runs and Pipedrive.",
    features=PROFESSIONAL_FEATURES,
    limits={
        "ad_accounts": 15,
        "members": 10,
        "api_requests": 50_000,
        "segments": 50,
        "computed_traits": 25,
        "crm_connections": 1,
    },
    retention_days=180,
)
ENTERPRISE = Plan(
    code="enterprise",
    name="Enterprise",
    sentence="Consent, streaming, prediction and more systems. Talk to us.",
    features=frozenset(FEATURES),
    limits={},
    retention_days=None,
    available=False,
)

PLANS: dict[str, Plan] = {plan.code: plan for plan in (STARTER, PROFESSIONAL, ENTERPRISE)}


def of(workspace: Workspace) -> Plan:
    return PLANS[workspace.plan]


def cheapest_with(feature: str) -> Plan:
    return next(plan for plan in PLANS.values() if feature in plan.features)


def keeps_less(other: Plan, plan: Plan) -> bool:
    """Whether a move from `plan` to `other` takes old events away."""
    mine, theirs = plan.retention_days, other.retention_days
    return theirs is not None and (mine is None or theirs < mine)


def next_above(plan: Plan, meter: str) -> Plan:
    """The first plan with more room for `meter`; the largest plan when there is none."""
    ranked = list(PLANS.values())
    larger = ranked[ranked.index(plan) + 1 :]
    return next((other for other in larger if _roomier(other, plan, meter)), ranked[-1])


def _roomier(other: Plan, plan: Plan, meter: str) -> bool:
    mine, theirs = plan.limit(meter), other.limit(meter)
    return mine is not None and (theirs is None or theirs > mine)
