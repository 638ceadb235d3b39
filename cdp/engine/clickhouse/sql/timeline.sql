SELECT seq, ts, received, name, kind, $names, $texts
FROM $live
    AND profile = {profile:Int64} AND (ts, received, seq) < ({ts:Int64}, {received:Int64}, {seq:Int64})
ORDER BY ts DESC, received DESC, seq DESC
LIMIT {limit:Int64}
