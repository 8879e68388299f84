"""Tiers over time (section 6): the only thing that is carried from one assessment to the next."""

from dataclasses import dataclass

import numpy as np

from fenxiao_oracle.arrays import Flags, Ints


@dataclass(frozen=True, slots=True)
class Steps:
    """A row a product: its tier, the one of the last close, and its run of closes below that."""

    tier: Ints
    closed: Ints
    below: Ints
    best: Ints


def at_barrier(old: Steps, earned: Ints, cap: Ints, admitted: Flags) -> Steps:
    """Within a day a tier only rises; a hold or a violation makes it fall at once."""
    tier = np.where(admitted, np.maximum(np.minimum(old.tier, cap), earned), 0)
    return Steps(tier, old.closed, old.below, old.best)


def at_close(old: Steps, earned: Ints, cap: Ints, admitted: Flags, down_after_closes: int) -> Steps:
    """A close decides, from the last close's tier, whatever barriers lay between."""
    kept = np.minimum(old.closed, cap)
    is_below = admitted & (earned < kept)
    below = np.where(is_below, old.below + 1, 0)
    best = np.where(is_below, np.maximum(old.best, earned), 0)
    falls = is_below & (below >= down_after_closes)
    # `best` may be of a day before a violation, so that it needs the cap again.
    tier = np.where(falls, np.minimum(best, kept), np.where(is_below, kept, earned))
    tier = np.where(admitted, tier, 0)
    return Steps(tier, tier, np.where(falls, 0, below), np.where(falls, 0, best))
