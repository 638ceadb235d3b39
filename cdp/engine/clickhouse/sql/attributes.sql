SELECT name, ts, value
FROM $live
    AND profile = {profile:Int64}
ORDER BY name, ts, value
