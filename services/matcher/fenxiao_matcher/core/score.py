"""The parts of a score: points of 0 to 10,000 times the policy's weight of each. `rank` adds them up."""

import numpy as np

from fenxiao_matcher.core.facts import COMMISSION_FULL_BPS, POINTS_MAX, Face, Profile
from fenxiao_matcher.core.names import Ints
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


def category_score(matching: Matching, profile: Profile, prefixes: tuple[str, ...]) -> int:
    """How much a product with these categories is the creator's kind."""
    return part(matching.category_weight, profile.points(prefixes))


def affinity_scores(matching: Matching, found: Ints) -> Ints:
    """What the walk found of each candidate, relative to the most that it found for this list."""
    most = int(found.max()) if len(found) else 0
    if not most:
        return np.zeros(len(found), np.int64)
    return matching.affinity_weight * (found * POINTS_MAX // most) // POINTS_MAX


def told(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """The reasons that contributed anything."""
    return tuple(reason for reason in reasons if reason.score)
