"""Where the search for a 64-bit key begins in an open-addressing table."""

from typing import Final

import numpy as np

from fenxiao_scorer.core.compiled import compiled

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_HALF: Final = np.uint64(32)


@compiled
def place_of(key: int, size: int) -> int:
    """A place among `size`, a power of two: Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3, 6.4)."""
    return np.int64(((np.uint64(key) * _GOLDEN) >> _HALF) & np.uint64(size - 1))  # type: ignore[return-value]
