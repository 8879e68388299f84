"""The arithmetic of the norm, integers only, element by element: each function is one formula of `docs/scoring.md`.

Arrays go in and out (one element is an array too); `wilson_upper` and `isqrt` inside it are scalar, for few need them.
int64 suffices: the largest product is a bin's width x a count of products (under 2^61 at a million products).
"""

from functools import lru_cache
from math import isqrt
from typing import NamedTuple

import numpy as np

from fenxiao_oracle.arrays import Flags, Ints, ints, offsets

UNIT = 10_000
MILLION = 1_000_000
VALUE_MAX = 2**47 - 1
RATIO_MIN, RATIO_MAX = 5_000, 20_000
RATE_WIDTH, RATIO_WIDTH = 25, 50
COUNT_SHIFT, PRICE_SHIFT = 4, 6
_POWERS = ints([2**k for k in range(48)])


class Bins(NamedTuple):
    """Bin, lower edge and width of each value."""

    bin: Ints
    edge: Ints
    width: Ints


def log_linear(value: Ints, shift: int) -> Bins:
    """Bins of a positive quantity, `2**shift` an octave (section 4)."""
    v = np.minimum(value, VALUE_MAX)
    k = np.searchsorted(_POWERS, v, side="right") - 1  # bit_length(v) - 1; -1 for 0
    drop = np.maximum(k - shift, 0)
    m = v >> drop
    return Bins((drop << shift) + m, m << drop, np.left_shift(1, drop))


def linear(value: Ints, start: int, width: int) -> Bins:
    """Bins of one width, from `start` on."""
    b = (value - start) // width
    return Bins(b, start + width * b, np.full_like(value, width))


def shrunk(num: Ints, den: Ints, unit: int, prior: int, mean: Ints, has_mean: Flags) -> Ints:
    """The rate `num / den` in `unit`, pulled to `mean` by `prior` observations where there is one; capped to 0..unit."""
    weight = np.where(has_mean, prior, 0)
    return np.clip((unit * num + weight * mean) // np.maximum(den + weight, 1), 0, unit)


def lower_weighted_median(prices: Ints, quantities: Ints, bounds: Ints) -> tuple[Ints, Ints]:
    """The lower weighted median of each piece, and its total weight; the median of an empty piece is 0.

    Args:
        prices: In rising order within each piece.
        quantities: Of each price; one that is not above 0 does not count.
        bounds: Where each piece begins and the last one ends.
    """
    running = offsets(np.maximum(quantities, 0))
    base = running[bounds[:-1]]
    total = running[bounds[1:]] - base
    if not len(prices):
        return np.zeros_like(total), total
    found = np.searchsorted(running[1:], base + (total + 1) // 2, side="left")
    return np.where(total > 0, prices[np.minimum(found, len(prices) - 1)], 0), total


def histogram_median(cumulated: Ints, edges: Ints, widths: Ints) -> Ints:
    """The median of each histogram, 0 for an empty one.

    Args:
        cumulated: Shape (histograms, bins + 1): how many products lie below each bin, and in the last column all.
        edges: The lower edge of each bin.
        widths: The width of each bin.
    """
    rank = np.maximum(cumulated[:, -1] - 1, 0) // 2
    b = np.minimum((cumulated[:, 1:] <= rank[:, None]).sum(axis=1), len(edges) - 1)
    rows = np.arange(len(cumulated))
    below, held = cumulated[rows, b], cumulated[rows, b + 1] - cumulated[rows, b]
    median = edges[b] + (widths[b] * (rank - below)) // np.maximum(held, 1)
    return np.where(cumulated[:, -1] > 0, median, 0)


def points(peers: Ints, below: Ints, held: Ints, *, low_is_good: bool) -> Ints:
    """The share of `peers` that are no better, 0 to 10,000; `below` and `held` are counts under and in the bin."""
    no_better = peers - below if low_is_good else below + held
    return (UNIT * no_better) // np.maximum(peers, 1)


def weighted_mean(weights: Ints, rows: Ints) -> Ints:
    """The floor of the weighted mean of each column; `rows` has one row a weight."""
    total: Ints = (weights[:, None] * rows).sum(axis=0)
    return total // int(weights.sum())


@lru_cache(maxsize=200_000)
def wilson_upper(k: int, n: int, z_milli: int) -> int:
    """The upper bound of Wilson's score interval of `k` in `n`, rounded up to a basis point (E. B. Wilson, 1927)."""
    if n <= 0:
        return UNIT
    scale = max(0, n.bit_length() - 20)
    n_, zz = n >> scale, z_milli * z_milli
    k_ = min(n_, k >> scale)
    root = isqrt(zz + (4_000_000 * k_ * (n_ - k_)) // n_)
    numerator = UNIT * (2_000_000 * k_ + zz + z_milli * root)
    return min(UNIT, -(-numerator // (2_000_000 * n_ + 2 * zz)))


def cap_of_violation(head_day: int, day: Ints, days: int, tier_max: int) -> Ints:
    """The highest tier that a violation on `day` (-1: none) leaves open on the head day: 5 once it is over."""
    return np.where((day >= 0) & (head_day < day + days), tier_max, 5)
