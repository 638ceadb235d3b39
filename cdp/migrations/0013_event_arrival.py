import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('cdp', '0012_retention'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='event',
            name='event_by_arrival',
        ),
        migrations.AddIndex(
            model_name='event',
            index=django.contrib.postgres.indexes.BrinIndex(fields=['received_at'], name='event_arrival', pages_per_range=16),
        ),
    ]
