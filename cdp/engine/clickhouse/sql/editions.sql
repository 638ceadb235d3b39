-- Every edition of the workspace, with when it was last written to and its highest generation.
SELECT
    edition,
    groupUniqArrayIf(what, generation = 0) AS what,
    dateDiff('millisecond', max(at), now64(3)) AS age,
    max(generation) AS highest
FROM state
WHERE workspace = {workspace:Int64}
GROUP BY edition
ORDER BY edition
