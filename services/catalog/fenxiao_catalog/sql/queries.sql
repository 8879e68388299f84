-- Columns are selected in the order of the fields of their class in `core/rows.py`. Where a query takes many ids, it takes
-- them as one text joined with commas: no id has one (`fenxiao_schemas.base.Id`), and an array costs the client far more.

-- name: deployment
SELECT partitions, first_day, utc_offset_minutes, currency, policy_version, algorithm_version FROM catalog.deployment

-- name: calendar_keeper
SELECT calendar_keeper FROM catalog.deployment

-- name: take_calendar_lease
-- Held for as long as the connection lives; one catalog process has it.
SELECT pg_try_advisory_lock(hashtext('fenxiao.catalog.calendar'))

-- name: open_day
SELECT coalesce((SELECT max(day) + 1 FROM catalog.calendar), (SELECT first_day FROM catalog.deployment))

-- name: decide_day
SELECT catalog.decide_day($1, $2, 'clock')

-- name: progress
SELECT partition, closed_day, parked FROM catalog.calendar_progress WHERE partition = $1

-- name: save_progress
INSERT INTO catalog.calendar_progress (partition, closed_day, parked) VALUES ($1, $2, $3)
ON CONFLICT (partition) DO UPDATE SET closed_day = $2, parked = $3

-- name: calendar
-- Days decided and not closed yet in this partition; PostgreSQL's arrays count from 1.
SELECT day, closes[$1 + 1] AS close_offset, next_policy_version, next_algorithm_version
FROM catalog.calendar WHERE day > $2 ORDER BY day LIMIT 400

-- name: commands
SELECT command_id, digest FROM catalog.commands WHERE partition = $1 AND command_id = ANY (string_to_array($2, ','))

-- name: natural_keys
SELECT kind, id FROM catalog.natural_keys
WHERE partition = $1 AND (kind, id) IN (SELECT * FROM unnest($2::text[], $3::text[]))

-- name: parked_of
SELECT partition, command_offset, parent, parked_day, command_id, body FROM catalog.parked
WHERE partition = $1 AND parent = ANY (string_to_array($2, ',')) ORDER BY command_offset

-- name: parked_until
SELECT partition, command_offset, parent, parked_day, command_id, body FROM catalog.parked
WHERE partition = $1 AND parked_day <= $2 ORDER BY command_offset

-- name: products
SELECT product_id, merchant_id, brand_id, category, title, price_minor, partition, listed, held, minor_day,
    serious_day, authority, authority_until_day, authority_fallback
FROM catalog.products WHERE partition = $1 AND product_id = ANY (string_to_array($2, ','))

-- name: products_of_merchants
-- Of each merchant, in the order in which they are named, the products after its cursor; no more than $4 in all.
SELECT place, found.*
FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS wanted (merchant, after, place)
CROSS JOIN LATERAL (
    SELECT product_id, merchant_id, brand_id, category, title, price_minor, partition, listed, held, minor_day,
        serious_day, authority, authority_until_day, authority_fallback
    FROM catalog.products
    WHERE partition = $1 AND merchant_id = wanted.merchant AND product_id > wanted.after ORDER BY product_id LIMIT $4
) AS found
ORDER BY place, product_id LIMIT $4

-- name: plans
SELECT product_id, plan_id, kind, commission_bps, ended
FROM catalog.plans WHERE product_id = ANY (string_to_array($1, ','))

-- name: day_views
SELECT product_id, day, views, revision FROM catalog.day_views
WHERE (product_id, day) IN (SELECT * FROM unnest(string_to_array($1, ','), $2::int[]))

-- name: order_lines
SELECT partition, order_line_id, order_id, product_id, creator_id, at_ms, order_day, due_at_ms, due_day, quantity,
    paid_minor, refunded_quantity, refunded_minor, shipped, delivered, reviewed, quality_returned, cancelled
FROM catalog.order_lines WHERE partition = $1 AND order_line_id = ANY (string_to_array($2, ','))

-- name: merchants
SELECT partition, merchant_id, name, kind, version
FROM catalog.merchants WHERE partition = $1 AND merchant_id = ANY (string_to_array($2, ','))

-- name: authorisations
SELECT partition, merchant_id, brand_id, level, until_day, version
FROM catalog.authorisations WHERE partition = $1 AND merchant_id = ANY (string_to_array($2, ','))

-- name: creators
SELECT creator_id, name, followers, categories FROM catalog.creators WHERE creator_id = ANY (string_to_array($1, ','))

-- name: lock_purchases
-- Reads and locks in one statement, in sorted order, so that partitions that share a buyer wait for each other and never
-- deadlock. A pair not seen before gets a row that says so (-1), because what isn't there can't be locked.
WITH locked AS (
    INSERT INTO catalog.purchases (buyer_hash, brand, last_day)
    SELECT buyer_hash, brand, -1 FROM unnest($1::bytea[], string_to_array($2, ',')) AS wanted (buyer_hash, brand) ORDER BY 1, 2
    ON CONFLICT (buyer_hash, brand) DO UPDATE SET last_day = purchases.last_day
    RETURNING buyer_hash, brand, last_day
)
SELECT buyer_hash, brand, last_day FROM locked WHERE last_day >= 0

