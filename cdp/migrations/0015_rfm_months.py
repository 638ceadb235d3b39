import django.db.models.deletion
from django.db import migrations, models

# Their records hardly get smaller by compression, which costs time.
PLAIN = "ALTER TABLE cdp_rfmpart ALTER COLUMN customers SET STORAGE EXTERNAL"


class Migration(migrations.Migration):

    dependencies = [
        ('cdp', '0014_roster'),
        ('workspaces', '0003_security'),
    ]

    operations = [
        migrations.CreateModel(
            name='RfmMonth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('begins_at', models.DateTimeField()),
                ('look_back', models.PositiveIntegerField(help_text='Days before it of which orders count.')),
                ('currency', models.CharField(max_length=3)),
                ('until', models.DateTimeField(help_text='Orders before it are in the parts, and no longer counted as events.')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rfm_months', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='RfmPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('part', models.BigIntegerField(help_text='Profile numbers without their last 16 bits.')),
                ('customers', models.BinaryField()),
                ('month', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='cdp.rfmmonth')),
            ],
        ),
        migrations.AddConstraint(
            model_name='rfmmonth',
            constraint=models.UniqueConstraint(fields=('workspace', 'begins_at'), name='one_rfm_month'),
        ),
        migrations.AddConstraint(
            model_name='rfmpart',
            constraint=models.UniqueConstraint(fields=('month', 'part'), name='one_rfm_part'),
        ),
        migrations.RunSQL(PLAIN, migrations.RunSQL.noop),
    ]
