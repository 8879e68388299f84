"""How a tier moves over time, and whether that is worth a message. Sections 6 and 7 of the norm.

Within a day a tier only rises, but for a hold, a delisting and a violation; a close decides. `messages` comes next.
"""

import numpy as np

from fenxiao_scorer.core.arrays import Bools
from fenxiao_scorer.core.assess import TIER_FEATURED, Assessment
from fenxiao_scorer.core.state import ScorerState


def apply_barrier(state: ScorerState, found: Assessment) -> None:
    """A barrier's tiers."""
    tier = state.products.tier
    kept = np.minimum(tier[found.slots], found.cap)
    tier[found.slots] = np.where(found.admitted, np.maximum(kept, found.earned), 0)


def apply_close(state: ScorerState, found: Assessment) -> None:
    """A close's tiers, and the count of closes below them.

    The best of the closes below may have been earned before a violation: who goes down never goes up by it.
    """
    products, slots, earned = state.products, found.slots, found.earned
    closed = np.minimum(products.closed[slots], found.cap)
    below = products.below[slots].astype(np.int64) + 1
    best = np.maximum(products.best[slots], earned)
    reached = earned >= closed
    fallen = below >= state.in_force()[1].tiers.down_after_closes
    tier = np.where(reached, earned, np.where(fallen, np.minimum(best, closed), closed))
    waiting = found.admitted & ~reached & ~fallen
    products.tier[slots] = products.closed[slots] = np.where(found.admitted, tier, 0)
    products.below[slots] = np.where(waiting, below, 0)
    products.best[slots] = np.where(waiting, best, 0)


def worth_publishing(state: ScorerState, found: Assessment) -> Bools:
    """Which of the products differ enough from what was last said of them."""
    products, slots = state.products, found.slots
    rights = np.where(products.tier[slots] == TIER_FEATURED, state.featured_rights, 0)
    moved = np.abs(found.score - products.published_score[slots]) >= state.in_force()[1].tiers.materiality_bps
    differs: Bools = (
        (products.revision[slots] == 0)
        | (products.tier[slots] != products.published_tier[slots])
        | (found.evidence_class != products.published_evidence[slots])
        | (rights != products.published_rights[slots])
        | moved
    )
    return differs
