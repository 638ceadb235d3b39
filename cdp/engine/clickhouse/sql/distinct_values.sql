-- The different values that a filter leaves open.
SELECT DISTINCT $values
FROM $live
    AND $named AND $open
LIMIT {most:Int64}
