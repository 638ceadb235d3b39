SELECT toInt64(count()), toInt64(sum(bytes_on_disk))
FROM $parts
WHERE active AND database = currentDatabase() AND partition = concat('(', toString({workspace:Int64}), ',', toString({edition:Int64}), ')')
