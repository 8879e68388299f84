"""What is missing to the next tier up, as encoded JSON. Section 7 of the norm, `gap`."""

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Ints
from fenxiao_scorer.core.assess import TIER_FEATURED, Assessment
from fenxiao_scorer.core.state import ScorerState

_GAP = (
    '{"tier":%d,"score_bps":%d,"forces":[%d,%d,%d,%d,%d],"delivered":%d,'
    '"negative_reviews_bps":%d,"quality_returns_bps":%d,"blocked":%s}'
)
_BLOCKS = ("null", '"violation"', '"not_listed"', '"held"')


def encoded_gaps(state: ScorerState, found: Assessment) -> list[str]:
    """The gap of each product, `null` at the top."""
    rules = state.in_force()[1].tiers
    tier = state.products.tier[found.slots].astype(np.int64)
    above = np.clip(tier + 1, 2, TIER_FEATURED)
    scores = np.array([0, 0, *(rule.score_bps for rule in rules.rules())], np.int64)
    floors = np.array([(0,) * 5, (0,) * 5, *(rule.floors() for rule in rules.rules())], np.int64)
    limits = rules.l5_bounds
    columns: list[AnyArray] = [
        above,
        np.maximum(0, scores[above] - found.score),
        *np.maximum(0, floors[above].T - found.forces),
        np.maximum(0, rules.delivered_min - found.done),
        _over(found.negative_bound, limits.negative_review_bps, above),
        _over(found.returns_bound, limits.quality_return_bps, above),
    ]
    blocks = [_BLOCKS[code] for code in _blocks(state, found, above).tolist()]
    featured = (tier == TIER_FEATURED).tolist()
    rows = zip(featured, *(column.tolist() for column in columns), blocks, strict=True)
    return ["null" if top else _GAP % tuple(rest) for top, *rest in rows]


def _over(bound: Ints, limit: int, above: Ints) -> Ints:
    return np.where(above == TIER_FEATURED, np.maximum(0, bound - limit), 0)


def _blocks(state: ScorerState, found: Assessment, above: Ints) -> Ints:
    """Codes of `_BLOCKS`; a hold comes before a missing listing, and that before a violation."""
    held, listed = state.products.held[found.slots], state.products.listed[found.slots]
    return np.where(held, 3, np.where(~listed, 2, np.where(found.cap < above, 1, 0)))
