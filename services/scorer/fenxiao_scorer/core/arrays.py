"""The few array types and moves that everything else here is made of. `ledger` comes next."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

type Ints = npt.NDArray[np.int64]
type Bools = npt.NDArray[np.bool_]
type AnyArray = npt.NDArray[Any]

CAPACITY_MIN: Final = 64
LARGE_CAPACITY: Final = 1 << 16
"""From here on an array grows by a quarter, below it is doubled."""
_NARROW: Final = tuple((kind, np.iinfo(kind).min, np.iinfo(kind).max) for kind in (np.int8, np.int16, np.int32))


def ints(values: Iterable[int], count: int) -> Ints:
    """A column of `count` integers."""
    return np.fromiter(values, np.int64, count)


def grown(array: AnyArray, count: int, fill: Any) -> AnyArray:
    """The array with room for `count` entries along its first axis, larger than need be when it was too short."""
    capacity = len(array)
    if count <= capacity:
        return array
    spare = capacity if capacity < LARGE_CAPACITY else capacity // 4
    larger = np.full((max(CAPACITY_MIN, capacity + spare, count), *array.shape[1:]), fill, array.dtype)
    larger[:capacity] = array
    return larger


def summed(keys: AnyArray, amounts: AnyArray) -> tuple[Ints, Ints]:
    """The distinct keys in rising order, and the sum of each one's amounts."""
    if not len(keys):
        return keys.astype(np.int64), amounts.astype(np.int64)
    order = np.argsort(keys)  # not a stable sort, which is several times slower: a sum does not ask for the order
    ordered = keys[order].astype(np.int64)
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered[starts], np.add.reduceat(amounts[order].astype(np.int64), starts)


def narrowed(amounts: Ints) -> AnyArray:
    """The same numbers in the narrowest integers that hold them: most per-day amounts are tiny, and there are many."""
    if not len(amounts):
        return amounts.astype(np.int8)
    low, high = int(amounts.min()), int(amounts.max())
    for kind, least, most in _NARROW:
        if least <= low and high <= most:
            return amounts.astype(kind)
    return amounts.astype(np.int64)


def packed(array: AnyArray) -> list[Any]:
    """The array for a snapshot: its type and its bytes, little-endian; the array must not change before they are written."""
    kind = array.dtype.newbyteorder("<")
    return [kind.str, memoryview(np.ascontiguousarray(array, kind)).cast("B") if len(array) else b""]


def unpacked(parts: list[Any]) -> AnyArray:
    """What `packed` packed, writable."""
    kind, data = parts
    return np.frombuffer(data, np.dtype(kind)).astype(np.dtype(kind).newbyteorder("=")).copy()
