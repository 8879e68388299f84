"""Counters with a second key: (product, creator) and (product, unit price). Section 2 of the norm: `pair`, `paid_at`.

A cell is an id into packed arrays; its key is the product's slot and the second key in one integer. Each kind of cell keeps
beside it what the indicators ask for: how many creators a product has, and its net price. `products` comes next.
"""

from typing import Any, Final

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Bools, Ints, grown, packed, summed, unpacked
from fenxiao_scorer.core.index import KeyIndex
from fenxiao_scorer.core.ledger import Ledger
from fenxiao_scorer.core.windows import EMPTY, Span, moved

SUB_BITS: Final = 40
"""Wide enough for every price (10^12 < 2^40) and every creator's number."""
SUB_MASK: Final = (1 << SUB_BITS) - 1
SLOTS_MAX: Final = 1 << 22
"""How many products a partition can have: their keys, and sums over all of them, stay far inside 64 bits."""
_IDLE_MIN: Final = 4096


class Cells:
    """The cells of one kind, their running sums over the span in force, and their ledger."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self._index = KeyIndex()
        self._keys: Ints = np.zeros(0, np.int64)
        self._running: Ints = np.zeros(0, np.int64)
        self._count = 0
        self._used = 0
        self._span: Span = EMPTY

    def add(self, slots: Ints, subs: Ints, days: Ints, amounts: Ints) -> None:
        """Book amounts of cells on their days."""
        if not len(slots):
            return
        ids = self._ids(slots << SUB_BITS | subs)
        self.ledger.add(ids, days, amounts)
        inside = (days >= self._span[0]) & (days <= self._span[1])
        self._apply(*summed(ids[inside], amounts[inside]))

    def move(self, new: Span) -> None:
        """Let the span be `new`; the journal must be settled."""
        for day, sign in moved(self._span, new):
            for ids, amounts in self.ledger.runs(day):
                self._apply(ids.astype(np.int64), sign * amounts.astype(np.int64))
        self._span = new

    def drop_before(self, day: int) -> None:
        """Forget the days before `day`, and the cells of which nothing is left once they are many."""
        self.ledger.drop_before(day)
        if self._count > 2 * self._used + _IDLE_MIN:
            self._keep(self.ledger.used(self._count))

    def _keep(self, used: Bools) -> None:
        new = np.cumsum(used, dtype=np.int64) - 1
        self.ledger.renumber(new)
        self._keys, self._running = self._keys[: self._count][used], self._running[: self._count][used]
        self._count = self._used = len(self._keys)
        self._index = KeyIndex()
        self._index.extend(self._keys, 0)
        self._relink()

    def _ids(self, keys: Ints) -> Ints:
        ids = self._index.find(keys, self._keys[: self._count])
        missing = ids < 0
        if missing.any():
            self._create(np.unique(keys[missing]))
            ids[missing] = self._index.find(keys[missing], self._keys[: self._count])
        return ids

    def _create(self, keys: Ints) -> None:
        start, self._count = self._count, self._count + len(keys)
        self._keys, self._running = grown(self._keys, self._count, 0), grown(self._running, self._count, 0)
        self._keys[start : self._count] = keys
        self._running[start : self._count] = 0
        self._index.extend(self._keys[: self._count], start)
        self._link(np.arange(start, self._count))

    def _apply(self, ids: Ints, amounts: Ints) -> None:
        before = self._running[ids]
        after = before + amounts
        self._running[ids] = after
        self._changed(self._keys[ids] >> SUB_BITS, before, after)

    def _link(self, ids: Ints) -> None:
        """New cells, in rising order of their keys."""

    def _relink(self) -> None:
        """All cells have new ids."""

    def _changed(self, slots: Ints, before: Ints, after: Ints) -> None:
        raise NotImplementedError

    def dump(self) -> dict[str, Any]:
        """For a snapshot."""
        ledger, n = self.ledger.dump(), self._count
        cells = [packed(self._keys[:n]), packed(self._running[:n])]
        return {"ledger": ledger, "cells": cells, "used": self._used, "span": list(self._span)}

    def _load(self, parts: dict[str, Any]) -> None:
        self.ledger = Ledger.load(parts["ledger"])
        self._keys, self._running = (unpacked(array) for array in parts["cells"])
        self._count, self._used = len(self._keys), parts["used"]
        self._span = (parts["span"][0], parts["span"][1])
        self._index.extend(self._keys, 0)


class Pairs(Cells):
    """(product, creator): `active` is the number of creators with a positive count, by slot."""

    def __init__(self) -> None:
        super().__init__()
        self.active: Ints = np.zeros(0, np.int64)

    def grow(self, count: int) -> None:
        """Make room for `count` products."""
        self.active = grown(self.active, count, 0)

    def _changed(self, slots: Ints, before: Ints, after: Ints) -> None:
        np.add.at(self.active, slots, (after > 0).astype(np.int64) - (before > 0))

    @classmethod
    def load(cls, parts: dict[str, Any], count: int) -> "Pairs":
        """From a snapshot of `count` products."""
        pairs = cls()
        pairs._load(parts)
        pairs.grow(count)
        cells = pairs._keys[pairs._running > 0]
        np.add.at(pairs.active, cells >> SUB_BITS, 1)
        return pairs


class Prices(Cells):
    """(product, unit price): the net price (lower weighted median), computed anew when asked for after a change."""

    def __init__(self) -> None:
        super().__init__()
        self._median: Ints = np.zeros(0, np.int64)
        self._weight: Ints = np.zeros(0, np.int64)
        self._dirty: Bools = np.zeros(0, np.bool_)
        self._head: AnyArray = np.zeros(0, np.int32)
        self._next: AnyArray = np.zeros(0, np.int32)

    def grow(self, count: int) -> None:
        """Make room for `count` products."""
        self._median, self._weight = grown(self._median, count, 0), grown(self._weight, count, 0)
        self._dirty, self._head = grown(self._dirty, count, 0), grown(self._head, count, -1)

    def medians(self, slots: Ints) -> tuple[Ints, Ints]:
        """The net price and the positive quantity behind it; where that is 0, the price means nothing."""
        stale = slots[self._dirty[slots]]
        if len(stale):
            self._refresh(stale)
        return self._median[slots], self._weight[slots]

    def _refresh(self, slots: Ints) -> None:
        self._weight[slots] = 0
        self._dirty[slots] = False
        ids = self._chains(slots)
        ids = ids[self._running[ids] > 0]
        if not len(ids):
            return
        ids = ids[np.argsort(self._keys[ids])]
        owners, amounts = self._keys[ids] >> SUB_BITS, self._running[ids]
        starts = np.flatnonzero(np.concatenate(([True], owners[1:] != owners[:-1])))
        totals, cumulated = np.add.reduceat(amounts, starts), np.cumsum(amounts)
        wanted = cumulated[starts] - amounts[starts] + (totals + 1) // 2
        middle = np.searchsorted(cumulated, wanted, side="left")
        self._weight[owners[starts]] = totals
        self._median[owners[starts]] = self._keys[ids[middle]] & SUB_MASK

    def _chains(self, slots: Ints) -> Ints:
        cells, found = self._head[slots], [np.zeros(0, np.int64)]
        cells = cells[cells >= 0]
        while len(cells):
            found.append(cells.astype(np.int64))
            cells = self._next[cells]
            cells = cells[cells >= 0]
        return np.concatenate(found)

    def _link(self, ids: Ints) -> None:
        self._next = grown(self._next, self._count, -1)
        slots = self._keys[ids] >> SUB_BITS
        first = np.concatenate(([True], slots[1:] != slots[:-1]))
        self._next[ids] = np.where(first, self._head[slots], np.concatenate(([-1], ids[:-1])))
        self._head[slots] = ids  # of equal slots the last assignment stays

    def _relink(self) -> None:
        self._head[:] = -1
        self._next = np.full(self._count, -1, np.int32)
        if self._count:
            self._link(np.argsort(self._keys[: self._count]))

    def _changed(self, slots: Ints, before: Ints, after: Ints) -> None:
        del before, after
        self._dirty[slots] = True

    @classmethod
    def load(cls, parts: dict[str, Any], count: int) -> "Prices":
        """From a snapshot of `count` products."""
        prices = cls()
        prices._load(parts)
        prices.grow(count)
        prices._dirty[:] = True
        prices._relink()
        return prices
