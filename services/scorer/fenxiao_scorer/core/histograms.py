"""This partition's part of a day's curves, made from the values of the close. Section 4 of the norm, `Peers`.

Blocks of products are added to their own categories; the ancestors get theirs at the end, once per bin instead of per product.
"""

import numpy as np

from fenxiao_scorer.core.arrays import Ints, summed
from fenxiao_scorer.core.assess import Assessment
from fenxiao_scorer.core.bins import PRICE_BITS, Kind, bins, log_linear
from fenxiao_scorer.core.categories import Categories
from fenxiao_scorer.core.curves import BIN_BITS, BIN_MASK, PRICES_ROW, SUMS, encode_post
from fenxiao_scorer.core.indicators import Measured
from fenxiao_scorer.core.layout import CURVE_ROWS, DISPATCH, KINDS, NEGATIVE, RETURNS, ROWS
from fenxiao_scorer.core.state import ScorerState

_OBSERVED = {NEGATIVE: "reviews", RETURNS: "explained_refunds", DISPATCH: "shipped"}


class Histograms:
    """The histograms of a close, block by block."""

    def __init__(self, state: ScorerState) -> None:
        self._state = state
        nodes = len(state.categories.paths)
        self._parts: list[list[tuple[Ints, Ints]]] = [[] for _ in range(ROWS)]
        self._sums = np.zeros((len(SUMS), ROWS, nodes), np.int64)
        self._present = np.zeros(nodes, np.bool_)

    def add(self, found: Assessment, measured: Measured) -> None:
        """Add a block of products, those of them that are admitted."""
        places = np.flatnonzero(found.admitted)
        if not len(places):
            return
        nodes = self._state.products.category[found.slots].astype(np.int64)
        self._present[nodes[places]] = True
        self._count(PRICES_ROW, nodes[places], log_linear(measured.net_price[places], PRICE_BITS)[0])
        for row in CURVE_ROWS:
            there = found.admitted & ~measured.nulls[row]
            if KINDS[row] is Kind.COUNT:
                there &= measured.values[row] > 0
            self._add_row(row, np.flatnonzero(there), nodes, found, measured)

    def _add_row(self, row: int, places: Ints, nodes: Ints, found: Assessment, measured: Measured) -> None:
        own = nodes[places]
        self._count(row, own, bins(KINDS[row], measured.values[row, places])[0])
        if row in _OBSERVED:
            observed = self._state.counters.totals[_OBSERVED[row]][found.slots[places]]
        else:
            observed = np.ones(len(places), np.int64)
        for kind, column in enumerate((measured.nums[row, places], measured.dens[row, places], observed)):
            np.add.at(self._sums[kind, row], own, column)

    def _count(self, row: int, nodes: Ints, numbers: Ints) -> None:
        self._parts[row].append(summed(nodes << BIN_BITS | numbers, np.ones(len(nodes), np.int64)))

    def post(self, day: int) -> bytes:
        """The encoded post of the day."""
        categories = self._state.categories
        parents = categories.parents()
        for node in range(len(parents) - 1, 0, -1):
            self._sums[:, :, parents[node]] += self._sums[:, :, node]
            self._present[parents[node]] |= self._present[node]
        order, new = _path_order(categories, self._present)
        rows = [_renumbered(_with_ancestors(parts, parents), new) for parts in self._parts]
        paths = [categories.paths[node] for node in order]
        return encode_post(day, paths, rows, [self._sums[kind][:, order] for kind in range(len(SUMS))])


def _path_order(categories: Categories, present: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[list[int], Ints]:
    """The present nodes in the order of their paths, and each node's place among them."""
    order = sorted(np.flatnonzero(present).tolist(), key=categories.paths.__getitem__)
    new = np.full(len(categories.paths), -1, np.int64)
    new[order] = np.arange(len(order))
    return order, new


def _with_ancestors(parts: list[tuple[Ints, Ints]], parents: Ints) -> tuple[Ints, Ints]:
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    keys, counts = summed(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    all_keys, all_counts = [keys], [counts]
    while len(keys):
        above = parents[keys >> BIN_BITS]
        inside = above >= 0
        keys, counts = above[inside] << BIN_BITS | keys[inside] & BIN_MASK, counts[inside]
        all_keys.append(keys)
        all_counts.append(counts)
    return summed(np.concatenate(all_keys), np.concatenate(all_counts))


def _renumbered(row: tuple[Ints, Ints], new: Ints) -> tuple[Ints, Ints]:
    keys, counts = row
    keys = new[keys >> BIN_BITS] << BIN_BITS | keys & BIN_MASK
    order = np.argsort(keys)
    return keys[order], counts[order]
