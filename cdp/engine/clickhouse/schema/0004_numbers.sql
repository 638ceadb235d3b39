-- What the law of numbers says of each value, by the path that leads to it, decided when the event is written: `numbers`
-- has those that count, in millionths; `others` tells which values are none (1) and which are lists (2).
ALTER TABLE event ADD COLUMN IF NOT EXISTS numbers Map(LowCardinality(String), Int64) CODEC(ZSTD);

ALTER TABLE event ADD COLUMN IF NOT EXISTS others Map(LowCardinality(String), UInt8) CODEC(ZSTD);
