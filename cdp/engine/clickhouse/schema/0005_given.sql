-- What a question brings with it when it is too much to be written into its statement: profiles, events by their
-- number, texts. Of use while the question is answered.
CREATE TABLE IF NOT EXISTS given (
    workspace Int64,
    question String,
    id Int64,
    text String,
    other String,
    at DateTime DEFAULT now()
) ENGINE = MergeTree
PARTITION BY toStartOfHour(at)
ORDER BY (workspace, question, id, text)
TTL at + INTERVAL 1 HOUR
SETTINGS ttl_only_drop_parts = 1;
