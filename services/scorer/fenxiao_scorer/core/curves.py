"""Posts and curves: what a partition says of its products at a close, and the sum of all partitions' posts. Section 4.

A histogram is a sorted array of `path << BIN_BITS | bin` and the counts beside it; row 0, which the first indicator has no
use for, is the price histogram. `lookup` says which curve a product is measured by.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Ints, narrowed, packed, summed, unpacked
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.formulas import ABSENT, BPS, LOW_RATE, PRICE_BITS, log_linear_edges
from fenxiao_scorer.core.layout import CURVE_ROWS, KINDS, ROWS, UNITS

BIN_BITS: Final = 12
BIN_MASK: Final = (1 << BIN_BITS) - 1
PRICES_ROW: Final = 0
SUMS: Final = ("num", "den", "observed")

type Column = tuple[str, bytes]


class Post(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A partition's histograms of a day. A column is the type of its integers and their bytes, little-endian.

    Attributes:
        paths: In rising order; the number of a path is its place here.
        keys: By row: `path << 12 | bin`, rising.
        counts: Beside the keys.
        sums: `sum_num`, `sum_den` and `observed`, by row, then path.
    """

    format: int = 1
    day: int
    paths: list[str]
    keys: list[Column]
    counts: list[Column]
    sums: list[Column]


_DECODER: Final = msgspec.msgpack.Decoder(Post)


def encode_post(day: int, paths: list[str], histograms: Sequence[tuple[Ints, Ints]], sums: Sequence[Ints]) -> bytes:
    """Encode a post; the same content has the same bytes."""
    keys = [_packed(column) for column, _ in histograms]
    counts = [_packed(column) for _, column in histograms]
    packed_sums = [_packed(column.ravel()) for column in sums]
    return msgspec.msgpack.encode(Post(day=day, paths=paths, keys=keys, counts=counts, sums=packed_sums))


class Histogram:
    """One row of the curves, for all paths.

    Attributes:
        below: `below[i]` is the count of all entries before the i-th.
        starts: The first entry of each path, and the end of the last one.
        sizes: `n` of each path.
    """

    __slots__ = ("below", "counts", "keys", "sizes", "starts")

    def __init__(self, keys: Ints, counts: Ints, paths: int) -> None:
        self.keys, self.counts = keys, counts
        self.below = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
        self.starts = np.searchsorted(keys, np.arange(paths + 1, dtype=np.int64) << BIN_BITS).astype(np.int64)
        self.sizes = self.below[self.starts[1:]] - self.below[self.starts[:-1]]


class PointsTable(NamedTuple):
    """The points of every bin, by indicator and path: `points[starts[row, path] + bin]`.

    A path's bins end where the next path's begin; beyond its last bin nobody is better.
    """

    points: AnyArray
    starts: Ints


class Curves:
    """The curves of a day, of all partitions.

    Attributes:
        rows: By indicator; row 0 is the price histogram.
        means: By row and path: the mean of a shrunk rate, `ABSENT` without one.
        observed: By row and path: whether anything of it was observed.
        medians: Of the price histogram by path, `ABSENT` for an empty one.
        points: What each bin of each row is worth.
    """

    __slots__ = ("_sums", "means", "medians", "observed", "paths", "points", "rows")

    def __init__(self, paths: list[str], histograms: Sequence[tuple[Ints, Ints]], sums: AnyArray) -> None:
        self.paths = {path: place for place, path in enumerate(paths)}
        self.rows = [Histogram(keys, counts, len(paths)) for keys, counts in histograms]
        self._sums = sums
        self.observed = (sums[2] > 0).astype(np.bool_)
        self.means = np.full((ROWS, len(paths)), ABSENT, np.int64)
        for row, unit in UNITS.items():
            self.means[row] = _means(unit, sums[0, row], sums[1, row])
        self.medians = _medians(self.rows[PRICES_ROW])
        self.points = _points(self.rows, len(paths))

    def dump(self) -> list[Any]:
        """For a snapshot; the sums in decimal, for they may pass 64 bits."""
        rows = [[_packed(row.keys), _packed(row.counts)] for row in self.rows]
        return [list(self.paths), rows, [str(value) for value in self._sums.ravel()]]

    @classmethod
    def load(cls, parts: list[Any]) -> "Curves":
        """From a snapshot."""
        paths, rows, sums = parts
        total = np.array([int(value) for value in sums], object).reshape(len(SUMS), ROWS, len(paths))
        return cls(paths, [(_column(keys), _column(counts)) for keys, counts in rows], total)


