-- migrate:up
CREATE SCHEMA IF NOT EXISTS catalog;
SELECT runtime.create_partition_tables('catalog');

-- Fixed at install; one row.
CREATE TABLE catalog.deployment (
    only_row           bool PRIMARY KEY DEFAULT true CHECK (only_row),
    partitions         int  NOT NULL CHECK (partitions > 0),
    first_day          int  NOT NULL,
    utc_offset_minutes int  NOT NULL,
    currency           text NOT NULL,
    policy_version     int  NOT NULL,
    algorithm_version  int  NOT NULL,
    -- Who decides when a day ends: the catalog, by the clock, or whoever feeds it. Never both.
    calendar_keeper    text NOT NULL DEFAULT 'feed' CHECK (calendar_keeper IN ('clock', 'feed'))
);

-- A version never changes its content. The newest is in force from the next day that is decided.
CREATE TABLE catalog.policies (
    version           int  PRIMARY KEY,
    algorithm_version int  NOT NULL,
    content           text NOT NULL
);

-- One row a decided business day: the offsets of the commands partitions at which it closes.
CREATE TABLE catalog.calendar (
    day                    int PRIMARY KEY,
    closes                 bigint[] NOT NULL,
    next_policy_version    int  NOT NULL REFERENCES catalog.policies (version),
    next_algorithm_version int  NOT NULL,
    decided_by             text NOT NULL
);

-- The one way in which a day is decided: in order, once, by the keeper, with the newest policy in force from it on.
CREATE FUNCTION catalog.decide_day(wanted int, ends bigint[], keeper text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    open_day int;
    deployed catalog.deployment;
BEGIN
    -- Whoever else decides days must wait, so that both see the same last one.
    LOCK TABLE catalog.calendar IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO STRICT deployed FROM catalog.deployment;
    SELECT coalesce(max(day) + 1, deployed.first_day) INTO open_day FROM catalog.calendar;
    IF deployed.calendar_keeper <> keeper THEN
        RAISE 'day % can''t be closed by the %: the calendar is kept by the %', wanted, keeper, deployed.calendar_keeper;
    END IF;
    IF wanted <> open_day THEN
        RAISE 'day % can''t be closed: % is the open day', wanted, open_day;
    END IF;
    INSERT INTO catalog.calendar (day, closes, next_policy_version, next_algorithm_version, decided_by)
    SELECT wanted, ends, version, algorithm_version, keeper FROM catalog.policies ORDER BY version DESC LIMIT 1;
END $$;

-- Where each partition stands in the calendar, and how many commands it has parked.
CREATE TABLE catalog.calendar_progress (
    partition  int PRIMARY KEY,
    closed_day int NOT NULL,
    parked     int NOT NULL
);

-- The door: ids of commands that were accepted or parked, with a digest of their content.
CREATE TABLE catalog.commands (
    partition  int  NOT NULL,
    command_id text NOT NULL,
    digest     text NOT NULL,
    PRIMARY KEY (partition, command_id)
);

-- Third parties' own ids of refunds and violations.
CREATE TABLE catalog.natural_keys (
    partition int  NOT NULL,
    kind      text NOT NULL,
    id        text NOT NULL,
    PRIMARY KEY (partition, kind, id)
);

CREATE TABLE catalog.parked (
    partition      int    NOT NULL,
    command_offset bigint NOT NULL,
    parent         text   NOT NULL,
    parked_day     int    NOT NULL,
    command_id     text   NOT NULL,
    body           text   NOT NULL,
    PRIMARY KEY (partition, command_offset)
);
CREATE INDEX parked_by_parent ON catalog.parked (partition, parent);
CREATE INDEX parked_by_day ON catalog.parked (partition, parked_day);

CREATE TABLE catalog.products (
    product_id           text PRIMARY KEY,
    partition            int    NOT NULL,
    merchant_id          text   NOT NULL,
    brand_id             text,
    category             text   NOT NULL,
    title                text   NOT NULL,
    price_minor          bigint NOT NULL,
    listed               bool   NOT NULL,
    held                 bool   NOT NULL,
    minor_day            int,
    serious_day          int,
    authority            int    NOT NULL,
    authority_until_day  int,
    authority_fallback   int    NOT NULL
);
CREATE INDEX products_by_merchant ON catalog.products (partition, merchant_id, product_id);

CREATE TABLE catalog.plans (
    product_id     text NOT NULL,
    plan_id        text NOT NULL,
    kind           text NOT NULL,
    commission_bps int  NOT NULL,
    ended          bool NOT NULL,
    PRIMARY KEY (product_id, plan_id)
);

CREATE TABLE catalog.day_views (
    product_id text   NOT NULL,
    day        int    NOT NULL,
    views      bigint NOT NULL,
    revision   int    NOT NULL,
    PRIMARY KEY (product_id, day)
);

CREATE TABLE catalog.order_lines (
    partition         int    NOT NULL,
    order_line_id     text   NOT NULL,
    order_id          text   NOT NULL,
    product_id        text   NOT NULL,
    creator_id        text,
    at_ms             bigint NOT NULL,
    order_day         int    NOT NULL,
    due_at_ms         bigint NOT NULL,
    due_day           int    NOT NULL,
    quantity          int    NOT NULL,
    paid_minor        bigint NOT NULL,
    refunded_quantity int    NOT NULL,
    refunded_minor    bigint NOT NULL,
    shipped           bool   NOT NULL,
    delivered         bool   NOT NULL,
    reviewed          bool   NOT NULL,
    quality_returned  bool   NOT NULL,
    cancelled         bool   NOT NULL,
    PRIMARY KEY (partition, order_line_id)
) WITH (fillfactor = 60);

-- Merchants and authorisations: each partition's own copy, the owner's among them.
CREATE TABLE catalog.merchants (
    partition   int    NOT NULL,
    merchant_id text   NOT NULL,
    name        text   NOT NULL,
    kind        text   NOT NULL,
    version     bigint NOT NULL,
    PRIMARY KEY (partition, merchant_id)
);

CREATE TABLE catalog.authorisations (
    partition   int    NOT NULL,
    merchant_id text   NOT NULL,
    brand_id    text   NOT NULL,
    level       text   NOT NULL,
    until_day   int,
    version     bigint NOT NULL,
    PRIMARY KEY (partition, merchant_id, brand_id)
);

CREATE TABLE catalog.creators (
    creator_id text PRIMARY KEY,
    name       text   NOT NULL,
    followers  bigint NOT NULL,
    categories text[] NOT NULL
);

-- Who bought which brand last, and when; shared by all partitions. The buyer is an HMAC. -1: nothing yet.
CREATE TABLE catalog.purchases (
    buyer_hash bytea NOT NULL,
    brand      text  NOT NULL,
    last_day   int   NOT NULL,
    PRIMARY KEY (buyer_hash, brand)
);

-- migrate:down
DROP SCHEMA catalog CASCADE;
