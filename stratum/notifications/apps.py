from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "stratum.notifications"
    verbose_name = "Notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models exist only from here on.
        from stratum.notifications import registrations  # noqa: PLC0415

        registrations.register()
