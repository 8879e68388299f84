"""The norm's formulas on columns, exact in 64 bits: `shrunk`, integer square root, Wilson's bound. Sections 3 and 5."""

from typing import Final

import numpy as np

from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.bins import bit_length

BPS: Final = 10_000
MILLION: Final = 1_000_000
ABSENT: Final = -(1 << 62)
"""In a column of means or medians: there is none."""
_WILSON_BITS: Final = 20


def shrunk(num: Ints, den: Ints, unit: int, prior: int, mean: Ints) -> Ints:
    """A rate in `unit`s that starts with `prior` observations at the mean; capped to 0..unit.

    A denominator of 0 has no rate; what stands in its place here is not looked at.
    """
    known = mean != ABSENT
    over = np.where(known, unit * num + prior * np.where(known, mean, 0), unit * num)
    under = np.where(known, den + prior, den)
    capped: Ints = np.clip(over // np.where(under == 0, 1, under), 0, unit)
    return capped


def isqrt(values: Ints) -> Ints:
    """The integer square root of values below 2^52: the float's root, put right by at most one."""
    root = np.sqrt(values.astype(np.float64)).astype(np.int64)
    root -= root * root > values
    root += (root + 1) * (root + 1) <= values
    return root


def wilson_upper(num: Ints, den: Ints, z_milli: int) -> Ints:
    """The upper Wilson bound of num/den in basis points (E. B. Wilson, 1927); 10000 where den is 0.

    n' < 2^20, so that 4*10^6 k'(n' - k') < 2^61.
    """
    shift = np.maximum(0, bit_length(np.maximum(den, 0)) - _WILSON_BITS)
    n = np.maximum(den >> shift, 1)
    k = np.minimum(n, num >> shift)
    square = z_milli * z_milli
    root = isqrt(square + (4 * MILLION * k * (n - k)) // n)
    over = BPS * (2 * MILLION * k + square + z_milli * root)
    bound = np.minimum(BPS, -(-over // (2 * MILLION * n + 2 * square)))
    return np.where(den > 0, bound, BPS)
