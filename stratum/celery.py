"""The Celery application and the schedule, as one table."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")

app = Celery("stratum")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    ["stratum.workspaces", "stratum.reports", "stratum.notifications", "trustlayer", "cdp", "integrations", "autopilot"]
)

# Everything that is due is claimed by the tick; rows say when (`next_run_at`). What waited too long is dropped, because
# the next one does the same.
app.conf.beat_schedule = {
    "tick": {"task": "stratum.tick", "schedule": 60.0, "options": {"expires": 60}},
    "forecasts": {"task": "cdp.forecasts", "schedule": 3600.0, "options": {"expires": 3600}},
    "housekeeping": {"task": "autopilot.housekeeping", "schedule": 300.0, "options": {"expires": 300}},
    "crm": {"task": "integrations.pipedrive_realtime", "schedule": 10.0, "options": {"expires": 10}},
    "project": {"task": "cdp.project", "schedule": 2.0, "options": {"expires": 2}},
}
