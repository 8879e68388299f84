"""This partition's part of a day's curves, made from the values of the close. Section 4 of the norm, `Peers`.

Products are added to their own categories; the ancestors get theirs at the end, once per bin instead of per product.
"""

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Ints, summed
from fenxiao_scorer.core.categories import Categories
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.curves import BIN_BITS, PRICES_ROW, SUMS, encode_post
from fenxiao_scorer.core.formulas import COUNT, PRICE_BITS, bin_of, log_linear
from fenxiao_scorer.core.hashing import place_of
from fenxiao_scorer.core.layout import DISPATCH, KINDS, NEGATIVE, REPEAT, RETURNS, ROWS
from fenxiao_scorer.core.tables import ADMITTED, DEN, NET_PRICE, NULL, NUM, SLOT, VALUE
from fenxiao_scorer.core.windows import TOTALS

_NODE_BITS: Final = 32
"""A bin's key is `row << 32 + 12 | category << 12 | bin`."""
_ROW_SHIFT: Final = _NODE_BITS + BIN_BITS
_NODE_MASK: Final = (1 << _NODE_BITS) - 1
_SIZE_MIN: Final = 1 << 12
_FREE: Final = -1
_KINDS: Final = np.array(KINDS)
_REVIEWS, _EXPLAINED, _SHIPPED = (TOTALS.index(name) for name in ("reviews", "explained_refunds", "shipped"))


class BinTable(NamedTuple):
    """Counts by bin, in an open-addressing table, and sums by `SUMS`, indicator and category."""

    keys: Ints
    counts: Ints
    used: Ints
    sums: Ints
    present: AnyArray


@compiled
def add_peer(bins: BinTable, totals: Ints, row: Ints, node: int) -> None:
    """Add an assessed product, if it is admitted; there must be room for a bin of each indicator."""
    if not row[ADMITTED]:
        return
    bins.present[node] = True
    _count(bins, PRICES_ROW, node, log_linear(row[NET_PRICE], PRICE_BITS))
    for indicator in range(REPEAT, ROWS):
        value = row[VALUE + indicator]
        if row[NULL + indicator] or (_KINDS[indicator] == COUNT and value <= 0):
            continue
        _count(bins, indicator, node, bin_of(_KINDS[indicator], value))
        observed = np.int64(1)
        if indicator == NEGATIVE:
            observed = totals[row[SLOT], _REVIEWS]
        elif indicator == RETURNS:
            observed = totals[row[SLOT], _EXPLAINED]
        elif indicator == DISPATCH:
            observed = totals[row[SLOT], _SHIPPED]
        bins.sums[0, indicator, node] += row[NUM + indicator]
        bins.sums[1, indicator, node] += row[DEN + indicator]
        bins.sums[2, indicator, node] += observed


@compiled
def _count(bins: BinTable, row: int, node: int, number: int) -> None:
    key = row << _ROW_SHIFT | node << BIN_BITS | number
    place = place_of(key, len(bins.keys))
    while bins.keys[place] != key:
        if bins.keys[place] == _FREE:
            bins.keys[place] = key
            bins.used[0] += 1
            break
        place = (place + 1) & (len(bins.keys) - 1)
    bins.counts[place] += 1


class Histograms:
    """The histograms of a close, which `add_peer` fills."""

    def __init__(self, categories: Categories) -> None:
        self._categories = categories
        nodes = len(categories.paths)
        sums, present = np.zeros((len(SUMS), ROWS, nodes), np.int64), np.zeros(nodes, np.bool_)
        self.table = BinTable(*_empty(_SIZE_MIN), np.zeros(1, np.int64), sums, present)

    @property
    def room(self) -> int:
        """For how many products there is surely room."""
        return (len(self.table.keys) // 2 - int(self.table.used[0])) // ROWS

    def grow(self) -> None:
        """Make more room."""
        keys, counts = self._entries()
        table = self.table._replace(**dict(zip(("keys", "counts"), _empty(4 * len(self.table.keys)), strict=True)))
        table.used[0] = 0
        _put(table, keys, counts)
        self.table = table

    def _entries(self) -> tuple[Ints, Ints]:
        some = self.table.keys != _FREE
        return self.table.keys[some], self.table.counts[some]

    def post(self, day: int) -> bytes:
        """The encoded post of the day."""
        categories, sums, present = self._categories, self.table.sums, self.table.present
        parents = categories.parents()
        for node in range(len(parents) - 1, 0, -1):
            sums[:, :, parents[node]] += sums[:, :, node]
            present[parents[node]] |= present[node]
        order, new = _path_order(categories, present)
        keys, counts = _with_ancestors(*self._entries(), parents)
        keys = keys & ~(_NODE_MASK << BIN_BITS) | new[keys >> BIN_BITS & _NODE_MASK] << BIN_BITS
        keys, counts = summed(keys, counts)
        ends = np.searchsorted(keys, np.arange(ROWS + 1, dtype=np.int64) << _ROW_SHIFT)
        mask = (1 << _ROW_SHIFT) - 1
        rows = [(keys[first:last] & mask, counts[first:last]) for first, last in pairwise(ends.tolist())]
        paths = [categories.paths[node] for node in order]
        return encode_post(day, paths, rows, [sums[kind][:, order] for kind in range(len(SUMS))])


def _empty(size: int) -> tuple[Ints, Ints]:
    return np.full(size, _FREE, np.int64), np.zeros(size, np.int64)


@compiled
def _put(bins: BinTable, keys: Ints, counts: Ints) -> None:
    for at in range(len(keys)):
        place = place_of(keys[at], len(bins.keys))
        while bins.keys[place] != _FREE:
            place = (place + 1) & (len(bins.keys) - 1)
        bins.keys[place], bins.counts[place] = keys[at], counts[at]
        bins.used[0] += 1


def _path_order(categories: Categories, present: AnyArray) -> tuple[list[int], Ints]:
    """The present nodes in the order of their paths, and each node's place among them."""
    order = sorted(np.flatnonzero(present).tolist(), key=categories.paths.__getitem__)
    new = np.full(len(categories.paths), -1, np.int64)
    new[order] = np.arange(len(order))
    return order, new


def _with_ancestors(keys: Ints, counts: Ints, parents: Ints) -> tuple[Ints, Ints]:
    all_keys, all_counts = [keys], [counts]
    while len(keys):
        above = parents[keys >> BIN_BITS & _NODE_MASK]
        inside = above >= 0
        keys, counts = keys[inside], counts[inside]
        keys = keys & ~(_NODE_MASK << BIN_BITS) | above[inside] << BIN_BITS
        all_keys.append(keys)
        all_counts.append(counts)
    return np.concatenate(all_keys), np.concatenate(all_counts)
