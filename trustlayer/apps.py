from django.apps import AppConfig


class TrustLayerConfig(AppConfig):
    name = "trustlayer"
    verbose_name = "Trust layer"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models exist only from here on.
        from trustlayer import registrations  # noqa: PLC0415

        registrations.register()
