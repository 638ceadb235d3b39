-- Everything about one rebuild (edition) of one workspace is one partition: to drop it costs nothing. Questions about
-- funnels and traits read names; a name is sorted by profile, so that a profile's rows are neighbours and on one shard.
-- `profile` is the owner when the row was placed, `origin` the profile at ingestion. Rows of a generation count once
-- it is committed. Values are JSON texts: `properties` by name, `inner` by the dotted path that leads to them.
CREATE TABLE IF NOT EXISTS event (
    workspace Int64,
    edition Int64,
    name LowCardinality(String),
    profile Int64 CODEC(Delta, ZSTD),
    ts Int64 CODEC(Delta, ZSTD),
    received Int64 CODEC(Delta, ZSTD),
    seq Int64 CODEC(Delta, ZSTD),
    kind UInt8,
    origin Int64 CODEC(Delta, ZSTD),
    generation Int64 CODEC(ZSTD),
    properties Map(LowCardinality(String), String) CODEC(ZSTD),
    inner Map(LowCardinality(String), String) CODEC(ZSTD)
) ENGINE = MergeTree
PARTITION BY (workspace, edition)
ORDER BY (workspace, edition, name, profile, ts, received, seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS attribute (
    workspace Int64,
    edition Int64,
    profile Int64,
    name LowCardinality(String),
    ts Int64,
    value String CODEC(ZSTD),
    origin Int64,
    generation Int64
) ENGINE = MergeTree
PARTITION BY (workspace, edition)
ORDER BY (workspace, edition, profile, name, ts)
SETTINGS non_replicated_deduplication_window = 10000;
