SELECT profile, min(ts), max(ts), toInt64(count())
FROM $live
GROUP BY profile
ORDER BY profile
