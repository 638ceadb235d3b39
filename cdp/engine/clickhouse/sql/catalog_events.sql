SELECT name, toInt64(count()) AS events, toInt64(uniqExact(profile)), max(ts)
FROM $live
    AND ts >= {since:Int64}
GROUP BY name
ORDER BY events DESC, name
