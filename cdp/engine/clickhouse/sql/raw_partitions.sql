-- Which partitions of the workspace hold such rows, and how many.
SELECT intDiv(day, 30) AS month, toInt64(count())
FROM raw
WHERE workspace = {workspace:Int64} AND $which
GROUP BY month
ORDER BY month
