-- How many came how far, by depth, and how many of them have an entry from which they may still go on. Of one instant
-- windowFunnel takes the events in the order of their steps, and of two chains it keeps the one that entered later.
SELECT depth, toInt64(count()) AS users, toInt64(countIf(latest >= {open_from:Int64})) AS may_go_on
FROM (
    SELECT profile, windowFunnel($window)(toUInt64(ts - {start:Int64}), $steps) AS depth, maxIf(ts, $entry) AS latest
    FROM $live
        AND $named AND $asked
    GROUP BY profile
    HAVING depth > 0
)
GROUP BY depth
ORDER BY depth
