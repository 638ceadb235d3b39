"""What the trust layer tells the ground floor."""

from django.db.models.signals import post_delete

from stratum.notifications.registry import kinds, sections
from stratum.reports.registry import exporters
from stratum.workspaces import registry
from trustlayer import announcements, column_files, home, kpis
from trustlayer.exports import AUDIT_LOGS, SIGNAL_HEALTH
from trustlayer.models import LedgerHead
from trustlayer.services import history, keeping


def register() -> None:
    exporters.register(AUDIT_LOGS)
    post_delete.connect(column_files.forget, sender=LedgerHead, dispatch_uid="audit_columns")
    exporters.register(SIGNAL_HEALTH)
    registry.scheduled_work.register(registry.ScheduledWork("checkpoints", keeping.TASK, keeping.claim_due))
    registry.scheduled_work.register(registry.ScheduledWork("health_days", history.TASK, history.claim_due))
    registry.home_cards.register(home.CARD)
    registry.kpis.register(kpis.SIGNAL_HEALTH)
    registry.activities.register(registry.Activity("audit_log", announcements.latest))
    kinds.register(announcements.HEALTH)
    kinds.register(announcements.DECISIONS_KIND)
    sections.register(announcements.SUMMARY)
