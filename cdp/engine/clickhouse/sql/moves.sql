LEFT ANY JOIN (
    SELECT origin, max(generation) AS moved_at
    FROM moved
    WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation <= {generation:Int64} AND $committed
    GROUP BY origin
) AS moves USING (origin)
