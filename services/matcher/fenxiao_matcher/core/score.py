"""The parts of a score: points of 0 to 10,000 times the policy's weight of each. `rank` adds them up."""

from fenxiao_matcher.core.facts import COMMISSION_FULL_BPS, POINTS_MAX, Face, Profile
from fenxiao_schemas.matches import Reason
from fenxiao_schemas.policy import Matching

_TIER_MAX = 5


def part(weight: int, points: int) -> int:
    """One part of a score."""
    return weight * points // POINTS_MAX


def standing(matching: Matching, face: Face) -> int:
    """What a product scores with anyone: tier, commission and popularity."""
    return sum(reason.score for reason in standing_reasons(matching, face))


def standing_reasons(matching: Matching, face: Face) -> tuple[Reason, Reason, Reason]:
    """The same, in parts."""
    commission = min(face.commission_bps, COMMISSION_FULL_BPS) * POINTS_MAX // COMMISSION_FULL_BPS
    return (
        Reason(
            name="tier", score=part(matching.tier_weight, face.tier * POINTS_MAX // _TIER_MAX), evidence=f"L{face.tier}"
        ),
        Reason(
            name="commission",
            score=part(matching.commission_weight, commission),
            evidence=f"{face.commission_bps} bps",
        ),
        Reason(name="popularity", score=part(matching.popularity_weight, face.popularity)),
    )


def category_score(matching: Matching, profile: Profile, face: Face) -> int:
    """How much the product is the creator's kind."""
    return part(matching.category_weight, profile.points(face.prefixes))


def affinity_score(matching: Matching, affinity: int, affinity_max: int) -> int:
    """What the walk found, relative to the most that it found for this list."""
    return part(matching.affinity_weight, affinity * POINTS_MAX // affinity_max) if affinity_max else 0


def told(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """The reasons that contributed anything."""
    return tuple(reason for reason in reasons if reason.score)
