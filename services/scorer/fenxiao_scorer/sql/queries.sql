-- name: partitions
SELECT partitions FROM catalog.deployment

-- name: policy
SELECT content FROM catalog.policies WHERE version = $1

-- name: count_posts
SELECT count(*) FROM scorer.posts WHERE day = $1

-- name: posts
SELECT content FROM scorer.posts WHERE day = $1 ORDER BY partition

-- name: save_post
-- A replayed close may come to a post that is there already; it is the same one.
INSERT INTO scorer.posts (day, partition, content) VALUES ($1, $2, $3) ON CONFLICT (day, partition) DO NOTHING

-- name: save_current
INSERT INTO scorer.tier_current (product_id, revision, day, tier, score_bps, evidence)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::int[], $4::int[], $5::int[], $6::text[])
ON CONFLICT (product_id) DO UPDATE SET
    revision = excluded.revision, day = excluded.day, tier = excluded.tier, score_bps = excluded.score_bps,
    evidence = excluded.evidence

-- name: save_history
INSERT INTO scorer.tier_history (product_id, revision, day, cause, tier, previous_tier, score_bps)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::int[], $4::text[], $5::int[], $6::int[], $7::int[])

-- name: snapshots
SELECT next_offset, array_agg(content ORDER BY chunk) AS contents, max(chunks) AS chunks
FROM scorer.snapshots WHERE partition = $1 AND next_offset <= $2 GROUP BY next_offset ORDER BY next_offset DESC

-- name: save_snapshot
INSERT INTO scorer.snapshots (partition, next_offset, chunk, chunks, content)
SELECT $1, $2, ordinality - 1, $4, content FROM unnest($3::bytea[]) WITH ORDINALITY AS parts (content, ordinality)
ON CONFLICT (partition, next_offset, chunk) DO UPDATE SET chunks = excluded.chunks, content = excluded.content

-- name: drop_snapshots
-- All but the newest few.
DELETE FROM scorer.snapshots WHERE partition = $1 AND next_offset < (
    SELECT min(next_offset) FROM (
        SELECT DISTINCT next_offset FROM scorer.snapshots WHERE partition = $1 ORDER BY next_offset DESC LIMIT $2
    ) AS newest
)
