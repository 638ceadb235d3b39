-- Whether dead rows are still being removed.
SELECT toInt64(count())
FROM system.mutations
WHERE NOT is_done AND database = currentDatabase()
    AND position(command, concat('(', toString({workspace:Int64}), ', ', toString({edition:Int64}), ')')) > 0
