-- Raw events that PostgreSQL does not keep any more: the truth of record, and no part of any edition. A row counts once
-- its round is named in PostgreSQL; others are what an interrupted round left. `profile` is the one at ingestion. What
-- no column is made of stays as PostgreSQL wrote it.
CREATE TABLE IF NOT EXISTS raw (
    workspace Int64,
    round Int64,
    day Int32,
    profile Int64,
    ts Int64 CODEC(Delta, ZSTD),
    id Int64,
    xid Int64 CODEC(Delta, ZSTD),
    kind UInt8,
    name LowCardinality(String),
    message_id String CODEC(ZSTD),
    pair_key Nullable(String),
    source_id Nullable(Int64),
    original_name LowCardinality(String),
    received Int64 CODEC(Delta, ZSTD),
    sent Nullable(Int64),
    original_timestamp Nullable(Int64),
    properties String CODEC(ZSTD),
    context String CODEC(ZSTD),
    platform Nullable(String),
    device Nullable(String),
    campaign Nullable(String),
    flags String,
    INDEX by_id id TYPE minmax GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY (workspace, intDiv(day, 30))
ORDER BY (workspace, profile, ts, id)
SETTINGS non_replicated_deduplication_window = 10000;
