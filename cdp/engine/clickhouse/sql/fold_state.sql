-- What became of generations before the last commit is told by it. Those that were given up stay known, because their
-- rows may still arrive, and so does damage.
DELETE FROM state
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation > 0 AND generation < {last:Int64}
    AND what NOT IN ('abandon', 'damage') AND NOT (what = 'sweep' AND generation >= {swept:Int64})
    AND at <= now64(3) - toIntervalSecond({grace:Int64})
