-- Whole rows of a few profiles, the newest first.
SELECT $columns
FROM raw
WHERE workspace = {workspace:Int64} AND has({rounds:Array(Int64)}, round) AND profile IN {profiles:Array(Int64)}
    AND (ts, id) < ({ts:Int64}, {id:Int64})
ORDER BY ts DESC, id DESC
LIMIT {most:Int64}
