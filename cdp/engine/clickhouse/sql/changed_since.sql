-- Whether rows were moved, and whether any were voided, after a generation.
SELECT
    (SELECT count() FROM moved WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation > {swept:Int64} AND $committed),
    (SELECT count() FROM void WHERE workspace = {workspace:Int64} AND edition = {edition:Int64} AND generation > {swept:Int64} AND $committed)
