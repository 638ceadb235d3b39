from django.apps import AppConfig
from django.db.models.signals import post_delete


class ReportsConfig(AppConfig):
    name = "stratum.reports"
    verbose_name = "Reports"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models exist only from here on.
        from stratum.reports.models import Export  # noqa: PLC0415
        from stratum.reports.services import deliveries, exports  # noqa: PLC0415
        from stratum.workspaces import registry  # noqa: PLC0415

        post_delete.connect(exports.forget_file_of, Export, dispatch_uid="export_file")
        registry.erasers.register(registry.Eraser("exports", exports.forget_personal))
        registry.scheduled_work.register(
            registry.ScheduledWork("expired_reports", "reports.forget_expired", exports.claim_expired)
        )
        registry.scheduled_work.register(registry.ScheduledWork("deliveries", deliveries.TASK, deliveries.claim_due))
