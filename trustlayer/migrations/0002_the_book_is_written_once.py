"""The database itself refuses to change or delete an entry, but for what retention has pruned behind a checkpoint and
for a workspace that is deleted whole."""

from django.db import migrations

GUARD = """
CREATE FUNCTION trustlayer_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND (
        current_setting('stratum.deleting_workspace', true) = OLD.workspace_id::text
        OR EXISTS (
            SELECT FROM trustlayer_ledgerhead
            WHERE workspace_id = OLD.workspace_id AND pruned_through >= OLD.seq
        )
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'Entries of the audit log are never changed or deleted.' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER trustlayer_written_once BEFORE UPDATE OR DELETE ON trustlayer_ledgerentry
FOR EACH ROW EXECUTE FUNCTION trustlayer_written_once();
"""
NO_GUARD = """
DROP TRIGGER trustlayer_written_once ON trustlayer_ledgerentry;
DROP FUNCTION trustlayer_written_once();
"""


class Migration(migrations.Migration):
    dependencies = [("trustlayer", "0001_initial")]

    operations = [migrations.RunSQL(GUARD, NO_GUARD)]
