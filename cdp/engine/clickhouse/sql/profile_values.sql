-- How often each profile has each value of a property (as JSON text), and when it last came.
SELECT profile, $value AS value, toInt64(count()) AS times$latest
FROM $live
    AND $named AND $asked AND $where AND value NOT IN $missing
GROUP BY profile, value
