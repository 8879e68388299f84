"""`fenxiao.scorer.tiers.v1`: a product's tier and why, a revision per product. Its norm is `docs/scoring.md`."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from fenxiao_schemas.base import BPS_MAX, Bps, Day, Message, Ref, Revision, Seq, TierNumber, Version, snake_case

FORCES = ("brand", "price", "distribution", "service", "sales")
INDICATORS = (
    "brand_authority",
    "repeat_purchase_rate",
    "price_competitiveness",
    "price_integrity",
    "active_promoters",
    "commission_competitiveness",
    "negative_review_rate",
    "quality_return_rate",
    "on_time_dispatch_rate",
    "net_distributed_sales",
    "conversion",
)
"""In the order of design and norm: two of brand, two of price, two of distribution, three of service, two of sales."""

EvidenceClass = Literal["none", "thin", "rated"]
Digest = Annotated[str, Meta(max_length=32, pattern=r"^[0-9a-f]*$")]


class Indicator(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One indicator. `value` has the unit that the norm gives it; null: no evidence, so the points are neutral."""

    name: Annotated[str, Meta(max_length=40)]
    value: int | None
    points_bps: Bps
    evidence: Annotated[int, Meta(ge=0)]


class Forces(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The five forces, each the weighted mean of its indicators' points."""

    brand: Bps
    price: Bps
    distribution: Bps
    service: Bps
    sales: Bps


class Rights(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the tier grants now. Below L5: traffic weights of 10,000 (as everyone's), no label, the rest false."""

    traffic_public_bps: Annotated[int, Meta(ge=0, le=100_000)] = BPS_MAX
    traffic_private_bps: Annotated[int, Meta(ge=0, le=100_000)] = BPS_MAX
    label: Annotated[str, Meta(max_length=40)] | None = None
    subsidy_eligible: bool = False
    priority_matching: bool = False


class Gap(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is missing to the next tier up; all zeros and no block: it is earned but for time.

    Attributes:
        tier: The tier that this is the gap to.
        forces: How many points each force lacks to that tier's floor, in the order of `FORCES`.
        delivered: How many delivered orders are missing to be rated at all.
        negative_reviews_bps: By how much the Wilson bound of that rate is over its limit.
        quality_returns_bps: The same.
        blocked: What stands in the way whatever the score.
    """

    tier: TierNumber
    score_bps: Bps
    forces: Annotated[tuple[Bps, ...], Meta(min_length=5, max_length=5)]
    delivered: Annotated[int, Meta(ge=0)]
    negative_reviews_bps: Bps
    quality_returns_bps: Bps
    blocked: Literal["not_listed", "held", "violation"] | None = None


class Tier(Message, frozen=True, kw_only=True, gc=False, tag=snake_case):
    """A product's tier as of a control record of the events topic.

    Attributes:
        seq: Gapless per partition as written; compaction leaves gaps, so readers keep the highest revision per product.
        revision: Gapless per product, from 1.
        prev_digest: The first 16 bytes, in hex, of the SHA-256 of this product's message before; empty for the first.
        day: The open day; for a close, the day that closed.
        cause: Which kind of control record it was.
        as_of_seq: That record's `seq` in the same partition of the events topic.
        evidence: `none` without a delivered order in the window, `thin` below the policy's minimum, else `rated`.
        gap: To the next tier; null at L5.
    """

    seq: Seq
    product_id: Ref
    revision: Revision
    prev_digest: Digest
    day: Day
    cause: Literal["barrier", "close"]
    as_of_seq: Seq
    policy_version: Version
    algorithm_version: Version
    tier: TierNumber
    previous_tier: TierNumber
    score_bps: Bps
    evidence: EvidenceClass
    forces: Forces
    indicators: Annotated[tuple[Indicator, ...], Meta(min_length=11, max_length=11)]
    rights: Rights
    gap: Gap | None


AnyTier = Tier
