"""Routes of notifications."""

from stratum.lib.routes import route
from stratum.notifications import api
from stratum.notifications.views import settings, slack

urlpatterns = [
    *api.urlpatterns,
    route("dashboard/settings/notifications", settings.notifications, name="settings_notifications"),
    route("dashboard/settings/notifications/<int:message_id>/retry", settings.retry, name="notification_retry"),
    route("dashboard/integrations/slack", slack.slack, name="slack"),
    route("dashboard/integrations/slack/connect", slack.connect, name="slack_connect"),
    route("dashboard/integrations/slack/disconnect", slack.disconnect, name="slack_disconnect"),
    route("dashboard/integrations/slack/test", slack.test, name="slack_test"),
]
