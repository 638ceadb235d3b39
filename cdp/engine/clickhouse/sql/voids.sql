SELECT DISTINCT seq
FROM void
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation <= {generation:Int64} AND $committed
ORDER BY seq