-- name: save_purchases
UPDATE catalog.purchases SET last_day = greatest(purchases.last_day, new.last_day)
FROM unnest($1::bytea[], $2::text[], $3::int[]) AS new (buyer_hash, brand, last_day)
WHERE purchases.buyer_hash = new.buyer_hash AND purchases.brand = new.brand

-- name: save_commands
INSERT INTO catalog.commands (partition, command_id, digest)
SELECT $1, * FROM unnest(string_to_array($2, ','), string_to_array($3, ','))

-- name: forget_commands
DELETE FROM catalog.commands WHERE partition = $1 AND command_id = ANY (string_to_array($2, ','))

-- name: save_natural_keys
INSERT INTO catalog.natural_keys (partition, kind, id) SELECT $1, * FROM unnest($2::text[], $3::text[])

-- name: save_parked
INSERT INTO catalog.parked SELECT * FROM json_populate_recordset(NULL::catalog.parked, $1::json)

-- name: unpark
DELETE FROM catalog.parked WHERE partition = $1 AND command_offset = ANY ($2::bigint[])

-- name: save_products
INSERT INTO catalog.products SELECT * FROM json_populate_recordset(NULL::catalog.products, $1::json)
ON CONFLICT (product_id) DO UPDATE SET
    merchant_id = excluded.merchant_id, brand_id = excluded.brand_id, category = excluded.category,
    title = excluded.title, price_minor = excluded.price_minor, listed = excluded.listed, held = excluded.held,
    minor_day = excluded.minor_day, serious_day = excluded.serious_day, authority = excluded.authority,
    authority_until_day = excluded.authority_until_day, authority_fallback = excluded.authority_fallback

-- name: save_plans
INSERT INTO catalog.plans SELECT * FROM json_populate_recordset(NULL::catalog.plans, $1::json)
ON CONFLICT (product_id, plan_id) DO UPDATE SET
    kind = excluded.kind, commission_bps = excluded.commission_bps, ended = excluded.ended

-- name: save_day_views
INSERT INTO catalog.day_views SELECT * FROM json_populate_recordset(NULL::catalog.day_views, $1::json)
ON CONFLICT (product_id, day) DO UPDATE SET views = excluded.views, revision = excluded.revision

-- name: save_line_flags
-- Nothing else of these lines has changed.
UPDATE catalog.order_lines
SET shipped = $3, delivered = $4, reviewed = $5, quality_returned = $6, cancelled = $7
WHERE partition = $1 AND order_line_id = ANY (string_to_array($2, ','))

-- name: save_order_lines
INSERT INTO catalog.order_lines SELECT * FROM json_populate_recordset(NULL::catalog.order_lines, $1::json)
ON CONFLICT (partition, order_line_id) DO UPDATE SET
    creator_id = excluded.creator_id, quantity = excluded.quantity, paid_minor = excluded.paid_minor,
    refunded_quantity = excluded.refunded_quantity, refunded_minor = excluded.refunded_minor,
    shipped = excluded.shipped, delivered = excluded.delivered, reviewed = excluded.reviewed,
    quality_returned = excluded.quality_returned, cancelled = excluded.cancelled

-- name: save_merchants
INSERT INTO catalog.merchants SELECT * FROM json_populate_recordset(NULL::catalog.merchants, $1::json)
ON CONFLICT (partition, merchant_id) DO UPDATE SET
    name = excluded.name, kind = excluded.kind, version = excluded.version

-- name: save_authorisations
INSERT INTO catalog.authorisations SELECT * FROM json_populate_recordset(NULL::catalog.authorisations, $1::json)
ON CONFLICT (partition, merchant_id, brand_id) DO UPDATE SET
    level = excluded.level, until_day = excluded.until_day, version = excluded.version

-- name: save_creators
INSERT INTO catalog.creators SELECT * FROM json_populate_recordset(NULL::catalog.creators, $1::json)
ON CONFLICT (creator_id) DO UPDATE SET
    name = excluded.name, followers = excluded.followers, categories = excluded.categories

-- name: fan_out
-- A fact to every other partition's inbox, in the causing transaction.
INSERT INTO catalog.inbox (partition, payload)
SELECT p, payload FROM unnest($1::bytea[]) AS payload, generate_series(0, $2::int - 1) AS p

-- name: read_inbox
SELECT id, payload, cursor FROM catalog.inbox WHERE partition = $1 ORDER BY id LIMIT $2

-- name: take_inbox
DELETE FROM catalog.inbox WHERE partition = $1 AND id = ANY ($2::bigint[])

-- name: move_inbox_cursor
UPDATE catalog.inbox SET cursor = $3 WHERE partition = $1 AND id = $2
