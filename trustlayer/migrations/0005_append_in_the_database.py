"""Entries get their places and hashes where the head is held, so that it is held for no way to a client and back.

`drafts` is a JSON array of rows of trustlayer_ledgerentry without workspace_id, seq, prev_hash and entry_hash. Each also
has the pieces of its canonical text around what is left open (trustlayer.chain.pieces): opening, evidence, middle,
prev_hash, between, seq, closing.
"""

from django.db import migrations

APPEND = """
CREATE FUNCTION trustlayer_append(book bigint, drafts jsonb)
RETURNS TABLE (place bigint, previous text, hash text) LANGUAGE plpgsql AS $$
DECLARE
    head trustlayer_ledgerhead;
    draft jsonb;
    entry trustlayer_ledgerentry;
BEGIN
    SELECT * INTO head FROM trustlayer_ledgerhead WHERE workspace_id = book FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO trustlayer_ledgerhead (workspace_id, seq, entry_hash, pruned_through)
        VALUES (book, 0, repeat('0', 64), 0) ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT head FROM trustlayer_ledgerhead WHERE workspace_id = book FOR UPDATE;
    END IF;
    FOR draft IN SELECT jsonb_array_elements(drafts) LOOP
        entry := jsonb_populate_record(NULL::trustlayer_ledgerentry, draft);
        entry.workspace_id := book;
        entry.seq := head.seq + 1;
        entry.prev_hash := head.entry_hash;
        entry.entry_hash := encode(sha256(convert_to(
            (draft->>'opening') || entry.evidence || (draft->>'middle') || entry.prev_hash || (draft->>'between')
                || entry.seq || (draft->>'closing'),
            'UTF8'
        )), 'hex');
        INSERT INTO trustlayer_ledgerentry VALUES (entry.*);
        head.seq := entry.seq;
        head.entry_hash := entry.entry_hash;
        place := entry.seq;
        previous := entry.prev_hash;
        hash := entry.entry_hash;
        RETURN NEXT;
    END LOOP;
    UPDATE trustlayer_ledgerhead SET seq = head.seq, entry_hash = head.entry_hash WHERE workspace_id = book;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("trustlayer", "0004_entries_about_actions")]

    operations = [migrations.RunSQL(APPEND, "DROP FUNCTION trustlayer_append(bigint, jsonb);")]
