-- Rewrites the parts of this partition, so that nothing stays on disk, and no others.
ALTER TABLE $table DELETE IN PARTITION ($workspace, $month)
WHERE workspace = {workspace:Int64} AND $which
SETTINGS mutations_sync = 1
