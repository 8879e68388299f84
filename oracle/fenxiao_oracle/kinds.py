"""The indicators by number (section 3): their kinds, bins, windows and priors. `measures` and `curves` go by this table."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from fenxiao_oracle.arrays import Ints, ints
from fenxiao_oracle.formulas import (
    COUNT_SHIFT,
    MILLION,
    PRICE_SHIFT,
    RATE_WIDTH,
    RATIO_MAX,
    RATIO_MIN,
    RATIO_WIDTH,
    UNIT,
    VALUE_MAX,
    Bins,
    linear,
    log_linear,
)

Kind = Literal["rate", "low rate", "ratio", "count", "price"]


@dataclass(frozen=True, slots=True)
class BinKind:
    """How the values of a kind fall into bins, and every bin there is.

    Attributes:
        edges: The lower edge of each bin.
        widths: The width of each bin.
    """

    kind: Kind
    edges: Ints
    widths: Ints

    def bins(self, value: Ints) -> Bins:
        """The bins of some values."""
        if self.kind == "count":
            return log_linear(value, COUNT_SHIFT)
        if self.kind == "price":
            return log_linear(value, PRICE_SHIFT)
        return linear(value, RATIO_MIN, RATIO_WIDTH) if self.kind == "ratio" else linear(value, 0, RATE_WIDTH)


def _linear_kind(kind: Kind, start: int, end: int, width: int) -> BinKind:
    edges = np.arange(start, end + 1, width, dtype=np.int64)
    return BinKind(kind, edges, np.full_like(edges, width))


def _log_linear_kind(kind: Kind, shift: int) -> BinKind:
    count = int(log_linear(ints([VALUE_MAX]), shift).bin[0]) + 1
    b = np.arange(count, dtype=np.int64)
    drop = np.maximum((b >> shift) - 1, 0)
    return BinKind(kind, (b - (drop << shift)) << drop, np.left_shift(1, drop))


RATE: Final = _linear_kind("rate", 0, UNIT, RATE_WIDTH)
LOW_RATE: Final = _linear_kind("low rate", 0, UNIT, RATE_WIDTH)
RATIO: Final = _linear_kind("ratio", RATIO_MIN, RATIO_MAX, RATIO_WIDTH)
COUNT: Final = _log_linear_kind("count", COUNT_SHIFT)
PRICE: Final = _log_linear_kind("price", PRICE_SHIFT)

KINDS: Final = {
    2: RATE,
    3: RATIO,
    4: RATE,
    5: COUNT,
    6: COUNT,
    7: LOW_RATE,
    8: LOW_RATE,
    9: RATE,
    10: COUNT,
    11: COUNT,
}
"""The kind of each indicator that has a curve."""
UNITS: Final = {2: UNIT, 7: UNIT, 8: UNIT, 9: UNIT, 11: MILLION}
"""The unit of each indicator that shrinks to its curve's mean."""
