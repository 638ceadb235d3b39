-- Rows up to a generation that do not count any more, whatever comes: given up, placed anew, erased, voided or beyond
-- retention.
generation <= {generation:Int64} AND (
    NOT ($committed) OR NOT ($kept) OR (origin, generation) IN (
        SELECT origin, generation
        FROM $table
        INNER JOIN (
            SELECT origin, max(generation) AS moved_at
            FROM moved
            WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation <= {generation:Int64} AND $committed
            GROUP BY origin
        ) AS moves USING (origin)
        WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation < moved_at
        GROUP BY origin, generation
    )
)
