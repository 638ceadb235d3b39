-- Who did the steps in their order, each within its longest gap after the one before, if the events of one instant come in
-- the order of their steps. It is sure where they do so in the opposite order, too.
SELECT profile, toUInt8($sure) AS sure
FROM $live
    AND $named AND $asked
GROUP BY profile
HAVING $possible
ORDER BY profile
