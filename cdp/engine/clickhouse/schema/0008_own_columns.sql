-- The first properties of a workspace get two columns of their own, so that questions about them need not read the maps:
-- the JSON text, empty where there is none, and the millionths of what counts as a number. `known` of a state tells which
-- property has which (JSON). The others stay in `properties` and `numbers`; what is no number is told by its text.
ALTER TABLE event
    ADD COLUMN IF NOT EXISTS text_0 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_0 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_1 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_1 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_2 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_2 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_3 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_3 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_4 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_4 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_5 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_5 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_6 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_6 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_7 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_7 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_8 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_8 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_9 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_9 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_10 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_10 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_11 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_11 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_12 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_12 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_13 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_13 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_14 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_14 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_15 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_15 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_16 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_16 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_17 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_17 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_18 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_18 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_19 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_19 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_20 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_20 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_21 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_21 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_22 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_22 Nullable(Int64),
    ADD COLUMN IF NOT EXISTS text_23 LowCardinality(String) CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS number_23 Nullable(Int64);

ALTER TABLE event DROP COLUMN IF EXISTS others;

-- What every question reads is unpacked in less time so, and takes a tenth more of the disk.
ALTER TABLE event
    MODIFY COLUMN profile Int64 CODEC(Delta, LZ4),
    MODIFY COLUMN ts Int64 CODEC(Delta, LZ4),
    MODIFY COLUMN generation Int64 CODEC(Delta, LZ4);

ALTER TABLE state ADD COLUMN IF NOT EXISTS known String
