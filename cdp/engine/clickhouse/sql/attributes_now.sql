-- What an attribute is for each profile that has it.
SELECT profile, argMax(value, (ts, value)) AS known
FROM $live
    AND name = {name:String}
GROUP BY profile
