"""Counters with a second key: (product, creator) and (product, unit price). Section 2 of the norm: `pair`, `paid_at`.

A cell is an id into packed arrays, found by open addressing; its key is the product's slot and the second key in one
integer. What the indicators ask for is kept with the product: how many creators have a positive count (`active`), and
whether its net price must be looked up anew (`price_stale`). `book` writes here, `net_price` reads the prices.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Bools, Ints, grown, packed, unpacked
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.hashing import place_of
from fenxiao_scorer.core.ledger import Journal, Ledger, note
from fenxiao_scorer.core.windows import EMPTY, Span, moved

SUB_BITS: Final = 40
"""Wide enough for every price (10^12 < 2^40) and every creator's number."""
SUB_MASK: Final = (1 << SUB_BITS) - 1
SLOTS_MAX: Final = 1 << 22
"""How many products a partition can have: their keys, and sums over all of them, stay far inside 64 bits."""
_IDLE_MIN: Final = 4096
_INDEX_MIN: Final = 256
_FREE: Final = -1


class CellTable(NamedTuple):
    """What compiled code needs.

    Attributes:
        next: Of a price cell, the next one of the same product.
        places: The index, by `place_of`.
        size: How many cells there are, and how many price cells a product has at the most.
    """

    keys: Ints
    running: AnyArray
    next: AnyArray
    places: AnyArray
    size: Ints
    span: Ints
    journal: Journal


@compiled
def _cell(cells: CellTable, key: int) -> int:
    """The id of a key, made if there was none; there must be room."""
    place = place_of(key, len(cells.places))
    while cells.places[place] >= 0:
        if cells.keys[cells.places[place]] == key:
            return int(cells.places[place])
        place = (place + 1) & (len(cells.places) - 1)
    made = cells.size[0]
    cells.places[place] = made
    cells.keys[made] = key
    cells.running[made] = 0
    cells.next[made] = -1
    cells.size[0] = made + 1
    return int(made)


@compiled
def add_pair(facts: AnyArray, cells: CellTable, slot: int, creator: int, day: int, amount: int) -> None:
    """Book net orders of a product by a creator."""
    cell = _cell(cells, slot << SUB_BITS | creator)
    note(cells.journal, cell, day, amount)
    if cells.span[0] <= day <= cells.span[1]:
        _move_pair(facts, cells, cell, amount)


@compiled
def _move_pair(facts: AnyArray, cells: CellTable, cell: int, amount: int) -> None:
    before = cells.running[cell]
    cells.running[cell] = before + amount
    facts[cells.keys[cell] >> SUB_BITS].active += (before + amount > 0) - (before > 0)


@compiled
def add_price(facts: AnyArray, cells: CellTable, slot: int, price: int, day: int, quantity: int) -> None:
    """Book a net quantity of a product at a unit price."""
    known = cells.size[0]
    cell = _cell(cells, slot << SUB_BITS | price)
    if cell == known:
        _link(facts, cells, cell, slot)
    note(cells.journal, cell, day, quantity)
    if cells.span[0] <= day <= cells.span[1]:
        cells.running[cell] += quantity
        facts[slot].price_stale = True


@compiled
def _link(facts: AnyArray, cells: CellTable, cell: int, slot: int) -> None:
    cells.next[cell] = facts[slot].price_head
    facts[slot].price_head = cell
    facts[slot].price_cells += 1
    cells.size[1] = max(cells.size[1], facts[slot].price_cells)


@compiled
def _shift_pairs(facts: AnyArray, cells: CellTable, ids: Ints, amounts: Ints, sign: int) -> None:
    for at in range(len(ids)):
        _move_pair(facts, cells, ids[at], sign * amounts[at])


@compiled
def _shift_prices(facts: AnyArray, cells: CellTable, ids: Ints, amounts: Ints, sign: int) -> None:
    for at in range(len(ids)):
        cells.running[ids[at]] += sign * amounts[at]
        facts[cells.keys[ids[at]] >> SUB_BITS].price_stale = True


@compiled
def _indexed(index: AnyArray, keys: Ints) -> None:
    for cell in range(len(keys)):
        place = place_of(keys[cell], len(index))
        while index[place] >= 0:
            place = (place + 1) & (len(index) - 1)
        index[place] = cell


