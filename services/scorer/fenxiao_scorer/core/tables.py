"""How a partition's state lies in memory: a record a product, and the row of an assessment.

Compiled code reads and writes both in place; `products` owns the first, `assess` fills the second.
"""

from typing import Any, Final

import numpy as np

from fenxiao_schemas.tiers import FORCES, INDICATORS

NEVER: Final = -(1 << 30)
"""A violation's day when there was none."""
ALWAYS: Final = 1 << 30
"""An authority's last day when it has none."""
DIGEST_BYTES: Final = 16

FACTS: Final = np.dtype(
    [
        ("price_minor", np.int64),
        ("revision", np.int64),
        ("net_price", np.int64),  # the weighted median of the prices paid, if `price_weight` is over 0
        ("price_weight", np.int64),
        ("category", np.int32),  # the number of its path's text
        ("authority_until_day", np.int32),
        ("minor_day", np.int32),
        ("serious_day", np.int32),
        ("open_commission_bps", np.int32),  # -1 without an open plan
        ("price_head", np.int32),  # the first of its price cells, -1 without one
        ("price_cells", np.int32),
        ("active", np.int32),  # how many creators have a positive count of net orders
        ("published_score", np.int32),
        ("published_rights", np.int32),
        ("below", np.int16),
        ("authority", np.int8),
        ("authority_fallback", np.int8),
        ("listed", np.bool_),
        ("held", np.bool_),
        ("touched", np.bool_),
        ("price_stale", np.bool_),
        ("tier", np.int8),
        ("closed", np.int8),
        ("best", np.int8),
        ("published_tier", np.int8),
        ("published_evidence", np.int8),
    ],
    align=True,
)
"""What is known, decided and published of a product."""
FRESH: Final[dict[str, Any]] = {
    "authority": 1,
    "authority_fallback": 1,
    "authority_until_day": ALWAYS,
    "minor_day": NEVER,
    "serious_day": NEVER,
    "open_commission_bps": -1,
    "price_head": -1,
}
"""What of a new product is not 0."""

# An assessment is a row of int64.
SLOT, ADMITTED, SCORE, CLASS, DONE, CAP, EARNED, NEGATIVE_BOUND, RETURNS_BOUND, NET_PRICE = range(10)
FORCE: Final = 10
VALUE: Final = FORCE + len(FORCES)
POINTS: Final = VALUE + len(INDICATORS)
EVIDENCE: Final = POINTS + len(INDICATORS)
NULL: Final = EVIDENCE + len(INDICATORS)
NUM: Final = NULL + len(INDICATORS)
DEN: Final = NUM + len(INDICATORS)
WIDTH: Final = DEN + len(INDICATORS)
"""FORCE to DEN are the first of a run of columns each, a column a force or an indicator; a value that is null is 0."""
