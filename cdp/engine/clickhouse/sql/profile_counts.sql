-- Who did the events so many times, or not so many times, as is wanted; at least once.
SELECT profile
FROM $live
    AND $named AND $asked AND $where
GROUP BY profile
HAVING (count() BETWEEN {least:Int64} AND {most:Int64}) = {is_within:UInt8}
ORDER BY profile
