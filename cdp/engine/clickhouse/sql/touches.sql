-- The first or last value that is there of each profile's events that serve a step.
SELECT profile, $touch(value, (ts, received, seq)) AS value
FROM (
    SELECT profile, ts, received, seq, $value AS value
    FROM $live
        AND name IN {names:Array(String)} AND $asked AND $serves AND value NOT IN ('', 'null', '""', '[]', '{}')
)
GROUP BY profile
