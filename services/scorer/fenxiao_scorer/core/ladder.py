"""How a tier moves over time, and whether that is worth a message. Sections 6 and 7 of the norm.

Within a day a tier only rises, but for a hold, a delisting and a violation; a close decides. `messages` comes next.
"""

from fenxiao_scorer.core.arrays import AnyArray, Ints
from fenxiao_scorer.core.assess import TIER_FEATURED
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.rules import Rules
from fenxiao_scorer.core.tables import ADMITTED, CAP, CLASS, EARNED, SCORE, SLOT


@compiled
def apply_barrier(facts: AnyArray, row: Ints) -> None:
    """A barrier's tier."""
    product = facts[row[SLOT]]
    product.tier = max(min(product.tier, row[CAP]), row[EARNED]) if row[ADMITTED] else 0


@compiled
def apply_close(facts: AnyArray, row: Ints, rules: Rules) -> None:
    """A close's tier, and the count of closes below it.

    The best of the closes below may have been earned before a violation: who goes down never goes up by it.
    """
    product, earned = facts[row[SLOT]], row[EARNED]
    closed = min(product.closed, row[CAP])
    below, best = product.below + 1, max(product.best, earned)
    if not row[ADMITTED]:
        tier, below, best = 0, 0, 0
    elif earned >= closed:
        tier, below, best = earned, 0, 0
    elif below >= rules.down_after_closes:
        tier, below, best = min(best, closed), 0, 0
    else:
        tier = closed
    product.tier = tier
    product.closed = tier
    product.below = below
    product.best = best


@compiled
def worth_publishing(facts: AnyArray, row: Ints, rules: Rules, featured_rights: int) -> bool:
    """Whether a product differs enough from what was last said of it."""
    product = facts[row[SLOT]]
    rights = featured_rights if product.tier == TIER_FEATURED else 0
    return bool(
        product.revision == 0
        or product.tier != product.published_tier
        or row[CLASS] != product.published_evidence
        or rights != product.published_rights
        or abs(row[SCORE] - product.published_score) >= rules.materiality_bps
    )
