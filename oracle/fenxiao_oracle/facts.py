"""Columns of raw facts, and the two questions that are asked of them: a sum over a window, and the last word before.

A fact is booked by the event with sequence number `seq`, for a product, on a day, on one of the product's *cells*: a
counter, or one of its (product, creator) pairs, or one of its prices. Nothing is summed up beforehand.
"""

from array import array

import numpy as np

from fenxiao_oracle.arrays import Flags, Ints, ints, offsets, ranges
from fenxiao_schemas.base import DAY_MAX

_SPAN = DAY_MAX + 2


class Rows:
    """A growing table of integers, 8 bytes each."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._flat = array("q")
        self.add = self._flat.extend

    def columns(self) -> tuple[Ints, ...]:
        """The columns, as they were added."""
        table = np.frombuffer(self._flat, dtype=np.int64) if self._flat else ints([])
        return tuple(np.ascontiguousarray(column) for column in table.reshape(-1, self._width).T)


class FactTable:
    """Facts that share a window, ordered twice: by day, and by product and day.

    Args:
        seq: Of each fact's event.
        product: The number of its product.
        day: The day that it is booked on.
        cell: The number of its cell; the cells of a product follow each other, and products are in order.
        amount: What it adds.
        starts: The first cell of each product, and the end of the last product's.
    """

    def __init__(self, seq: Ints, product: Ints, day: Ints, cell: Ints, amount: Ints, starts: Ints) -> None:
        self._starts = starts
        by_day = np.argsort(day, kind="stable")
        self._day = day[by_day]
        self._by_day = seq[by_day], cell[by_day], amount[by_day]
        key = product * _SPAN + day
        by_product = np.argsort(key, kind="stable")
        self._key = key[by_product]
        self._by_product = seq[by_product], cell[by_product], amount[by_product]

    def cells(self, products: Ints) -> tuple[Ints, Ints]:
        """The cells of some products, in order, and where each product's begin among them (and the end)."""
        starts, ends = self._starts[products], self._starts[products + 1]
        return ranges(starts, ends), offsets(ends - starts)

    def sums(self, products: Ints, first: int, last: int, before: int) -> Ints:
        """The sum of each cell of `products` over the days `first` to `last`, of events with a `seq` under `before`."""
        first = max(first, 0)
        last = min(max(last, first - 1), DAY_MAX)
        if 4 * len(products) < len(self._starts):
            return self._sums_of_few(products, first, last, before)
        low, high = np.searchsorted(self._day, [first, last + 1])
        seq, cell, amount = (column[low:high] for column in self._by_day)
        totals = np.zeros(self._starts[-1], dtype=np.int64)
        np.add.at(totals, cell, amount * (seq < before))
        return totals if len(products) == len(self._starts) - 1 else totals[self.cells(products)[0]]

    def _sums_of_few(self, products: Ints, first: int, last: int, before: int) -> Ints:
        low = np.searchsorted(self._key, products * _SPAN + first)
        high = np.searchsorted(self._key, products * _SPAN + (last + 1))
        rows = ranges(low, high)
        seq, cell, amount = (column[rows] for column in self._by_product)
        starts = self._starts[products]
        bounds = offsets(self._starts[products + 1] - starts)
        totals = np.zeros(bounds[-1], dtype=np.int64)
        np.add.at(totals, cell + np.repeat(bounds[:-1] - starts, high - low), amount * (seq < before))
        return totals


class History:
    """Values of which the last one before a moment counts.

    Args:
        seq: Of each value's event.
        product: The number of its product.
        values: The values, a column each.
        otherwise: What holds before there is any, a number a column.
    """

    def __init__(self, seq: Ints, product: Ints, values: tuple[Ints, ...], otherwise: tuple[int, ...]) -> None:
        self._stride = int(seq.max(initial=0)) + 1
        key = product * self._stride + seq
        order = np.argsort(key)
        self._key, self._product = key[order], product[order]
        self._values = tuple(column[order] for column in values)
        self._otherwise = otherwise

    def last(self, products: Ints, before: int) -> tuple[Ints, ...]:
        """The last values of each product, of events with a `seq` under `before`."""
        if not len(self._key):
            return tuple(np.full(len(products), value, dtype=np.int64) for value in self._otherwise)
        row = np.searchsorted(self._key, products * self._stride + min(before, self._stride)) - 1
        known = self._is_known(row, products)
        return tuple(
            np.where(known, column[row], value) for column, value in zip(self._values, self._otherwise, strict=True)
        )

    def _is_known(self, row: Ints, products: Ints) -> Flags:
        known: Flags = (row >= 0) & (self._product[row] == products)
        return known
