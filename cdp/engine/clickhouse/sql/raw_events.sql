-- Whole rows in the order of their numbers, after one number.
SELECT $columns
FROM raw
WHERE workspace = {workspace:Int64} AND has({rounds:Array(Int64)}, round) AND $which AND id > {after:Int64}
ORDER BY id
LIMIT {most:Int64}
