-- migrate:up
CREATE SCHEMA IF NOT EXISTS scorer;
SELECT runtime.create_partition_tables('scorer');

-- Each partition's histograms of a closed day, committed with the close's offset. They outlive the oldest snapshot.
CREATE TABLE scorer.posts (
    day       int   NOT NULL,
    partition int   NOT NULL,
    content   bytea NOT NULL,
    PRIMARY KEY (day, partition)
);

-- A partition's state as of an offset, in compressed chunks. Start = the last good one + replay.
CREATE TABLE scorer.snapshots (
    partition   int    NOT NULL,
    next_offset bigint NOT NULL,
    chunk       int    NOT NULL,
    chunks      int    NOT NULL,
    content     bytea  NOT NULL,
    PRIMARY KEY (partition, next_offset, chunk)
);

-- Current tiers, for SQL to ask: each product as of the message that brought it there. The topic has all messages, of
-- which most say another score and the same tier; to write these too would cost more than all the rest of a commit.
CREATE TABLE scorer.tier_current (
    product_id text   PRIMARY KEY,
    revision   bigint NOT NULL,
    day        int    NOT NULL,
    tier       int    NOT NULL,
    score_bps  int    NOT NULL,
    evidence   text   NOT NULL
);
CREATE INDEX tier_current_by_tier ON scorer.tier_current (tier);

-- A row a change of tier.
CREATE TABLE scorer.tier_history (
    product_id    text   NOT NULL,
    revision      bigint NOT NULL,
    day           int    NOT NULL,
    cause         text   NOT NULL,
    tier          int    NOT NULL,
    previous_tier int    NOT NULL,
    score_bps     int    NOT NULL,
    PRIMARY KEY (product_id, revision)
);
CREATE INDEX tier_history_by_day ON scorer.tier_history (day);

-- migrate:down
DROP SCHEMA scorer CASCADE;
