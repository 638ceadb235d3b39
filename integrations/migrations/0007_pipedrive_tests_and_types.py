from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0006_ad_runs_alone"),
    ]

    operations = [
        migrations.AddField(
            model_name="pipedriveconnection",
            name="activity_types",
            field=models.JSONField(default=list, help_text="[key, name] of each."),
        ),
        migrations.AddField(
            model_name="pipedriveconnection",
            name="activity_types_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="pipedriverun",
            name="exchanges",
            field=models.JSONField(
                default=list, help_text="Of a test: {call, path, params, request, status, answer} of each call."
            ),
        ),
        migrations.AddField(
            model_name="pipedriverun",
            name="profile_id",
            field=models.BigIntegerField(help_text="Of a test: whom it was made with.", null=True),
        ),
        migrations.AlterField(
            model_name="pipedriveinbox",
            name="body",
            field=models.JSONField(help_text="Its `meta`."),
        ),
    ]
