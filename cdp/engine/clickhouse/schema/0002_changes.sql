-- What became of rows. `link`: the newest line of a loser tells whom it was merged into, itself after a split.
CREATE TABLE IF NOT EXISTS link (workspace Int64, edition Int64, loser Int64, next Int64, generation Int64)
ENGINE = MergeTree PARTITION BY (workspace, edition) ORDER BY (workspace, edition, loser, generation)
SETTINGS non_replicated_deduplication_window = 10000;

-- Voided events, those that come later under such a number too.
CREATE TABLE IF NOT EXISTS void (workspace Int64, edition Int64, seq Int64, generation Int64)
ENGINE = MergeTree PARTITION BY (workspace, edition) ORDER BY (workspace, edition, seq)
SETTINGS non_replicated_deduplication_window = 10000;

-- Erased profiles as ingested, whatever comes from them later too.
CREATE TABLE IF NOT EXISTS erased (workspace Int64, edition Int64, origin Int64, generation Int64)
ENGINE = MergeTree PARTITION BY (workspace, edition) ORDER BY (workspace, edition, origin)
SETTINGS non_replicated_deduplication_window = 10000;

-- Older rows of these origins do not count any more: they were placed anew with another profile, or erased.
CREATE TABLE IF NOT EXISTS moved (workspace Int64, edition Int64, origin Int64, generation Int64)
ENGINE = MergeTree PARTITION BY (workspace, edition) ORDER BY (workspace, edition, origin, generation)
SETTINGS non_replicated_deduplication_window = 10000;
