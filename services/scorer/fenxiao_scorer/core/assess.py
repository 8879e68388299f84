"""What a product is worth now, in columns: evidence, values, points, forces, score and earned tier. Sections 3 to 5.

A pure function of counters, facts, curves and policy: it may be taken again, in any blocks, with the same result.
`ladder` comes next.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from fenxiao_schemas.policy import Policy
from fenxiao_schemas.tiers import FORCES, INDICATORS
from fenxiao_scorer.core.arrays import AnyArray, Bools, Ints
from fenxiao_scorer.core.formulas import wilson_upper
from fenxiao_scorer.core.indicators import Measured, measure
from fenxiao_scorer.core.layout import AUTHORITY, CURVE_ROWS, FORCE_ROWS, NEGATIVE, RETURNS, ROWS
from fenxiao_scorer.core.state import ScorerState

NONE, THIN, RATED = range(3)
EVIDENCE_CLASSES: Final = ("none", "thin", "rated")
TIER_FEATURED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Columns for `slots`; matrices have a row per indicator or force."""

    slots: Ints
    admitted: Bools
    values: AnyArray
    nulls: AnyArray
    evidence: AnyArray
    points: AnyArray
    forces: AnyArray
    score: Ints
    done: Ints
    evidence_class: Ints
    negative_bound: Ints
    returns_bound: Ints
    cap: Ints
    earned: Ints

    def take(self, places: Ints) -> "Assessment":
        """The same of some of the products, in the order of `places`."""
        return Assessment(**{field.name: getattr(self, field.name)[..., places] for field in fields(self)})


def assess(state: ScorerState, slots: Ints) -> tuple[Assessment, Measured]:
    """Assess products; the second result is what the histograms are made of."""
    open_day, policy = state.in_force()
    measured = measure(state, slots)
    points = _points(state, slots, measured)
    forces = np.stack([_weighted(points, FORCE_ROWS[i], _indicator_weights(policy)) for i in range(len(FORCES))])
    score = _weighted(forces, tuple(range(len(FORCES))), [policy.force_weights[name] for name in FORCES])
    products = state.products
    admitted: Bools = products.listed[slots] & ~products.held[slots]
    bounds = [
        wilson_upper(measured.nums[row], measured.dens[row], policy.tiers.l5_bounds.z_milli)
        for row in (NEGATIVE, RETURNS)
    ]
    done = state.counters.totals["done_evidence"][slots]
    evidence_class = np.where(done == 0, NONE, np.where(done < policy.tiers.delivered_min, THIN, RATED))
    cap = _cap(state, policy, slots, open_day)
    earned = _earned(policy, forces, score, bounds, evidence_class == RATED)
    return Assessment(
        slots=slots,
        admitted=admitted,
        values=measured.values,
        nulls=measured.nulls,
        evidence=measured.evidence,
        points=points,
        forces=forces,
        score=score,
        done=done,
        evidence_class=evidence_class,
        negative_bound=bounds[0],
        returns_bound=bounds[1],
        cap=cap,
        earned=np.where(admitted, np.minimum(earned, cap), 0),
    ), measured


def _indicator_weights(policy: Policy) -> list[int]:
    return [policy.indicator_weights[name] for name in INDICATORS]


def _weighted(columns: AnyArray, rows: tuple[int, ...], weights: list[int]) -> Ints:
    total = np.zeros(columns.shape[1], np.int64)
    for row in rows:
        total += weights[row] * columns[row]
    mean: Ints = total // sum(weights[row] for row in rows)
    return mean


def _points(state: ScorerState, slots: Ints, measured: Measured) -> AnyArray:
    table = state.in_force()[1].authority_points
    levels = np.array([0, table.individual, table.enterprise, table.authorised, table.flagship], np.int64)
    points = np.empty((ROWS, len(slots)), np.int64)
    points[AUTHORITY] = levels[measured.values[AUTHORITY]]
    lookup = state.lookup()
    categories = state.products.category[slots].astype(np.int64)
    for row in CURVE_ROWS:
        points[row] = lookup.points(row, categories, measured.values[row], measured.nulls[row])
    return points


def _cap(state: ScorerState, policy: Policy, slots: Ints, open_day: int) -> Ints:
    """The lowest cap of the violations that still count."""
    cap = np.full(len(slots), TIER_FEATURED, np.int64)
    violations = policy.violations
    for last, rule in ((state.products.minor_day, violations.minor), (state.products.serious_day, violations.serious)):
        counts = open_day < last[slots].astype(np.int64) + rule.days
        cap = np.where(counts, np.minimum(cap, rule.tier_max), cap)
    return cap


def _earned(policy: Policy, forces: AnyArray, score: Ints, bounds: list[Ints], rated: Bools) -> Ints:
    """The highest tier whose rule is met, before admission and violations."""
    earned = np.ones(len(score), np.int64)
    limits = policy.tiers.l5_bounds
    for tier, rule in enumerate(policy.tiers.rules(), start=2):
        met = rated & (score >= rule.score_bps)
        for force, floor in zip(forces, rule.floors(), strict=True):
            met &= force >= floor
        if tier == TIER_FEATURED:
            met &= (bounds[0] <= limits.negative_review_bps) & (bounds[1] <= limits.quality_return_bps)
        earned[met] = tier
    return earned
