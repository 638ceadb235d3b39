-- Rows of committed generations that are there.
SELECT toInt64(count())
FROM $table
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation <= {generation:Int64} AND $committed
