-- By round and day (and profile), how many rows there are and the sum of their checksums; the text of a row is put
-- together as PostgreSQL does it for its own.
SELECT
    $key,
    toInt64(count()),
    toString(sum(toInt128(bitShiftRight(reinterpretAsUInt64(reverse(substring(MD5($text), 1, 8))), 4))))
FROM raw
WHERE workspace = {workspace:Int64} AND has({rounds:Array(Int64)}, round) AND $which
GROUP BY $key
ORDER BY $key
