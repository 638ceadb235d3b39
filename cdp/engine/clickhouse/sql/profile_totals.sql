-- Per profile how many of the events there are, and what is asked of their properties.
SELECT profile, toInt64(count()) AS events$measures
FROM $live
    AND $named AND $asked AND $where
GROUP BY profile
ORDER BY profile
