"""Routes of saved views and exports."""

from stratum.lib.routes import route
from stratum.reports.api import ExportDownloadApi
from stratum.reports.views import exports, saved_views

urlpatterns = [
    route("api/v1/exports/<uuid:export_id>/download", ExportDownloadApi.as_view(), "api_export_download"),
    route("dashboard/saved-views", saved_views.new, name="saved_view_new"),
    route("dashboard/saved-views/<uuid:view_id>/share", saved_views.share, name="saved_view_share"),
    route("dashboard/saved-views/<uuid:view_id>/delete", saved_views.delete, name="saved_view_delete"),
    route("dashboard/saved-views/<uuid:view_id>/restore", saved_views.restore, name="saved_view_restore"),
    route("dashboard/exports/<slug:exporter>", exports.new, name="export_new"),
    route("dashboard/settings/exports", exports.listed, name="settings_exports"),
    route("dashboard/settings/exports/<uuid:export_id>/download", exports.download, name="export_download"),
    route("dashboard/settings/exports/<uuid:export_id>/cancel", exports.cancel, name="export_cancel"),
    route("dashboard/settings/exports/<uuid:export_id>/delete", exports.delete, name="export_delete"),
]
