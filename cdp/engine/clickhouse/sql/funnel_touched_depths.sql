-- The same, by the first or last value that is there of the events that serve a step, whenever they happened.
SELECT depth, toInt64(count()) AS users, toInt64(countIf(latest >= {open_from:Int64})) AS may_go_on, known
FROM (
    SELECT
        profile,
        windowFunnel($window)(toUInt64(ts - {beginning:Int64}), $steps) AS depth,
        maxIf(ts, $entry) AS latest,
        $touch($value, $in_order, $value NOT IN $missing AND $serves) AS known
    FROM $live
        AND $named AND $asked
    GROUP BY profile
    HAVING depth > 0
)
GROUP BY known, depth
