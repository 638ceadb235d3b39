SELECT id
FROM raw
WHERE workspace = {workspace:Int64} AND has({rounds:Array(Int64)}, round) AND profile IN {profiles:Array(Int64)}
ORDER BY id
