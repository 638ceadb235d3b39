-- In how many periods, counted back from now, each profile has any of the events, and in how many of them so many as
-- are wanted.
SELECT profile, toInt64(count()) AS periods, toInt64(countIf(times BETWEEN {least:Int64} AND {most:Int64})) AS filled
FROM (
    SELECT profile, toInt64(count()) AS times
    FROM $live
        AND $named AND $asked AND $where
    GROUP BY profile, intDiv({as_of:Int64} - ts, {period:Int64})
)
GROUP BY profile
ORDER BY profile
