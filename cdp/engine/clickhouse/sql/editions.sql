-- Every edition of the workspace, with when it was last written to.
SELECT
    edition,
    groupUniqArrayIf(what, generation = 0) AS what,
    dateDiff('millisecond', max(at), now64(3)) AS age
FROM state
WHERE workspace = {workspace:Int64}
GROUP BY edition
ORDER BY edition
