-- Of a generation that is being written.
SELECT toInt64(count())
FROM $table
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation = {generation:Int64}
