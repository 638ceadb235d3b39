"""Routes of the trust layer: pages under /dashboard/data-quality, and the API under /api/v1/trust-layer."""

from trustlayer.api import audit as audit_api
from trustlayer.api import health as health_api
from trustlayer.views import audit, policy, signal_health

urlpatterns = [
    *audit_api.urlpatterns,
    *health_api.urlpatterns,
    *audit.urlpatterns,
    *signal_health.urlpatterns,
    *policy.urlpatterns,
]
