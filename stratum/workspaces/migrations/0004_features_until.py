from typing import Any

from django.db import migrations, models
from django.utils import timezone

STARTER_LACKS = (
    "funnel_builder",
    "computed_traits",
    "trust_audit_logs",
    "action_dry_run",
    "crm_pipedrive",
    "advanced_segments",
)


def remember(apps: Any, schema_editor: Any) -> None:
    """Nobody knows when those on Starter moved there: what they have by now stays readable."""
    until = dict.fromkeys(STARTER_LACKS, timezone.now().isoformat())
    apps.get_model("workspaces", "Workspace").objects.filter(plan="starter").update(features_until=until)


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0003_security")]

    operations = [
        migrations.AddField(
            model_name="workspace",
            name="features_until",
            field=models.JSONField(
                blank=True,
                default=dict,
                editable=False,
                help_text="Instants at which features that the plan lacks were had last.",
            ),
        ),
        migrations.RunPython(remember, migrations.RunPython.noop),
    ]
