"""Routes of saved views and exports."""

from stratum.lib.routes import route
from stratum.reports.api.exports import ExportApi, ExportDownloadApi, ExportListApi
from stratum.reports.api.saved_views import SavedViewApi, SavedViewListApi, SavedViewRestoreApi
from stratum.reports.api.schedules import ScheduleApi, ScheduleDeliveriesApi, ScheduleListApi, ScheduleRunApi
from stratum.reports.views import exports, saved_views, schedules

SCHEDULES_API = "api/v1/trust-layer/export-schedules"
SCHEDULES = "dashboard/settings/exports/schedules"

urlpatterns = [
    route("api/v1/exports", ExportListApi.as_view(), "api_export_list"),
    route("api/v1/exports/<uuid:export_id>", ExportApi.as_view(), "api_export"),
    route("api/v1/exports/<uuid:export_id>/download", ExportDownloadApi.as_view(), "api_export_download"),
    route("api/v1/saved-views", SavedViewListApi.as_view(), "api_saved_view_list"),
    route("api/v1/saved-views/<uuid:view_id>", SavedViewApi.as_view(), "api_saved_view"),
    route("api/v1/saved-views/<uuid:view_id>/restore", SavedViewRestoreApi.as_view(), "api_saved_view_restore"),
    route(SCHEDULES_API, ScheduleListApi.as_view(), "api_export_schedule_list"),
    route(f"{SCHEDULES_API}/<uuid:schedule_id>", ScheduleApi.as_view(), "api_export_schedule"),
    route(f"{SCHEDULES_API}/<uuid:schedule_id>/run", ScheduleRunApi.as_view(), "api_export_schedule_run"),
    route(
        f"{SCHEDULES_API}/<uuid:schedule_id>/deliveries",
        ScheduleDeliveriesApi.as_view(),
        "api_export_schedule_deliveries",
    ),
    route("dashboard/saved-views", saved_views.new, name="saved_view_new"),
    route("dashboard/saved-views/<uuid:view_id>/share", saved_views.share, name="saved_view_share"),
    route("dashboard/saved-views/<uuid:view_id>/delete", saved_views.delete, name="saved_view_delete"),
    route("dashboard/saved-views/<uuid:view_id>/restore", saved_views.restore, name="saved_view_restore"),
    route("dashboard/exports/<slug:exporter>", exports.new, name="export_new"),
    route("dashboard/settings/exports", exports.listed, name="settings_exports"),
    route(SCHEDULES, schedules.listed, name="export_schedule_list"),
    route(f"{SCHEDULES}/new", schedules.new, name="export_schedule_new"),
    route(f"{SCHEDULES}/<uuid:schedule_id>", schedules.detail, name="export_schedule"),
    route(f"{SCHEDULES}/<uuid:schedule_id>/edit", schedules.edit, name="export_schedule_edit"),
    route(f"{SCHEDULES}/<uuid:schedule_id>/run", schedules.run, name="export_schedule_run"),
    route(f"{SCHEDULES}/<uuid:schedule_id>/switch", schedules.switch, name="export_schedule_switch"),
    route(f"{SCHEDULES}/<uuid:schedule_id>/delete", schedules.delete, name="export_schedule_delete"),
    route("exports/<str:token>", exports.linked, name="export_link"),
    route("dashboard/settings/exports/<uuid:export_id>/download", exports.download, name="export_download"),
    route("dashboard/settings/exports/<uuid:export_id>/cancel", exports.cancel, name="export_cancel"),
    route("dashboard/settings/exports/<uuid:export_id>/delete", exports.delete, name="export_delete"),
]
