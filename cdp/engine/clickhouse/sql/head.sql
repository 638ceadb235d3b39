-- What was claimed and what came of it, of the edition that answers; of two lines about one thing the first counts.
SELECT
    generation,
    what,
    attempt,
    cursor,
    purged_before,
    has_moved,
    has_voided,
    held,
    dateDiff('millisecond', at, now64(3)) AS age
FROM state
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64}
ORDER BY generation, at, what
