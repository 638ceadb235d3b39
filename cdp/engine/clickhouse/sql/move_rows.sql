-- Rows of merged or split profiles, again, with the profile they belong to from now on.
INSERT INTO $target (workspace, edition, profile, origin, generation, $columns)
SELECT
    {workspace:Int64},
    {edition:Int64},
    transform(origin, {moved:Array(Int64)}, {owners:Array(Int64)}, origin),
    origin,
    {next_generation:Int64},
    $columns
FROM $live
    AND profile IN {sources:Array(Int64)} AND origin IN {moved:Array(Int64)}
