"""Points, forces, score and the tier that they earn (sections 4 and 5), of products that `measures` measured."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from fenxiao_oracle.arrays import Ints, ints
from fenxiao_oracle.curves import Curves
from fenxiao_oracle.formulas import points, weighted_mean, wilson_upper
from fenxiao_oracle.kinds import COUNT, KINDS, LOW_RATE
from fenxiao_oracle.measures import Measures
from fenxiao_schemas.policy import FORCE_INDICATORS, Policy
from fenxiao_schemas.tiers import INDICATORS

NO_EVIDENCE, THIN, RATED = range(3)
EVIDENCE_NAMES: Final = ("none", "thin", "rated")
NEGATIVE_REVIEWS, QUALITY_RETURNS = 7, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A row a product.

    Attributes:
        points: Shape (11, products).
        forces: Shape (5, products).
        evidence: An index of `EVIDENCE_NAMES`.
        earned: The tier that is earned, under the violation cap.
    """

    measures: Measures
    points: Ints
    forces: Ints
    score: Ints
    evidence: Ints
    earned: Ints


def assess(measures: Measures, policy: Policy, curves: Curves) -> Assessment:
    """Everything of section 5 but the rights, which hang on the tier."""
    of_indicators = _all_points(measures, policy, curves)
    forces = _forces(of_indicators, policy)
    score = weighted_mean(ints([policy.force_weights[name] for name in FORCE_INDICATORS]), forces)
    delivered = measures.delivered
    rated = np.where(delivered < policy.tiers.delivered_min, THIN, RATED)
    evidence = np.where(delivered <= 0, NO_EVIDENCE, rated)
    return Assessment(
        measures=measures,
        points=of_indicators,
        forces=forces,
        score=score,
        evidence=evidence,
        earned=_earned(measures, forces, score, evidence, policy),
    )


def wilson_bound(measures: Measures, indicator: int, row: int, policy: Policy) -> int:
    """The Wilson bound of one product's bad rate."""
    num, den = int(measures.num[indicator][row]), int(measures.den[indicator][row])
    return wilson_upper(num, den, policy.tiers.l5_bounds.z_milli)


def _all_points(measures: Measures, policy: Policy, curves: Curves) -> Ints:
    levels = policy.authority_points
    by_level = ints([0, levels.individual, levels.enterprise, levels.authorised, levels.flagship])
    rows = [by_level[measures.value[1]]]
    rows += [_points(number, measures, policy, curves) for number in KINDS]
    return np.stack(rows)


def _points(number: int, measures: Measures, policy: Policy, curves: Curves) -> Ints:
    kind, curve = KINDS[number], measures.curve[number]
    b = kind.bins(measures.value[number]).bin
    cumulated = curves.histograms[number].cumulated
    below, peers = cumulated[curve, b], cumulated[curve, -1]
    read = points(peers, below, cumulated[curve, b + 1] - below, low_is_good=kind is LOW_RATE)
    if kind is COUNT:
        read = np.where(measures.value[number] > 0, read, 0)
    return np.where(measures.has[number] & (curve >= 0), read, policy.curves.neutral_bps)


def _forces(of_indicators: Ints, policy: Policy) -> Ints:
    rows = []
    for names in FORCE_INDICATORS.values():
        weights = ints([policy.indicator_weights[name] for name in names])
        rows.append(weighted_mean(weights, of_indicators[[INDICATORS.index(name) for name in names]]))
    return np.stack(rows)


def _earned(measures: Measures, forces: Ints, score: Ints, evidence: Ints, policy: Policy) -> Ints:
    earned = np.ones_like(score)
    for tier, rule in enumerate(policy.tiers.rules(), start=2):
        reached = (evidence == RATED) & (score >= rule.score_bps)
        reached &= (forces >= ints(rule.floors())[:, None]).all(axis=0)
        if tier == 5:
            for row in np.flatnonzero(reached):
                reached[row] = _is_sure(measures, int(row), policy)
        earned = np.where(reached, tier, earned)
    return np.where(measures.admitted, np.minimum(earned, measures.cap), 0)


def _is_sure(measures: Measures, row: int, policy: Policy) -> bool:
    bounds = policy.tiers.l5_bounds
    return (
        wilson_bound(measures, NEGATIVE_REVIEWS, row, policy) <= bounds.negative_review_bps
        and wilson_bound(measures, QUALITY_RETURNS, row, policy) <= bounds.quality_return_bps
    )
