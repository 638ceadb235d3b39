-- How often events have each property, and the first characters of its values, which tell their types.
SELECT name, property, toInt64(count()) AS events, groupUniqArray(substring(value, 1, 1)) AS types
FROM (
    SELECT name, $names AS names, $texts AS texts
    FROM $live
        AND ts >= {since:Int64}
)
ARRAY JOIN names AS property, texts AS value
WHERE property != '' AND value NOT IN ('', 'null')
GROUP BY name, property
ORDER BY name, events DESC, property
