-- What marks_of in Python gives for each event, added up. Whole numbers wrap around in both.
SELECT
    name,
    intDiv(ts - positiveModulo(ts, 86400000000), 86400000000) AS day,
    toInt64(count()),
    reinterpretAsInt64(sum(bitXor(mixed, bitShiftRight(mixed, 32)) * {factor0:UInt64}))
FROM (
    SELECT
        name,
        ts,
        bitXor(
            bitXor(toUInt64(seq) * {factor0:UInt64}, toUInt64(profile) * {factor1:UInt64}),
            bitXor(toUInt64(ts) * {factor2:UInt64}, toUInt64(received) * {factor3:UInt64})
        ) AS mixed
    FROM $live
)
GROUP BY name, day
ORDER BY name, day
