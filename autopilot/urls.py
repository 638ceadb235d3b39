"""Routes of the autopilot: pages under /dashboard/autopilot, and the API under /api/v1/autopilot."""

from autopilot.api import actions as actions_api
from autopilot.api import dry_runs as dry_runs_api
from autopilot.api import rules as rules_api
from autopilot.api import settings as settings_api
from autopilot.views import actions, dry_runs, rules, settings

urlpatterns = [
    *actions_api.urlpatterns,
    *dry_runs_api.urlpatterns,
    *rules_api.urlpatterns,
    *settings_api.urlpatterns,
    *actions.urlpatterns,
    *dry_runs.urlpatterns,
    *rules.urlpatterns,
    *settings.urlpatterns,
]
