-- migrate:up
CREATE SCHEMA IF NOT EXISTS runtime;

-- Makes, in a service's own schema, the tables that its partition processor needs. Called by the service's migrations.
CREATE FUNCTION runtime.create_partition_tables(service text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- One row an input partition: the authority for what was folded. Changed only by compare-and-set.
    EXECUTE format('CREATE TABLE %I.partitions (
        partition    int PRIMARY KEY,
        lease_epoch  bigint NOT NULL DEFAULT 0,
        lease_owner  text   NOT NULL DEFAULT '''',
        next_offset  bigint NOT NULL DEFAULT 0,
        step         int    NOT NULL DEFAULT 0,
        step_size    int    NOT NULL DEFAULT 0,
        mark         bigint NOT NULL DEFAULT 0,
        out_seqs     bigint[] NOT NULL,
        outbox_id    bigint NOT NULL DEFAULT 0
    )', service);
    -- One row a committed step: its encoded messages as one blob. Deleted once relayed.
    EXECUTE format('CREATE TABLE %I.outbox (
        partition int NOT NULL,
        id        bigint NOT NULL,
        payload   bytea NOT NULL,
        PRIMARY KEY (partition, id)
    )', service);
    -- It lives for moments: compressing it would cost more than writing it.
    EXECUTE format('ALTER TABLE %I.outbox ALTER COLUMN payload SET STORAGE EXTERNAL', service);
    -- How far each output log is known to hold what was relayed: where the search for a higher seq begins.
    EXECUTE format('CREATE TABLE %I.relays (
        partition    int PRIMARY KEY,
        relayed_id   bigint NOT NULL DEFAULT 0,
        next_offsets bigint[] NOT NULL
    )', service);
    -- Facts that other partitions owe this one. Taken by deletion, never by an id cursor.
    EXECUTE format('CREATE TABLE %I.inbox (
        partition int NOT NULL,
        id        bigint GENERATED ALWAYS AS IDENTITY,
        payload   bytea NOT NULL,
        cursor    text NOT NULL DEFAULT '''',
        PRIMARY KEY (partition, id)
    )', service);
END $$;

-- migrate:down
DROP FUNCTION runtime.create_partition_tables(text);
