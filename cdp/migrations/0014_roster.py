import django.db.models.deletion
from django.db import migrations, models

# Their places do not get smaller by compression, which only costs time.
PLAIN = "ALTER TABLE cdp_roster ALTER COLUMN places SET STORAGE EXTERNAL"
PACK = """
INSERT INTO cdp_roster (segment_id, part, places)
SELECT segment_id, profile_id >> 16,
    string_agg(decode(lpad(to_hex((profile_id & 65535)::int), 4, '0'), 'hex'), '' ORDER BY profile_id)
FROM cdp_spell WHERE exited_at IS NULL GROUP BY 1, 2
"""


class Migration(migrations.Migration):

    dependencies = [
        ('cdp', '0013_event_arrival'),
    ]

    operations = [
        migrations.CreateModel(
            name='Roster',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('part', models.BigIntegerField(help_text='Profile numbers without their last 16 bits.')),
                ('places', models.BinaryField(help_text='Those 16 bits of each member, ascending.')),
                ('segment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='roster', to='cdp.segment')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('segment', 'part'), name='one_roster_a_part')],
            },
        ),
        migrations.RunSQL(PLAIN, migrations.RunSQL.noop),
        migrations.RunSQL(PACK, migrations.RunSQL.noop),
    ]