@compiled
def _link_all(facts: AnyArray, cells: CellTable) -> None:
    for cell in range(cells.size[0]):
        _link(facts, cells, cell, cells.keys[cell] >> SUB_BITS)


class Cells:
    """The cells of one kind, their running sums over the span in force, and their ledger.

    Args:
        are_prices: Cells of one product are linked, for its net price is looked up in them.
    """

    def __init__(self, *, are_prices: bool) -> None:
        self.ledger = Ledger()
        self._are_prices = are_prices
        self._keys: Ints = np.zeros(0, np.int64)
        self._running: AnyArray = np.zeros(0, np.int64)
        self._next: AnyArray = np.zeros(0, np.int32)
        self._index: AnyArray = np.full(_INDEX_MIN, _FREE, np.int32)
        self._count = np.zeros(2, np.int64)
        self._span = np.array(EMPTY, np.int64)
        self._used = 0

    @property
    def count(self) -> int:
        """How many cells there are."""
        return int(self._count[0])

    @property
    def longest(self) -> int:
        """How many price cells a product has at the most."""
        return int(self._count[1])

    @property
    def table(self) -> CellTable:
        """As compiled code takes it; of no use after the next `reserve`."""
        arrays = (self._keys, self._running, self._next, self._index, self._count)
        return CellTable(*arrays, self._span, self.ledger.journal)

    def reserve(self, more: int) -> None:
        """Make room for so many more cells and amounts."""
        self.ledger.reserve(more)
        room = self.count + more
        self._keys, self._running = grown(self._keys, room, 0), grown(self._running, room, 0)
        self._next = grown(self._next, room, _FREE)
        if 3 * room > 2 * len(self._index):
            self._reindex(room)

    def _reindex(self, room: int) -> None:
        self._index = np.full(max(_INDEX_MIN, 1 << (3 * room // 2).bit_length()), _FREE, np.int32)
        _indexed(self._index, self._keys[: self.count])

    def move(self, facts: AnyArray, new: Span) -> None:
        """Let the span be `new`; the journal must be settled."""
        shift = _shift_prices if self._are_prices else _shift_pairs
        for day, sign in moved((int(self._span[0]), int(self._span[1])), new):
            for ids, amounts in self.ledger.runs(day):
                shift(facts, self.table, ids.astype(np.int64), amounts.astype(np.int64), sign)
        self._span[:] = new

    def drop_before(self, facts: AnyArray, day: int) -> None:
        """Forget the days before `day`, and the cells of which nothing is left once they are many."""
        self.ledger.drop_before(day)
        if self.count > 2 * self._used + _IDLE_MIN:
            self._keep(facts, self.ledger.used(self.count))

    def _keep(self, facts: AnyArray, used: Bools) -> None:
        self.ledger.renumber(np.cumsum(used, dtype=np.int64) - 1)
        self._keys, self._running = self._keys[: self.count][used], self._running[: self.count][used]
        self._count[0] = self._used = len(self._keys)
        self._rebuild(facts)

    def _rebuild(self, facts: AnyArray) -> None:
        self._next = np.full(self.count, _FREE, np.int32)
        self._reindex(self.count)
        if self._are_prices:
            facts["price_head"], facts["price_cells"], self._count[1] = _FREE, 0, 0
            _link_all(facts, self.table)

    def dump(self) -> dict[str, Any]:
        """For a snapshot."""
        ledger, n = self.ledger.dump(), self.count
        cells = [packed(self._keys[:n]), packed(self._running[:n].copy())]
        return {"ledger": ledger, "cells": cells, "used": self._used, "span": self._span.tolist()}

    @classmethod
    def load(cls, parts: dict[str, Any], facts: AnyArray, *, are_prices: bool) -> "Cells":
        """From a snapshot, linking the products of `facts` to their cells."""
        cells = cls(are_prices=are_prices)
        cells.ledger = Ledger.load(parts["ledger"])
        cells._keys, cells._running = (unpacked(array) for array in parts["cells"])
        cells._count[0], cells._used = len(cells._keys), parts["used"]
        cells._span[:] = parts["span"]
        cells._rebuild(facts)
        return cells
