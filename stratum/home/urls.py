"""The first page, and the addresses that only lead to one."""

from stratum.home import views
from stratum.lib.routes import route

# Sections of the menu, for whoever shortens an address or knows Data Quality by its other name.
SECTIONS = {
    "cdp": "funnel_list",
    "trust-layer": "signal_health",
    "trust-layer/audit-logs": "audit_log_list",
    "autopilot": "action_list",
    "settings": "settings_workspace",
    "settings/integrations": "settings_crm",
}

urlpatterns = [
    route("dashboard/", views.home, name="home"),
    route("dashboard/figures", views.home_figures, name="home_figures"),
    route("", views.leads_to("home")),
    *(route(f"dashboard/{section}", views.leads_to(page)) for section, page in SECTIONS.items()),
]
