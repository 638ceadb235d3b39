SELECT intDiv(ts + {offset:Int64} - {first:Int64}, 86400000000) AS day, toInt64(count()), toInt64(uniqExact(profile))
FROM $live
    AND ts >= {start:Int64} AND ts < {end:Int64}
GROUP BY day
ORDER BY day