def merge_posts(posts: Iterable[bytes]) -> Curves:
    """The curves of a day from the posts of all partitions, in any order.

    Raises:
        msgspec.DecodeError: A post is not one.
        ValueError: Posts of several days.
    """
    decoded = [_DECODER.decode(post) for post in posts]
    if len({post.day for post in decoded}) > 1:
        raise ValueError(f"posts of several days: {sorted({post.day for post in decoded})}")
    paths = sorted({path for post in decoded for path in post.paths})
    places = {path: place for place, path in enumerate(paths)}
    new = [np.array([places[path] for path in post.paths], np.int64) for post in decoded]
    total = np.zeros((len(SUMS), ROWS, len(paths)), object)
    for post, numbers in zip(decoded, new, strict=True):
        for kind, column in enumerate(post.sums):
            total[kind][:, numbers] += _column(column).reshape(ROWS, len(numbers)).astype(object)
    return Curves(paths, [_merged_row(decoded, new, row) for row in range(ROWS)], total)


def _merged_row(posts: Sequence[Post], new: Sequence[Ints], row: int) -> tuple[Ints, Ints]:
    keys, counts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for post, numbers in zip(posts, new, strict=True):
        own = _column(post.keys[row])
        keys.append(numbers[own >> BIN_BITS] << BIN_BITS | own & BIN_MASK if len(own) else own)
        counts.append(_column(post.counts[row]))
    return summed(np.concatenate(keys), np.concatenate(counts))


def _packed(column: Ints) -> Column:
    kind, data = packed(narrowed(column))
    return kind, data


def _column(parts: Column) -> Ints:
    return unpacked(list(parts)).astype(np.int64)


def _points(rows: Sequence[Histogram], paths: int) -> PointsTable:
    lengths = np.zeros((ROWS, paths), np.int64)
    for row in CURVE_ROWS:
        some = rows[row].sizes > 0
        lengths[row, some] = (rows[row].keys[rows[row].starts[1:][some] - 1] & BIN_MASK) + 1
    starts = np.concatenate(([0], np.cumsum(lengths.ravel())))
    table = PointsTable(np.zeros(starts[-1], np.int16), starts[np.arange(ROWS)[:, None] * paths + np.arange(paths + 1)])
    for row in CURVE_ROWS:
        found = rows[row]
        _fill(table.points, table.starts[row], found.keys, found.counts, found.starts, KINDS[row] == LOW_RATE)
    return table


@compiled
def _fill(points: AnyArray, places: Ints, keys: Ints, counts: Ints, starts: Ints, low: bool) -> None:
    """The share of peers in a bin or in worse ones: lower ones, or for a low rate higher ones."""
    for path in range(len(starts) - 1):
        first, last = starts[path], starts[path + 1]
        peers = 0
        for entry in range(first, last):
            peers += counts[entry]
        entry, reached = first, 0
        for number in range(places[path + 1] - places[path]):
            before = reached
            if keys[entry] & BIN_MASK == number:
                reached += counts[entry]
                entry += 1
            points[places[path] + number] = (BPS * (peers - before if low else reached)) // peers


def _means(unit: int, nums: AnyArray, dens: AnyArray) -> list[int]:
    return [(unit * num) // den if den else ABSENT for num, den in zip(nums, dens, strict=True)]


def _medians(row: Histogram) -> Ints:
    """In Python's integers: a wide bin times a high rank passes 64 bits."""
    medians = np.full(len(row.sizes), ABSENT, np.int64)
    for path in np.flatnonzero(row.sizes).tolist():
        start = int(row.starts[path])
        rank = (int(row.sizes[path]) - 1) // 2
        place = int(np.searchsorted(row.below, int(row.below[start]) + rank, side="right")) - 1
        edge, width = log_linear_edges(int(row.keys[place]) & BIN_MASK, PRICE_BITS)
        into = rank - int(row.below[place] - row.below[start])
        medians[path] = edge + (width * into) // int(row.counts[place])
    return medians
