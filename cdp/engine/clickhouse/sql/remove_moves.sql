-- Of rows that are gone.
ALTER TABLE moved DELETE IN PARTITION ($workspace, $edition)
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation <= {generation:Int64}
SETTINGS mutations_sync = 1
