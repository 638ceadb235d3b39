from django.apps import AppConfig


class CdpConfig(AppConfig):
    name = "cdp"
    verbose_name = "Customer data"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models exist only from here on.
        from cdp import home, palette, registrations  # noqa: PLC0415

        home.register()
        registrations.register()
        palette.register()
