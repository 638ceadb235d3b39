-- One line per claim of a generation and one per outcome; of two with the same block token the first one stays, which
-- makes them a compare-and-set. `what`: claim, alive (its writer still is), commit, release (nothing was written) or
-- abandon. Generation 0 tells about editions: draft, current or gone.
CREATE TABLE IF NOT EXISTS state (
    workspace Int64,
    edition Int64,
    generation Int64,
    what LowCardinality(String),
    attempt String,
    cursor String,
    purged_before Nullable(Int64),
    has_moved UInt8,
    has_voided UInt8,
    at DateTime64(3) DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY (workspace, edition, generation)
SETTINGS non_replicated_deduplication_window = 10000;
