-- What was claimed and what came of it, of one edition or of all; of two lines about one thing the first counts.
SELECT
    edition,
    generation,
    what,
    attempt,
    cursor,
    purged_before,
    has_moved,
    has_voided,
    held,
    known,
    dateDiff('millisecond', at, now64(3)) AS age
FROM state
WHERE workspace = {workspace:Int64} AND $edition
ORDER BY generation, at, what
