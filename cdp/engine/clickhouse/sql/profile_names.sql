-- Which event names there are of those asked about.
SELECT DISTINCT name
FROM $live
    AND $named
ORDER BY name
