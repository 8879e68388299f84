"""Where a value falls in a histogram: bin, lower edge and width, on columns. Section 4 of the norm."""

from enum import Enum
from typing import Final

import numpy as np

from fenxiao_scorer.core.arrays import Ints

COUNT_BITS: Final = 4
PRICE_BITS: Final = 6
VALUE_MAX: Final = (1 << 47) - 1
RATE_WIDTH: Final = 25
RATIO_MIN: Final = 5_000
RATIO_WIDTH: Final = 50


class Kind(Enum):
    """How an indicator becomes points."""

    TABLE = "table"
    RATE = "rate"
    LOW_RATE = "low rate"
    RATIO = "ratio"
    COUNT = "count"


def bit_length(values: Ints) -> Ints:
    """`int.bit_length` of values from 0 to 2^53: a float's exponent, which is exact there."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def log_linear(values: Ints, bits: int) -> tuple[Ints, Ints, Ints]:
    """Bin, edge and width with 2^bits bins an octave."""
    values = np.minimum(values, VALUE_MAX)
    shift = np.maximum(bit_length(values) - 1 - bits, 0)
    mantissa = values >> shift
    return (shift << bits) + mantissa, mantissa << shift, np.int64(1) << shift


def log_linear_edges(number: int, bits: int) -> tuple[int, int]:
    """The edge and the width of a bin."""
    shift = max((number >> bits) - 1, 0)
    return (number - (shift << bits)) << shift, 1 << shift


def linear(values: Ints, first: int, width: int) -> tuple[Ints, Ints, Ints]:
    """Bin, edge and width of equal bins from `first` on."""
    number = (values - first) // width
    return number, first + width * number, np.full_like(number, width)


def bins(kind: Kind, values: Ints) -> tuple[Ints, Ints, Ints]:
    """Bin, edge and width of an indicator's values."""
    if kind is Kind.COUNT:
        return log_linear(values, COUNT_BITS)
    if kind is Kind.RATIO:
        return linear(values, RATIO_MIN, RATIO_WIDTH)
    return linear(values, 0, RATE_WIDTH)
