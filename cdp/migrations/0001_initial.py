
import cdp.models.fields
import django.contrib.postgres.fields
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('workspaces', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Profile',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('merged_into', models.BigIntegerField(help_text='The surviving profile, never itself merged.', null=True)),
                ('user_id', models.TextField(help_text='Its first user id: two profiles with different ones never match.', null=True)),
                ('attributes', models.JSONField(default=dict)),
                ('attribute_times', models.JSONField(default=dict, help_text='Per attribute: event time of its value, in µs.')),
                ('created_at', models.DateTimeField(help_text='Time of the first event.')),
                ('merges', models.PositiveSmallIntegerField(default=0)),
                ('erased_at', models.DateTimeField(null=True)),
                ('workspace', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Identifier',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('kind', models.TextField(db_collation='C')),
                ('value', models.TextField(db_collation='C', help_text='Collated as bytes, so that the index also finds prefixes.')),
                ('created_at', models.DateTimeField()),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='workspaces.workspace')),
                ('profile', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='identifiers', to='cdp.profile')),
            ],
        ),
        migrations.CreateModel(
            name='RejectedItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('received_at', models.DateTimeField()),
                ('message_id', models.TextField(blank=True)),
                ('name', models.TextField(blank=True)),
                ('code', models.CharField(max_length=40)),
                ('reason', models.TextField()),
                ('item', models.TextField(help_text='The item as received, cut at 32 KB; what PostgreSQL cannot store is escaped.')),
                ('source', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='workspaces.writekey')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('xid', cdp.models.fields.TransactionIdField(db_default=cdp.models.fields.CurrentTransaction(), editable=False)),
                ('kind', models.CharField(choices=[('void', 'Void'), ('merge', 'Merge'), ('split', 'Split'), ('erase', 'Erase'), ('retain', 'Retain')], max_length=6)),
                ('event_id', models.BigIntegerField(help_text='The voided event.', null=True)),
                ('profile_id', models.BigIntegerField(help_text='The losing, split or erased profile.', null=True)),
                ('into_id', models.BigIntegerField(help_text='The surviving profile of a merge.', null=True)),
                ('before', models.JSONField(help_text='What a merge replaced, so that it can be split.', null=True)),
                ('reason', models.TextField(blank=True)),
                ('by', models.TextField(blank=True, help_text='Who asked for it; empty for what ingestion did itself.')),
                ('at', models.DateTimeField()),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'xid', 'id'], name='change_by_transaction'), models.Index(fields=['workspace', 'profile_id'], name='change_by_profile'), models.Index(fields=['workspace', 'into_id'], name='change_by_survivor')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'void')), fields=('event_id',), name='event_voided_once')],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('xid', cdp.models.fields.TransactionIdField(db_default=cdp.models.fields.CurrentTransaction(), editable=False)),
                ('message_id', models.TextField(db_collation='C')),
                ('pair_key', models.TextField(db_collation='C', help_text="Name and event_id: equal in the browser's and the server's copy.", null=True)),
                ('profile_id', models.BigIntegerField(help_text='The profile at ingestion; Profile.merged_into leads on from there.')),
                ('kind', models.SmallIntegerField(choices=[(0, 'Track'), (1, 'Page'), (2, 'Screen'), (3, 'Identify'), (4, 'Group'), (5, 'Alias')])),
                ('name', models.TextField()),
                ('original_name', models.TextField()),
                ('ts', models.DateTimeField(help_text='When it happened; every question counts by this.')),
                ('received_at', models.DateTimeField()),
                ('sent_at', models.DateTimeField(null=True)),
                ('original_timestamp', models.DateTimeField(null=True)),
                ('properties', models.JSONField()),
                ('context', models.JSONField()),
                ('platform', models.TextField(null=True)),
                ('device', models.TextField(null=True)),
                ('campaign', models.TextField(null=True)),
                ('flags', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ('source', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='workspaces.writekey')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'xid', 'id'], name='event_by_transaction'), models.Index(fields=['profile_id', 'ts'], name='event_by_profile')],
                'constraints': [models.UniqueConstraint(fields=('message_id', 'workspace'), name='event_once'), models.UniqueConstraint(condition=models.Q(('pair_key__isnull', False)), fields=('pair_key', 'workspace'), name='event_pair_once')],
            },
        ),
        migrations.CreateModel(
            name='EventAlias',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('original', models.CharField(max_length=200)),
                ('name', models.CharField(max_length=200)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='event_aliases', to='workspaces.workspace')),
            ],
            options={
                'verbose_name_plural': 'event aliases',
                'constraints': [models.UniqueConstraint(fields=('workspace', 'original'), name='one_alias')],
            },
        ),
        migrations.CreateModel(
            name='EventCopy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message_id', models.TextField()),
                ('pair_key', models.TextField()),
                ('received_at', models.DateTimeField()),
                ('source', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='workspaces.writekey')),
                ('workspace', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'received_at'], name='event_copy_recent')],
                'constraints': [models.UniqueConstraint(fields=('message_id', 'workspace'), name='event_copy_once')],
            },
        ),
        migrations.CreateModel(
            name='Funnel',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=120)),
                ('description', models.TextField(blank=True)),
                ('definition', models.JSONField(help_text='steps, mode, window, counting, exclusions: the shape of the API.')),
                ('version', models.PositiveIntegerField(default=1, help_text='Grows with each change of the definition.')),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='funnels', to='workspaces.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('archived_at', None)), fields=('workspace', 'name'), name='one_funnel_of_a_name')],
            },
        ),
        migrations.AddIndex(
            model_name='profile',
            index=models.Index(condition=models.Q(('merged_into__isnull', False)), fields=['merged_into'], name='profile_merged'),
        ),
        migrations.AddConstraint(
            model_name='identifier',
            constraint=models.UniqueConstraint(fields=('value', 'kind', 'workspace'), name='identifier_once'),
        ),
        migrations.AddIndex(
            model_name='rejecteditem',
            index=models.Index(fields=['workspace', '-id'], name='rejected_recent'),
        ),
    ]
