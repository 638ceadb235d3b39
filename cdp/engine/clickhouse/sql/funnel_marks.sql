-- Every event that may serve a step or an exclusion of the funnel: bit = step, above them the exclusions. `more` is what
-- cannot be told here, with what is needed to decide it, and what a breakdown asks. In the order of the stored rows.
-- `transform` looks at each different name once, `indexOf` at every row, which took four fifths of a question.
SELECT toUInt16(transform(name, {names:Array(String)}, arrayEnumerate({names:Array(String)}), 0)) AS track, profile, ts, toUInt32($bits) AS bits$more
FROM $live
    AND name IN {names:Array(String)} AND $asked AND $serving
ORDER BY name, profile, ts$ties
