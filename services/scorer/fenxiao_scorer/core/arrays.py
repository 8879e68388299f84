"""The few array types and moves that everything else here is made of. `ledger` comes next."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

type Ints = npt.NDArray[np.int64]
type Bools = npt.NDArray[np.bool_]
type AnyArray = npt.NDArray[Any]

CAPACITY_MIN: Final = 64
_NARROW: Final = (np.int8, np.int16, np.int32)


def ints(values: Iterable[int], count: int) -> Ints:
    """A column of `count` integers."""
    return np.fromiter(values, np.int64, count)


def grown(array: AnyArray, count: int, fill: int) -> AnyArray:
    """The array with room for `count` entries along its last axis, at least doubled when it was too short."""
    capacity = array.shape[-1]
    if count <= capacity:
        return array
    shape = (*array.shape[:-1], max(CAPACITY_MIN, 2 * capacity, count))
    larger = np.full(shape, fill, array.dtype)
    larger[..., :capacity] = array
    return larger


def summed(keys: AnyArray, amounts: AnyArray) -> tuple[Ints, Ints]:
    """The distinct keys in rising order, and the sum of each one's amounts."""
    if not len(keys):
        return keys.astype(np.int64), amounts.astype(np.int64)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order].astype(np.int64)
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered[starts], np.add.reduceat(amounts[order].astype(np.int64), starts)


def narrowed(amounts: Ints) -> AnyArray:
    """The same numbers in the narrowest integers that hold them: most per-day amounts are tiny, and there are many."""
    low, high = (int(amounts.min()), int(amounts.max())) if len(amounts) else (0, 0)
    for kind in _NARROW:
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return amounts.astype(kind)
    return amounts


def packed(array: AnyArray) -> list[Any]:
    """The array for a snapshot: its type and its bytes, little-endian."""
    return [array.dtype.newbyteorder("<").str, array.astype(array.dtype.newbyteorder("<")).tobytes()]


def unpacked(parts: list[Any]) -> AnyArray:
    """What `packed` packed, writable."""
    kind, data = parts
    return np.frombuffer(data, np.dtype(kind)).astype(np.dtype(kind).newbyteorder("=")).copy()
