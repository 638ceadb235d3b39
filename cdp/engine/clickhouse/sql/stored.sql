SELECT toInt64(count())
FROM $live
