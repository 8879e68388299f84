"""The eleven indicators as data: their numbers, kinds and units. Section 3's table."""

from typing import Final

from fenxiao_schemas.policy import FORCE_INDICATORS
from fenxiao_schemas.tiers import INDICATORS
from fenxiao_scorer.core.formulas import BPS, COUNT, LOW_RATE, MILLION, RATE, RATIO, TABLE

(
    AUTHORITY,
    REPEAT,
    PRICE,
    INTEGRITY,
    PROMOTERS,
    COMMISSION,
    NEGATIVE,
    RETURNS,
    DISPATCH,
    SALES,
    CONVERSION,
) = range(11)

ROWS: Final = len(INDICATORS)
KINDS: Final = (TABLE, RATE, RATIO, RATE, COUNT, COUNT, LOW_RATE, LOW_RATE, RATE, COUNT, COUNT)
CURVE_ROWS: Final = tuple(range(REPEAT, ROWS))
"""The indicators that have a curve."""
UNITS: Final[dict[int, int]] = {REPEAT: BPS, NEGATIVE: BPS, RETURNS: BPS, DISPATCH: BPS, CONVERSION: MILLION}
"""The unit of each shrunk rate."""
FORCE_ROWS: Final = tuple(tuple(INDICATORS.index(name) for name in names) for names in FORCE_INDICATORS.values())
