-- The most frequent values in some rows of each name: lists, objects, null and empty texts are no samples.
SELECT name, property, value, toInt64(count()) AS events
FROM (
    SELECT name, $names AS names, $texts AS texts
    FROM $live
        AND ts >= {since:Int64}
    LIMIT {rows:Int64} BY name
)
ARRAY JOIN names AS property, texts AS value
WHERE property != '' AND value NOT IN ('', 'null') AND value != '""' AND NOT startsWith(value, '[') AND NOT startsWith(value, '{')
GROUP BY name, property, value
ORDER BY name, property, events DESC, value
LIMIT {samples:Int64} BY name, property
