"""How much a sale still weighs: a fixed-point table of 2^-(age / half-life). The `graph` is next.

Weights are looked up by a difference of days, so a refund, which is booked on its order's day, takes away exactly what the
sale gave, however much later it comes.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import lru_cache

ONE = 1_000_000_000
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


def decayed(net_by_day: dict[int, int], open_day: int, table: tuple[int, ...]) -> int:
    """The weight of net amounts as of the open day, in minor units x `ONE`. A day that is not open yet counts as open."""
    total = 0
    for day, net_minor in net_by_day.items():
        age = open_day - day
        if age < HORIZON_DAYS:
            total += net_minor * table[max(age, 0)]
    return total
