-- Every event that may be a step of a sequence or is excluded from it: bit = step, above them the exclusions. In the
-- order of all events.
SELECT profile, ts, toInt64($bits) AS bits
FROM $live
    AND $named AND $asked AND bits != 0
ORDER BY profile, ts, received, seq
