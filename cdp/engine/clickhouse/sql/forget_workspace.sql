-- Not even that there were editions stays known.
DELETE FROM state WHERE workspace = {workspace:Int64}
