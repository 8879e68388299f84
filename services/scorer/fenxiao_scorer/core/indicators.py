"""The eleven indicators' values, in columns. Section 3 of the norm. `assess` makes points of them."""

from dataclasses import dataclass

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Ints
from fenxiao_scorer.core.formulas import ABSENT, BPS, shrunk
from fenxiao_scorer.core.layout import (
    AUTHORITY,
    COMMISSION,
    CONVERSION,
    DISPATCH,
    INTEGRITY,
    NEGATIVE,
    PRICE,
    PROMOTERS,
    REPEAT,
    RETURNS,
    ROWS,
    SALES,
    UNITS,
    priors,
)
from fenxiao_scorer.core.state import ScorerState

RATIO_LOW = 5_000
RATIO_HIGH = 20_000


@dataclass(frozen=True, slots=True)
class Measured:
    """Matrices with a row per indicator and a column per product; a value that is null is 0.

    Attributes:
        nums: Of the shrunk rates, other rows 0.
        dens: The same.
        net_price: A column alone.
    """

    values: AnyArray
    nulls: AnyArray
    evidence: AnyArray
    nums: AnyArray
    dens: AnyArray
    net_price: Ints


def measure(state: ScorerState, slots: Ints) -> Measured:
    """The values and the evidence of every indicator for these products."""
    medians, weights = state.prices.medians(slots)
    net_price = np.where(weights > 0, medians, state.products.price_minor[slots])
    shape = (ROWS, len(slots))
    measured = Measured(
        values=np.zeros(shape, np.int64),
        nulls=np.zeros(shape, np.bool_),
        evidence=np.ones(shape, np.int64),
        nums=np.zeros(shape, np.int64),
        dens=np.zeros(shape, np.int64),
        net_price=net_price,
    )
    _brand_and_plan(state, slots, measured)
    _prices(state, slots, measured, weights)
    _distribution(state, slots, measured)
    _rates(state, slots, measured)
    measured.values[measured.nulls] = 0
    np.maximum(measured.evidence, 0, out=measured.evidence)
    return measured


def _brand_and_plan(state: ScorerState, slots: Ints, measured: Measured) -> None:
    products, open_day = state.products, state.in_force()[0]
    valid = products.authority_until_day[slots] >= open_day
    measured.values[AUTHORITY] = np.where(valid, products.authority[slots], products.authority_fallback[slots])
    rate = products.open_commission_bps[slots]
    measured.values[COMMISSION] = np.maximum(rate, 0)
    measured.evidence[COMMISSION] = rate >= 0


def _prices(state: ScorerState, slots: Ints, measured: Measured, weights: Ints) -> None:
    median = state.lookup().medians[state.products.category[slots]]
    missing, own = median == ABSENT, np.maximum(1, measured.net_price)
    measured.values[PRICE] = np.clip((BPS * np.where(missing, 0, median)) // own, RATIO_LOW, RATIO_HIGH)
    measured.nulls[PRICE] = missing
    measured.evidence[PRICE] = ~missing
    measured.values[INTEGRITY] = np.minimum(BPS, (BPS * measured.net_price) // state.products.price_minor[slots])
    measured.nulls[INTEGRITY] = weights == 0
    measured.evidence[INTEGRITY] = weights


def _distribution(state: ScorerState, slots: Ints, measured: Measured) -> None:
    totals, active = state.counters.totals, state.pairs.active[slots]
    measured.values[PROMOTERS] = measured.evidence[PROMOTERS] = active
    measured.values[SALES] = np.maximum(0, totals["net_minor"][slots])
    measured.evidence[SALES] = totals["net_orders"][slots]


def _rates(state: ScorerState, slots: Ints, measured: Measured) -> None:
    totals, lookup = state.counters.totals, state.lookup()
    prior = priors(state.in_force()[1])
    categories = state.products.category[slots]
    parts = {
        REPEAT: ("repeats", "known"),
        NEGATIVE: ("bad_reviews", "done_service"),
        RETURNS: ("quality_returns", "done_service"),
        DISPATCH: ("on_time", "due"),
        CONVERSION: ("net_orders", "views"),
    }
    for row, (num_name, den_name) in parts.items():
        num, den = totals[num_name][slots], totals[den_name][slots]
        num = num if row == REPEAT else np.minimum(num, den)
        measured.nums[row], measured.dens[row], measured.evidence[row] = num, den, den
        measured.nulls[row] = den <= 0 if row == DISPATCH else den == 0
        measured.values[row] = shrunk(num, den, UNITS[row], prior[row], lookup.means[row, categories])
