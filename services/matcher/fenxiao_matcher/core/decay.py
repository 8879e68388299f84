"""How much a sale still weighs: a fixed-point table of 2^-(age / half-life). The `ledger` applies it.

Weights are looked up by a difference of days, so a refund, which is booked on its order's day, takes away exactly what the
sale gave, however much later it comes.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import lru_cache

import numpy as np

from fenxiao_matcher.core.names import Ints

ONE = 1_000_000
"""The weight of a sale of the open day."""
HORIZON_DAYS = 730
"""What is older weighs nothing, whatever the half-life, so that the graph may forget it."""
_DIGITS = 40


@lru_cache(maxsize=8)
def decay_table(half_life_days: int) -> tuple[int, ...]:
    """Weights by age in days, 0 to `HORIZON_DAYS` - 1, rounded to the nearest.

    Computed in decimal arithmetic of 40 digits, whose `exp` is correctly rounded on every platform, unlike a float's.
    """
    with localcontext(Context(prec=_DIGITS, rounding=ROUND_HALF_EVEN)):
        rate = Decimal(2).ln() / half_life_days
        return tuple(int(((-rate * age).exp() * ONE).to_integral_value()) for age in range(HORIZON_DAYS))


@lru_cache(maxsize=8)
def decay_array(half_life_days: int) -> Ints:
    """The same as an array, with a 0 for all that is older."""
    return np.array([*decay_table(half_life_days), 0], np.int64)
