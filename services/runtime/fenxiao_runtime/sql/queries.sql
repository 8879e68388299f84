-- name: take_lease
-- Creates the partition's row on first sight; the epoch rises by one either way, which fences the holder before.
INSERT INTO {schema}.partitions (partition, lease_epoch, lease_owner, out_seqs)
VALUES ($1, 1, $2, $3)
ON CONFLICT (partition) DO UPDATE SET lease_epoch = partitions.lease_epoch + 1, lease_owner = $2
RETURNING lease_epoch, next_offset, step, step_size, mark, out_seqs, outbox_id

-- name: read_position
SELECT lease_epoch, next_offset, step, step_size, mark, out_seqs, outbox_id FROM {schema}.partitions WHERE partition = $1

-- name: lock_position
-- The compare: no row means that another worker holds the lease, or that this one's memory is not what was committed.
SELECT 1 FROM {schema}.partitions
WHERE partition = $1 AND lease_epoch = $2 AND next_offset = $3 AND step = $4 FOR UPDATE

-- name: save_position
-- The set.
UPDATE {schema}.partitions SET next_offset = $3, step = $4, step_size = $5, mark = $6, out_seqs = $7, outbox_id = $8
WHERE partition = $1 AND lease_epoch = $2

-- name: save_position_and_row
-- The set, and what came out of it, in one round trip.
WITH put AS (INSERT INTO {schema}.outbox (partition, id, payload) VALUES ($1, $9, $10))
UPDATE {schema}.partitions SET next_offset = $3, step = $4, step_size = $5, mark = $6, out_seqs = $7, outbox_id = $8
WHERE partition = $1 AND lease_epoch = $2

-- name: read_relay
INSERT INTO {schema}.relays (partition, next_offsets) VALUES ($1, $2)
ON CONFLICT (partition) DO UPDATE SET partition = excluded.partition
RETURNING relayed_id, next_offsets

-- name: read_outbox
SELECT id, payload FROM {schema}.outbox WHERE partition = $1 AND id > $2 ORDER BY id LIMIT $3

-- name: mark_relayed
-- Never backwards: a woken zombie may mark late what it relayed long ago. What is relayed is forgotten.
WITH forgotten AS (DELETE FROM {schema}.outbox WHERE partition = $1 AND id <= $2)
UPDATE {schema}.relays SET relayed_id = $2, next_offsets = $3 WHERE partition = $1 AND relayed_id < $2
