-- The rows that count, of the table whose name is put in; conditions of the question follow.
$table
$moves
WHERE workspace = {workspace:Int64} AND edition = {edition:Int64}
    AND generation <= {generation:Int64} AND $committed AND $placed AND $when AND $voided
