"""Finding many 64-bit keys at once: open addressing in two numpy arrays, 4 to 8 bytes a key beside the key itself.

A Python dict would take over 100 bytes a key, and there is a key for every (product, creator) and (product, price).
"""

from typing import Final

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Ints

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_BITS_MIN: Final = 8
_FREE: Final = -1


class KeyIndex:
    """Where each key is in an array of distinct keys that its owner keeps."""

    __slots__ = ("_bits", "_table")

    def __init__(self) -> None:
        self._bits = _BITS_MIN
        self._table: AnyArray = np.full(1 << self._bits, _FREE, np.int32)

    def find(self, wanted: Ints, keys: Ints) -> Ints:
        """The place in `keys` of each wanted key; -1 if it is not there."""
        found = np.full(len(wanted), -1, np.int64)
        places = self._hash(wanted)
        rest = np.arange(len(wanted))
        while len(rest):
            candidates = self._table[places]
            hit = (candidates >= 0) & (keys[candidates] == wanted[rest]) if len(keys) else candidates >= 0
            found[rest[hit]] = candidates[hit]
            onward = (candidates >= 0) & ~hit
            rest, places = rest[onward], (places[onward] + 1) & (len(self._table) - 1)
        return found

    def extend(self, keys: Ints, start: int) -> None:
        """Take in `keys[start:]`, which are distinct and not there yet."""
        if 2 * len(keys) > len(self._table):
            self._bits = max(_BITS_MIN, (2 * len(keys)).bit_length())
            self._table = np.full(1 << self._bits, _FREE, np.int32)
            start = 0
        rest = np.arange(start, len(keys))
        places = self._hash(keys[start:])
        while len(rest):
            free = self._table[places] == _FREE
            self._table[places[free]] = rest[free]
            onward = self._table[places] != rest
            rest, places = rest[onward], (places[onward] + 1) & (len(self._table) - 1)

    def _hash(self, keys: Ints) -> AnyArray:
        return ((keys.astype(np.uint64) * _MULTIPLIER) >> np.uint64(64 - self._bits)).astype(np.int64)
