"""Tiers, forces, gaps and reasons as a person reads them, in English and in the field's own Chinese."""

from collections.abc import Mapping

from fenxiao_schemas.outcomes import REASONS
from fenxiao_schemas.tiers import FORCES, Gap, Rights

TIER_NAMES = (
    "L0 not admitted 未准入",
    "L1 newly listed 新品上线",
    "L2 qualified 达标",
    "L3 good 优质",
    "L4 category hit 行业爆款",
    "L5 featured 精选好物",
)
FORCE_NAMES: Mapping[str, str] = {
    "brand": "Brand 品牌",
    "price": "Price 价格",
    "distribution": "Distribution 分销",
    "service": "Service 服务",
    "sales": "Sales 销售",
}
PART_NAMES: Mapping[str, str] = {
    "affinity": "similar creators",
    "category": "category fits",
    "quality": "creator's quality",
    "exploration": "a chance for the new",
}
"""Only what does not say it by itself; the same part stands in lists of goods and of people."""
BLOCKS: Mapping[str, str] = {
    "held": "held by the platform",
    "not_listed": "not listed",
    "violation": "capped by a violation",
}
BPS_IN_POINT = 100


def points(bps: int) -> str:
    """Basis points as points of 100, with one decimal."""
    return f"{bps / BPS_IN_POINT:.1f}"


def part_name(name: str) -> str:
    """What a part of a matcher's score means; a name that is not known here is shown as it is."""
    return PART_NAMES.get(name, name.replace("_", " "))


def refusal_name(reason: str) -> str:
    """A refusal's reason code as the schema explains it."""
    return REASONS.get(reason, reason.replace("_", " "))


def rights_in_words(rights: Rights) -> list[str]:
    """What the tier grants beyond what everyone has; empty below L5."""
    words = [rights.label] if rights.label else []
    if rights != Rights():
        weights = (
            f"{rights.traffic_public_bps / 10_000:.2g}x public, {rights.traffic_private_bps / 10_000:.2g}x private"
        )
        words.append(f"traffic {weights}")
    words += ["subsidies"] if rights.subsidy_eligible else []
    return words + (["matched first"] if rights.priority_matching else [])


def gap_in_words(gap: Gap | None) -> str:
    """What stands between a product and the next tier, the hardest obstacle first."""
    if gap is None:
        return "at the top"
    missing = [BLOCKS[gap.blocked]] if gap.blocked else []
    missing += [f"{gap.delivered} more delivered orders"] if gap.delivered else []
    missing += [f"score +{points(gap.score_bps)}"] if gap.score_bps else []
    missing += [f"{force} +{points(bps)}" for force, bps in zip(FORCES, gap.forces, strict=True) if bps]
    missing += [f"negative reviews -{points(gap.negative_reviews_bps)}%"] if gap.negative_reviews_bps else []
    missing += [f"quality returns -{points(gap.quality_returns_bps)}%"] if gap.quality_returns_bps else []
    return f"to L{gap.tier}: " + (", ".join(missing) if missing else "earned, waiting for its day")
