"""Texts as numbers: product ids, creator ids and category paths, in the order in which they come. `scan` is next.

The bytes of all texts lie in one array, so that a million of them cost little beside themselves and compiled code can
look one up straight from the body of a message.
"""

from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fenxiao_scorer.core.arrays import Ints, packed, unpacked
from fenxiao_scorer.core.compiled import compiled

type Bytes = npt.NDArray[np.uint8]

FREE: Final = -1
_TEXTS_MIN: Final = 64
_BYTES_MIN: Final = 1024
_INDEX_MIN: Final = 128

# FNV-1a, then Fibonacci hashing: all uint64, because numba makes a float of a uint64 and an int64.
_BASIS: Final = np.uint64(0xCBF29CE484222325)
_PRIME: Final = np.uint64(0x100000001B3)
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_HALF: Final = np.uint64(32)


class TextTable(NamedTuple):
    """The arrays alone, for compiled code. `Texts.reserve` may put new ones in their place: take them after it.

    Attributes:
        data: All texts, one after the other, in UTF-8.
        bounds: Text `i` is `data[bounds[i]:bounds[i + 1]]`.
        index: Open addressing over a power of two of places, each a number or `FREE`.
        count: How many texts there are, in an array of one.
    """

    data: Bytes
    bounds: Ints
    index: npt.NDArray[np.int32]  # type: ignore[assignment]  # a tuple's own methods are not missed
    count: Ints  # type: ignore[assignment]


@compiled
def _hash(text: Bytes, start: int, length: int) -> int:
    state = _BASIS
    for place in range(start, start + length):
        state = (state ^ np.uint64(text[place])) * _PRIME
    state = (state ^ (state >> _HALF)) * _GOLDEN
    return np.int64(state >> _HALF)  # type: ignore[return-value]


@compiled
def _is(table: TextTable, number: int, text: Bytes, start: int, length: int) -> bool:
    first = table.bounds[number]
    same = -1
    if table.bounds[number + 1] - first == length:
        same = 0
        while same < length and table.data[first + same] == text[start + same]:
            same += 1
    return same == length


@compiled
def _seek(table: TextTable, text: Bytes, start: int, length: int) -> int:
    """The place in the index that holds this text, or the free one where it belongs."""
    mask = len(table.index) - 1
    place = _hash(text, start, length) & mask
    while table.index[place] >= 0 and not _is(table, table.index[place], text, start, length):
        place = (place + 1) & mask
    return place


@compiled
def find(table: TextTable, text: Bytes, start: int, length: int) -> int:
    """The number of this text, or -1 if it is unknown."""
    return int(table.index[_seek(table, text, start, length)])


@compiled
def add(table: TextTable, text: Bytes, start: int, length: int) -> int:
    """The number of this text, known or new. Room must have been reserved: nothing here looks for an array's end."""
    place = _seek(table, text, start, length)
    number = int(table.index[place])
    if number < 0:
        number = int(table.count[0])
        first = table.bounds[number]
        for offset in range(length):
            table.data[first + offset] = text[start + offset]
        table.bounds[number + 1] = first + length
        table.index[place] = number
        table.count[0] = number + 1
    return number


@compiled
def _fill_index(table: TextTable) -> None:
    mask = len(table.index) - 1
    for number in range(table.count[0]):
        first = table.bounds[number]
        place = _hash(table.data, first, table.bounds[number + 1] - first) & mask
        while table.index[place] >= 0:  # all texts differ, so that nothing need be compared
            place = (place + 1) & mask
        table.index[place] = number


@compiled
def _pad(table: TextTable, numbers: Ints, rows: Bytes) -> None:
    for row in range(len(numbers)):
        first = table.bounds[numbers[row]]
        for offset in range(table.bounds[numbers[row] + 1] - first):
            rows[row, offset] = table.data[first + offset]


class Texts:
    """A growing table of texts, seen from Python."""

    def __init__(self) -> None:
        self.table = TextTable(
            np.zeros(_BYTES_MIN, np.uint8),
            np.zeros(_TEXTS_MIN + 1, np.int64),
            np.full(_INDEX_MIN, FREE, np.int32),
            np.zeros(1, np.int64),
        )

    def __len__(self) -> int:
        return int(self.table.count[0])

    def reserve(self, texts: int, size: int) -> None:
        """Make room for so many more texts of so many bytes together, known ones among them or not."""
        count = len(self) + texts
        data = _roomy(self.table.data, int(self.table.bounds[len(self)]) + size)
        bounds = _roomy(self.table.bounds, count + 1)
        self.table = self.table._replace(data=data, bounds=bounds)
        if 5 * count > 3 * len(self.table.index):
            self._index(count)

    def name(self, number: int) -> str:
        """The text of a number."""
        first, end = self.table.bounds[number : number + 2].tolist()
        return str(self.table.data[first:end].tobytes(), "utf-8")

    def names(self, numbers: npt.NDArray[np.integer[Any]]) -> list[str]:
        """The texts of many numbers."""
        data = memoryview(self.table.data)
        firsts, ends = self.table.bounds[numbers].tolist(), self.table.bounds[numbers + 1].tolist()
        return [str(data[first:end], "utf-8") for first, end in zip(firsts, ends, strict=True)]

    def number(self, name: str) -> int:
        """The number of a text, or -1 if it is unknown."""
        return find(self.table, *_spread(name))

    def add(self, name: str) -> int:
        """The number of a text, known or new."""
        text, start, length = _spread(name)
        self.reserve(1, length)
        return add(self.table, text, start, length)

    def order(self, numbers: Ints) -> Ints:
        """The places that sort these numbers by their texts, which must be without NUL. Equal numbers keep their order.

        The order of UTF-8's bytes is that of Python's strings.
        """
        lengths = self.table.bounds[numbers + 1] - self.table.bounds[numbers]
        width = max(1, int(lengths.max(initial=0)))
        rows = np.zeros((len(numbers), width), np.uint8)
        _pad(self.table, numbers, rows)
        return np.argsort(rows.view(f"S{width}").ravel(), kind="stable")

    def dump(self) -> list[Any]:
        """The texts for a snapshot. The index is made anew."""
        count = len(self)
        bounds = self.table.bounds[: count + 1]
        return [packed(self.table.data[: bounds[count]]), packed(bounds)]

    @classmethod
    def load(cls, parts: list[Any]) -> Self:
        """What `dump` dumped."""
        data, bounds = (unpacked(part) for part in parts)
        texts = cls()
        count = len(bounds) - 1
        texts.table = texts.table._replace(data=data, bounds=bounds, count=np.array([count], np.int64))
        texts._index(count)
        return texts

    def _index(self, count: int) -> None:
        """Lay the index out anew, for `count` texts."""
        size = _INDEX_MIN
        while 5 * count > 3 * size:
            size *= 2
        self.table = self.table._replace(index=np.full(size, FREE, np.int32))
        _fill_index(self.table)


def _roomy[A: npt.NDArray[Any]](array: A, count: int) -> A:
    """The array with room for `count`; a quarter more than it had, not double: with a million products memory counts."""
    if count <= len(array):
        return array
    larger = np.zeros(max(count, len(array) + len(array) // 4), array.dtype)
    larger[: len(array)] = array
    return larger  # type: ignore[return-value]


def _spread(name: str) -> tuple[Bytes, int, int]:
    """A text as compiled code takes it; read-only as the bodies of messages are, so that no second kind is compiled."""
    body = name.encode()
    return np.frombuffer(body + b"\0", np.uint8), 0, len(body)
