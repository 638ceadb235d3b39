ALTER TABLE $table DELETE IN PARTITION ($workspace, $edition)
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND $dead
