"""The oracle: the scorer's norm (`docs/scoring.md`) written a second time, plainly. Pure: no I/O, no clock, no random.

It keeps nothing between two assessments but the tier history; all else is summed anew from the raw facts of the log.
`oracle` is the entrance. `intake` reads events into the columns of a `log` of `facts`; `run` walks the control records
and asks `measures` and `assessment` for numbers, `ladder` for tiers, `publishing` for messages; `curves` join the
partitions once a day. `formulas` holds the arithmetic of the norm.
"""

from fenxiao_oracle.log import LogError
from fenxiao_oracle.oracle import Expected, expect, expected_tiers

__all__ = ["Expected", "LogError", "expect", "expected_tiers"]
