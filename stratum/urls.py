"""Every route, from the rooms that own them."""

from django.contrib import admin
from django.urls import include, path

from stratum import health, metrics
from stratum.lib import errors
from stratum.lib.routes import route

urlpatterns = [
    route("healthz", health.healthz, name="healthz"),
    route("readyz", health.readyz, name="readyz"),
    route("metrics", metrics.metrics, name="metrics"),
    path("", include("stratum.home.urls")),
    path("", include("stratum.workspaces.urls")),  # before admin, whose login it replaces
    path("", include("stratum.reports.urls")),
    path("", include("stratum.notifications.urls")),
    path("", include("stratum.support.urls")),
    path("admin/", admin.site.urls),
    path("", include("trustlayer.urls")),
    path("", include("cdp.urls")),
    path("", include("integrations.urls")),
    path("", include("autopilot.urls")),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.page_not_found
handler500 = errors.server_error
