-- Only that there was such an edition stays known.
DELETE FROM state WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation > 0
