-- The first or last value that is there of each profile's events that serve a step, empty where there is none.
SELECT profile, $touch(value, $in_order, value NOT IN ('', 'null', '""', '[]', '{}')) AS known
FROM (
    SELECT profile, ts, received, seq, $value AS value
    FROM $live
        AND $named AND $asked AND $serves
)
GROUP BY profile
