-- Every event that a question is about, as the kernels read them, with the JSON texts of the properties it looks at.
SELECT toInt64(indexOf({names:Array(String)}, name)) AS track, profile, ts, received, seq$values
FROM $live
    AND name IN {names:Array(String)} AND ts >= {start:Int64} AND ts <= {last:Int64} AND $asked
ORDER BY track, profile, ts, received, seq
