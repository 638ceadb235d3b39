SELECT toInt64(count())
FROM raw
WHERE workspace = {workspace:Int64} AND $which
