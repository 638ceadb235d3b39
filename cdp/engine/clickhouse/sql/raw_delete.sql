-- Rewrites the parts, so that nothing stays on disk.
ALTER TABLE $table DELETE WHERE workspace = {workspace:Int64} AND $which SETTINGS mutations_sync = 1
