"""What is missing to the next tier up, in numbers. Section 7 of the norm, `gap`; `render` writes it down."""

from typing import Any, Final

from fenxiao_schemas.tiers import FORCES
from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.assess import TIER_FEATURED
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.rules import Rules
from fenxiao_scorer.core.tables import CAP, DONE, FORCE, NEGATIVE_BOUND, RETURNS_BOUND, SCORE

FREE, VIOLATION, NOT_LISTED, HELD = range(4)
"""What stands in the way, whatever the score."""

GAP_TIER, GAP_SCORE, GAP_FORCE = range(3)
GAP_DELIVERED: Final = GAP_FORCE + len(FORCES)
GAP_NEGATIVE: Final = GAP_DELIVERED + 1
GAP_RETURNS: Final = GAP_NEGATIVE + 1
GAP_WIDTH: Final = GAP_RETURNS + 1
"""The numbers of a gap are a row of int64; GAP_FORCE is the first of a column a force."""

_LOWEST: Final = 2
"""The lowest tier that must be earned."""
_FORCES: Final = len(FORCES)


@compiled
def find_gap(rules: Rules, row: Ints, tier: int, gap: Ints) -> None:
    """Fill in the gap of an assessment to the tier above `tier`, which is not the highest."""
    above = max(tier + 1, _LOWEST)
    gap[GAP_TIER] = above
    gap[GAP_SCORE] = max(0, rules.scores[above] - row[SCORE])
    for force in range(_FORCES):
        gap[GAP_FORCE + force] = max(0, rules.floors[above, force] - row[FORCE + force])
    gap[GAP_DELIVERED] = max(0, rules.delivered_min - row[DONE])
    gap[GAP_NEGATIVE] = 0
    gap[GAP_RETURNS] = 0
    if above == TIER_FEATURED:
        gap[GAP_NEGATIVE] = max(0, row[NEGATIVE_BOUND] - rules.negative_review_bps)
        gap[GAP_RETURNS] = max(0, row[RETURNS_BOUND] - rules.quality_return_bps)


@compiled
def find_block(product: Any, row: Ints, above: int) -> int:
    """What blocks the way to the tier `above`: a hold before a missing listing, and that before a violation."""
    if product.held:
        return HELD
    if not product.listed:
        return NOT_LISTED
    return VIOLATION if row[CAP] < above else FREE
