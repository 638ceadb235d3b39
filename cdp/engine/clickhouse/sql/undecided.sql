-- The events that a filter leaves open, with what it asks of them.
SELECT seq, profile, $values
FROM $live
    AND $named AND $open
