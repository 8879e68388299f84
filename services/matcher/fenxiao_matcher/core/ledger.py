"""Net sales of each creator, product and day, as sorted arrays and a journal of what came since. The `graph` keeps one.

Folding a sale appends 16 bytes. Sums are made when a `snapshot` asks for them, or when the journal has grown long.
"""

from array import array

import numpy as np

from fenxiao_matcher.core.decay import HORIZON_DAYS, ONE, decay_array
from fenxiao_matcher.core.names import Ints

DAY_BITS = 16
PRODUCT_BITS = 24
CREATOR_BITS = 63 - PRODUCT_BITS - DAY_BITS
JOURNAL_MIN = 1 << 17
"""A journal is kept shorter than this, or than half of the sums."""
WEIGHT_MAX = 1 << 62
"""The weight of a pair is cut off here: 46 billion of a currency's units, beyond which it makes no difference."""


class Ledger:
    """Amounts by (creator, product, day), packed into one integer in this order."""

    def __init__(self) -> None:
        self._packed: Ints = np.zeros(0, np.int64)
        self._net: Ints = np.zeros(0, np.int64)
        self._touched: list[Ints] = []
        self._journal = array("q")
        self._amounts = array("q")

    def __len__(self) -> int:
        """How many amounts came since the last `take`."""
        return len(self._journal) + sum(map(len, self._touched))

    def add(self, creator: int, product: int, day: int, net_minor: int) -> None:
        """Book an amount."""
        self._journal.append((creator << PRODUCT_BITS | product) << DAY_BITS | day)
        self._amounts.append(net_minor)
        if len(self._journal) >= JOURNAL_MIN and 2 * len(self._journal) >= len(self._packed):
            self.absorb()

    def take(self) -> tuple[Ints, Ints, Ints]:
        """(packed, net) of everything, sorted, and the pairs touched since the last call."""
        self.absorb()
        touched = np.unique(np.concatenate([np.zeros(0, np.int64), *self._touched]))
        self._touched = []
        return self._packed, self._net, touched

    def drop_before(self, day: int) -> None:
        """Forget what was booked on earlier days, and what comes to nothing."""
        kept = (self._net != 0) & ((self._packed & ((1 << DAY_BITS) - 1)) >= day)
        if not kept.all():
            self._packed, self._net = self._packed[kept], self._net[kept]

    def absorb(self) -> None:
        """Add the journal to the sums."""
        if not self._journal:
            return
        packed = np.concatenate([self._packed, np.array(self._journal, np.int64)])
        net = np.concatenate([self._net, np.array(self._amounts, np.int64)])
        self._touched.append(np.unique(packed[len(self._packed) :] >> DAY_BITS))
        self._journal, self._amounts = array("q"), array("q")
        # Stable, because that sort is quick where a long part is sorted already.
        order = np.argsort(packed, kind="stable")
        packed = packed[order]
        starts = np.flatnonzero(np.diff(packed, prepend=-1))
        self._packed, self._net = packed[starts], np.add.reduceat(net[order], starts)


def weigh(packed: Ints, net: Ints, open_day: int, half_life_days: int) -> tuple[Ints, Ints]:
    """The pairs that weigh more than nothing, sorted, and their weights in minor units x `ONE`.

    A day that is not open yet counts as open. Products and sums wrap around at 2^64, so a result is exact wherever the
    true one is small enough; the sum in floating point, good to 1 in 10^12, tells which are not.
    """
    if not len(packed):
        return packed, net
    age = np.maximum(open_day - (packed & ((1 << DAY_BITS) - 1)), 0)
    factor = decay_array(half_life_days)[np.minimum(age, HORIZON_DAYS)]
    pairs = packed >> DAY_BITS
    starts = np.flatnonzero(np.diff(pairs, prepend=-1))
    about = np.add.reduceat(net.astype(np.float64) * factor, starts)
    weights = np.add.reduceat(net * factor, starts)
    weights[about > WEIGHT_MAX] = WEIGHT_MAX
    weights[about < -WEIGHT_MAX] = 0
    kept = weights > 0
    return pairs[starts][kept], weights[kept]


def strengths_of(weights: Ints) -> Ints:
    """100 x the square root of the net amount, rounded down: money is heavy-tailed, taste is not. Exact, below 2^28."""
    amounts = weights // (ONE // 10_000)
    return isqrt_array(amounts)


def isqrt_array(values: Ints) -> Ints:
    """`math.isqrt` of values below 2^60: the float's root is off by one at the most, which is put right in integers."""
    roots = np.sqrt(values.astype(np.float64)).astype(np.int64)
    roots -= roots * roots > values
    roots += (roots + 1) * (roots + 1) <= values
    return roots
