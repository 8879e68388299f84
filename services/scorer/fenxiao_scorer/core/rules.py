"""The policy as compiled code reads it: its numbers in arrays. What each does is said in `docs/scoring.md`."""

from typing import NamedTuple

import numpy as np

from fenxiao_schemas.policy import Policy
from fenxiao_schemas.tiers import FORCES, INDICATORS
from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.layout import UNITS


class Rules(NamedTuple):
    """A policy, without what only `windows` and `messages` need.

    Attributes:
        weights: Of the indicators.
        force_weights: Of the forces.
        priors: Of the indicators that are shrunk rates, 0 for the others.
        authority_points: By level, from 1 on.
        neutral: The points of what has no evidence or no curve.
        scores: The least score, by tier.
        floors: The least points of each force, by tier.
        violation_days: How long a minor and a serious violation count.
        violation_tiers: The highest tier under each.
    """

    weights: Ints
    force_weights: Ints
    priors: Ints
    authority_points: Ints
    neutral: int
    scores: Ints
    floors: Ints
    delivered_min: int
    z_milli: int
    negative_review_bps: int
    quality_return_bps: int
    violation_days: Ints
    violation_tiers: Ints
    materiality_bps: int
    down_after_closes: int


def rules_of(policy: Policy) -> Rules:
    """The rules of a policy."""
    tiers, points, violations = policy.tiers, policy.authority_points, policy.violations
    priors = [getattr(policy.priors, name) if row in UNITS else 0 for row, name in enumerate(INDICATORS)]
    return Rules(
        weights=np.array([policy.indicator_weights[name] for name in INDICATORS], np.int64),
        force_weights=np.array([policy.force_weights[name] for name in FORCES], np.int64),
        priors=np.array(priors, np.int64),
        authority_points=np.array(
            [0, points.individual, points.enterprise, points.authorised, points.flagship], np.int64
        ),
        neutral=policy.curves.neutral_bps,
        scores=np.array([0, 0, *(rule.score_bps for rule in tiers.rules())], np.int64),
        floors=np.array([[0] * len(FORCES)] * 2 + [list(rule.floors()) for rule in tiers.rules()], np.int64),
        delivered_min=tiers.delivered_min,
        z_milli=tiers.l5_bounds.z_milli,
        negative_review_bps=tiers.l5_bounds.negative_review_bps,
        quality_return_bps=tiers.l5_bounds.quality_return_bps,
        violation_days=np.array([violations.minor.days, violations.serious.days], np.int64),
        violation_tiers=np.array([violations.minor.tier_max, violations.serious.tier_max], np.int64),
        materiality_bps=tiers.materiality_bps,
        down_after_closes=tiers.down_after_closes,
    )
