-- The newest link of the profile: itself where it was never merged.
SELECT argMax(next, generation)
FROM link
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation <= {generation:Int64} AND $committed
    AND loser = {profile:Int64}
HAVING count() > 0
