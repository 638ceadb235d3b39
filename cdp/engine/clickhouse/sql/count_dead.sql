SELECT toInt64(count())
FROM $table
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND $dead
