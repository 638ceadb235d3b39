SELECT DISTINCT day
FROM raw
WHERE workspace = {workspace:Int64} AND has({rounds:Array(Int64)}, round)
ORDER BY day
