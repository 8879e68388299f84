"""What is missing to the next tier (section 7), for the products that `publishing` publishes."""

from typing import Literal

import numpy as np

from fenxiao_oracle.arrays import Ints, ints
from fenxiao_oracle.assessment import NEGATIVE_REVIEWS, QUALITY_RETURNS, Assessment, wilson_bound
from fenxiao_schemas.policy import Policy
from fenxiao_schemas.tiers import Gap

type Block = Literal["not_listed", "held", "violation"] | None


def gaps(tiers: Ints, assessment: Assessment, rows: Ints, policy: Policy) -> list[Gap | None]:
    """The gap of each row to the tier above its own, but at least 2; None at tier 5.

    Args:
        tiers: Of each of the `rows`.
        assessment: Of more products, maybe.
        rows: Which rows of the assessment.
        policy: The one in force.
    """
    measures, rules = assessment.measures, policy.tiers.rules()
    aims = np.minimum(np.maximum(tiers + 1, 2), 5)
    floors = ints([rule.floors() for rule in rules]).T[:, aims - 2]
    scores = ints([rule.score_bps for rule in rules])[aims - 2]
    columns = zip(
        rows.tolist(),
        tiers.tolist(),
        aims.tolist(),
        np.maximum(scores - assessment.score[rows], 0).tolist(),
        np.maximum(floors - assessment.forces[:, rows], 0).T.tolist(),
        np.maximum(policy.tiers.delivered_min - measures.delivered[rows], 0).tolist(),
        _blocks(assessment, rows, aims),
        strict=True,
    )
    return [
        None if tier == 5 else _gap(aim, score, forces, delivered, _excess(assessment, row, aim, policy), block)
        for row, tier, aim, score, forces, delivered, block in columns
    ]


def _gap(aim: int, score: int, forces: list[int], delivered: int, excess: tuple[int, int], block: Block) -> Gap:
    return Gap(
        tier=aim,
        score_bps=score,
        forces=tuple(forces),
        delivered=delivered,
        negative_reviews_bps=excess[0],
        quality_returns_bps=excess[1],
        blocked=block,
    )


def _blocks(assessment: Assessment, rows: Ints, aims: Ints) -> list[Block]:
    measures = assessment.measures
    states = zip(
        measures.held[rows].tolist(),
        measures.listed[rows].tolist(),
        (measures.cap[rows] < aims).tolist(),
        strict=True,
    )
    return [
        "held" if held else "not_listed" if not listed else "violation" if capped else None
        for held, listed, capped in states
    ]


def _excess(assessment: Assessment, row: int, aim: int, policy: Policy) -> tuple[int, int]:
    """By how much the bad rates are over their limits, which bind for tier 5 alone."""
    if aim != 5:
        return 0, 0
    bounds, measures = policy.tiers.l5_bounds, assessment.measures
    reviews = wilson_bound(measures, NEGATIVE_REVIEWS, row, policy) - bounds.negative_review_bps
    returns = wilson_bound(measures, QUALITY_RETURNS, row, policy) - bounds.quality_return_bps
    return max(0, reviews), max(0, returns)
