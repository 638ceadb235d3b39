-- How often each profile has each value of a property (as JSON text), and when it last came.
SELECT profile, $value AS value, toInt64(count()) AS times$latest
FROM $live
    AND $named AND ts >= {start:Int64} AND ts <= {last:Int64} AND $asked AND $where AND value NOT IN $missing
GROUP BY profile, value
