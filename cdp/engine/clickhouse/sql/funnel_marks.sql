-- Every event that may serve a step or an exclusion of the funnel: bit = step, above them the exclusions. Sorted as the
-- rows are stored, name by name.
SELECT toInt64(indexOf({names:Array(String)}, name)) AS track, profile, ts, toInt64($bits) AS bits
FROM $live
    AND has({names:Array(String)}, name) AND ts >= {start:Int64} AND ts <= {last:Int64} AND $asked
    AND ($everything OR bits != 0)
ORDER BY track, profile, ts
