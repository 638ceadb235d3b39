"""Routes of what lies beyond our walls: pages under /dashboard/integrations, and the API under /api/v1/integrations."""

from integrations.api import ad_platforms as ad_platforms_api
from integrations.api import pipedrive as pipedrive_api
from integrations.api import pipedrive_doubts as pipedrive_doubts_api
from integrations.api import pipedrive_mapping as pipedrive_mapping_api
from integrations.api import pipedrive_runs as pipedrive_runs_api
from integrations.views import (
    ad_connect,
    ad_entities,
    ad_platforms,
    overview,
    pipedrive_mapping,
    pipedrive_runs,
    pipedrive_setup,
    pipedrive_status,
)

urlpatterns = [
    *overview.urlpatterns,
    *ad_platforms_api.urlpatterns,
    *ad_entities.urlpatterns,
    *ad_connect.urlpatterns,
    *ad_platforms.urlpatterns,
    *pipedrive_api.urlpatterns,
    *pipedrive_runs_api.urlpatterns,
    *pipedrive_mapping_api.urlpatterns,
    *pipedrive_doubts_api.urlpatterns,
    *pipedrive_setup.urlpatterns,
    *pipedrive_mapping.urlpatterns,
    *pipedrive_status.urlpatterns,
    *pipedrive_runs.urlpatterns,
]
