-- The files of one edition on the server that answers.
SELECT table, name, toInt64(bytes_on_disk)
FROM system.parts
WHERE active AND database = currentDatabase()
    AND partition = concat('(', toString({workspace:Int64}), ',', toString({edition:Int64}), ')')
ORDER BY table, name
