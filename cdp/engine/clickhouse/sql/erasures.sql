SELECT DISTINCT origin
FROM erased
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation <= {generation:Int64} AND $committed
ORDER BY origin
