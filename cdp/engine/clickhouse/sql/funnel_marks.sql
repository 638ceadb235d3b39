-- Every event that may serve a step or an exclusion of the funnel: bit = step, above them the exclusions. `more` is what
-- cannot be told here, with what is needed to decide it, and what a breakdown asks. In the order of the stored rows.
SELECT toUInt16($track) AS track, profile, ts, toUInt32($bits) AS bits$more
FROM $live
    AND $named AND $asked AND $serving
ORDER BY ${by_name}profile, ts$ties
