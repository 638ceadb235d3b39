-- Whose last one of the events is as wanted.
SELECT profile
FROM $live
    AND $named AND $asked AND $where
GROUP BY profile
HAVING argMax($has, $in_order)
ORDER BY profile
