-- Who did the steps in their order within the longest time, if the events of one instant come in the order of their
-- steps. It is sure where each step comes at a later instant than the one before, and all within the shortest time.
SELECT profile, toUInt8(windowFunnel($shortest, 'strict_increase')($chain) = $size) AS sure
FROM $live
    AND $named AND $asked
GROUP BY profile
HAVING windowFunnel($longest)($chain) = $size
ORDER BY profile
