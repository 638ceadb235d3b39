"""Administration of notifications: look; the webhook's address is never shown."""

from django.contrib import admin

from stratum.notifications.models import Announcement, Message, SlackConnection, Subscription
from stratum.workspaces.admin import ReadOnlyAdmin


@admin.register(SlackConnection)
class SlackConnectionAdministration(ReadOnlyAdmin):
    list_display = ["workspace", "hint", "connected_by", "connected_at", "broken_at", "broken_reason"]
    list_select_related = ["workspace", "connected_by"]
    search_fields = ["workspace__name", "workspace__slug"]
    exclude = ["sealed_url"]


@admin.register(Subscription)
class SubscriptionAdministration(ReadOnlyAdmin):
    list_display = ["workspace", "kind", "slack", "options"]
    list_filter = ["kind", "slack"]
    list_select_related = ["workspace"]
    search_fields = ["workspace__name", "workspace__slug"]


@admin.register(Announcement)
class AnnouncementAdministration(ReadOnlyAdmin):
    list_display = ["title", "workspace", "kind", "severity", "created_at"]
    list_filter = ["kind", "severity"]
    list_select_related = ["workspace"]
    search_fields = ["title", "workspace__name", "workspace__slug"]
    date_hierarchy = "created_at"


@admin.register(Message)
class MessageAdministration(ReadOnlyAdmin):
    list_display = ["announcement", "workspace", "channel", "email", "state", "attempts", "reason", "created_at"]
    list_filter = ["channel", "state"]
    list_select_related = ["workspace", "announcement"]
    search_fields = ["announcement__title", "email", "workspace__name", "workspace__slug"]
