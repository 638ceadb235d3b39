-- The values that a filter has to decide about.
SELECT DISTINCT $values
FROM $live
    AND $named AND ts >= {start:Int64} AND ts <= {last:Int64}
LIMIT {most:Int64}
