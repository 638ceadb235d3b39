from django.apps import AppConfig

from stratum import checks  # noqa: F401  registers the system checks


class HomeConfig(AppConfig):
    name = "stratum.home"
    label = "home"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models exist only from here on.
        from stratum.home import pulse, registrations  # noqa: PLC0415

        pulse.register()
        registrations.register()
