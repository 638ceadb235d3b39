-- Every event that a question is about, as the kernels read them, with the JSON texts of the properties it looks at.
SELECT toInt64(transform(name, {names:Array(String)}, arrayEnumerate({names:Array(String)}), 0)) AS track, profile, ts, received, seq$values
FROM $live
    AND name IN {names:Array(String)} AND $asked
ORDER BY track, profile, ts, received, seq
