from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "stratum.workspaces"
    label = "workspaces"
    verbose_name = "Workspaces"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models exist only from here on.
        from stratum.workspaces import setup  # noqa: PLC0415

        setup.register()
