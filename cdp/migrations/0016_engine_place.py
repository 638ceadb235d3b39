import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cdp', '0015_rfm_months'),
        ('workspaces', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='EnginePlace',
            fields=[
                ('workspace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='engine_place', serialize=False, to='workspaces.workspace')),
                ('address', models.TextField(blank=True, help_text='Sealed: of the engine that answers. Empty: ENGINE_URL.')),
                ('moving_to', models.TextField(blank=True, help_text='Sealed: of the engine that a move fills.')),
                ('moving_since', models.DateTimeField(null=True)),
                ('left', models.TextField(blank=True, help_text='Sealed: of the engine that answered before.')),
                ('left_at', models.DateTimeField(null=True)),
            ],
        ),
    ]
