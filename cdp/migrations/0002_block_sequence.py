from django.db import migrations


class Migration(migrations.Migration):
    """Ids of events, profiles, identifiers and changes come in reserved blocks of 1,000."""

    dependencies = [("cdp", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE cdp_block INCREMENT 1000", "DROP SEQUENCE cdp_block"),
    ]
