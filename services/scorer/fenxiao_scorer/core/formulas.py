"""The norm's formulas on single integers, exact in 64 bits: `shrunk`, Wilson's bound, bins. Sections 3 to 5."""

from typing import Final

import numpy as np

from fenxiao_scorer.core.compiled import compiled

BPS: Final = 10_000
MILLION: Final = 1_000_000
ABSENT: Final = -(1 << 62)
"""In a table of means or medians: there is none."""
COUNT_BITS: Final = 4
PRICE_BITS: Final = 6
VALUE_MAX: Final = (1 << 47) - 1
RATE_WIDTH: Final = 25
RATIO_MIN: Final = 5_000
RATIO_MAX: Final = 20_000
RATIO_WIDTH: Final = 50
TABLE, RATE, LOW_RATE, RATIO, COUNT = range(5)
"""How an indicator becomes points."""
_WILSON_BITS: Final = 20


@compiled
def bit_length(value: int) -> int:
    """`int.bit_length` of a value from 0 on."""
    length = 0
    for step in (32, 16, 8, 4, 2, 1):
        if value >> step:
            length += step
            value >>= step
    return length + (1 if value else 0)


@compiled
def log_linear(value: int, bits: int) -> int:
    """The bin with 2^bits bins an octave."""
    value = min(value, VALUE_MAX)
    shift = max(bit_length(value) - 1 - bits, 0)
    return (shift << bits) + (value >> shift)


def log_linear_edges(number: int, bits: int) -> tuple[int, int]:
    """The edge and the width of a bin."""
    shift = max((number >> bits) - 1, 0)
    return (number - (shift << bits)) << shift, 1 << shift


@compiled
def bin_of(kind: int, value: int) -> int:
    """The bin of an indicator's value."""
    if kind == COUNT:
        return log_linear(value, COUNT_BITS)
    if kind == RATIO:
        return (value - RATIO_MIN) // RATIO_WIDTH
    return value // RATE_WIDTH


@compiled
def shrunk(num: int, den: int, unit: int, prior: int, mean: int) -> int:
    """A rate in `unit`s that starts with `prior` observations at the mean; capped to 0..unit.

    A denominator of 0 has no rate; what stands in its place here is not looked at.
    """
    over, under = unit * num, den
    if mean != ABSENT:
        over, under = over + prior * mean, under + prior
    return min(max(over // under, 0), unit) if under else 0


@compiled
def isqrt(value: int) -> int:
    """The integer square root of a value below 2^52: the float's root, put right by at most one."""
    root = int(np.sqrt(np.float64(value)))
    if root * root > value:
        root -= 1
    if (root + 1) * (root + 1) <= value:
        root += 1
    return root


@compiled
def wilson_upper(num: int, den: int, z_milli: int) -> int:
    """The upper Wilson bound of num/den in basis points (E. B. Wilson, 1927); 10000 where den is not positive.

    n' < 2^20, so that 4*10^6 k'(n' - k') < 2^61.
    """
    if den <= 0:
        return BPS
    shift = max(0, bit_length(den) - _WILSON_BITS)
    n = den >> shift
    k = min(n, num >> shift)
    square = z_milli * z_milli
    root = isqrt(square + (4 * MILLION * k * (n - k)) // n)
    over = BPS * (2 * MILLION * k + square + z_milli * root)
    return min(BPS, -(-over // (2 * MILLION * n + 2 * square)))
