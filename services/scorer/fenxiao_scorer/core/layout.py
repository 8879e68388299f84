"""The eleven indicators as data: their rows in every matrix here, their kinds and units. Section 3's table."""

from typing import Final

from fenxiao_schemas.policy import FORCE_INDICATORS, Policy
from fenxiao_schemas.tiers import INDICATORS
from fenxiao_scorer.core.bins import Kind
from fenxiao_scorer.core.formulas import BPS, MILLION

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
KINDS: Final = (
    Kind.TABLE,
    Kind.RATE,
    Kind.RATIO,
    Kind.RATE,
    Kind.COUNT,
    Kind.COUNT,
    Kind.LOW_RATE,
    Kind.LOW_RATE,
    Kind.RATE,
    Kind.COUNT,
    Kind.COUNT,
)
CURVE_ROWS: Final = tuple(range(REPEAT, ROWS))
"""The indicators that have a curve."""
UNITS: Final[dict[int, int]] = {REPEAT: BPS, NEGATIVE: BPS, RETURNS: BPS, DISPATCH: BPS, CONVERSION: MILLION}
"""The unit of each shrunk rate."""
FORCE_ROWS: Final = tuple(tuple(INDICATORS.index(name) for name in names) for names in FORCE_INDICATORS.values())


def priors(policy: Policy) -> dict[int, int]:
    """The prior of each shrunk rate."""
    return {row: getattr(policy.priors, INDICATORS[row]) for row in UNITS}
