-- name: tier_history
-- Every change of tier, per product in the order of its revisions.
SELECT product_id, day, tier, previous_tier
FROM {schema}.tier_history
WHERE tier <> previous_tier
ORDER BY product_id, revision

-- name: newest_policy
SELECT content FROM catalog.policies ORDER BY version DESC LIMIT 1
