-- The different values that a filter leaves open.
SELECT DISTINCT $values
FROM $live
    AND $named AND ts >= {start:Int64} AND ts <= {last:Int64} AND $open
LIMIT {most:Int64}
