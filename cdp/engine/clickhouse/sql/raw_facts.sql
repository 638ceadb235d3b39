SELECT
    profile,
    toInt64(count()),
    toInt64(countIf(name = {name:String})),
    max(ts),
    maxIf(ts, name = {name:String})
FROM raw
WHERE workspace = {workspace:Int64} AND has({rounds:Array(Int64)}, round) AND profile IN {profiles:Array(Int64)}
    AND kind <= 2 AND ts <= {as_of:Int64} AND NOT has({without:Array(Int64)}, id)
GROUP BY profile
