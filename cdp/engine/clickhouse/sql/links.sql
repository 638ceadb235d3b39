SELECT loser, argMax(next, generation) AS newest
FROM link
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation <= {generation:Int64} AND $committed
GROUP BY loser
HAVING newest != loser
ORDER BY loser
