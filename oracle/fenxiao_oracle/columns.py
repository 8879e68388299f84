"""Turns the rows that `intake` took into the columns of a `Log`: products, pairs and prices get numbers in order."""

import numpy as np

from fenxiao_oracle.arrays import Ints, ints, offsets
from fenxiao_oracle.facts import FactTable, History, Rows
from fenxiao_oracle.log import COUNTERS, HISTORIES, Control, Log


class Taken:
    """What was taken of one partition so far; products, pairs and prices are numbered as they came."""

    def __init__(self) -> None:
        self.first_day = self.first_policy = 0
        self.products: dict[str, int] = {}
        self.born: list[int] = []
        self.controls: list[Control] = []
        self.touched = Rows(1)
        self.facts = {name: Rows(5) for name in (*COUNTERS, "pairs", "paid")}
        self.values = {name: Rows(2 + len(values)) for name, values in HISTORIES.items()}
        self.pairs: dict[tuple[int, str], int] = {}
        self.prices: dict[tuple[int, int], int] = {}

    def build(self) -> Log:
        """The columns, with products in the order of their ids, pairs and prices in the order of their products."""
        ids = sorted(self.products)
        rank = np.zeros(len(ids), dtype=np.int64)
        rank[ints([self.products[product_id] for product_id in ids])] = np.arange(len(ids))
        born = np.zeros(len(ids), dtype=np.int64)
        born[rank] = ints(self.born)
        prices = ints([price for _, price in self.prices])
        pairs, _ = self._keyed(
            "pairs", rank, ints([product for product, _ in self.pairs]), ints(range(len(self.pairs)))
        )
        paid, order = self._keyed("paid", rank, ints([product for product, _ in self.prices]), prices)
        return Log(
            first_day=self.first_day,
            first_policy=self.first_policy,
            ids=ids,
            born=born,
            controls=self.controls,
            touched=_renumbered(self.touched.columns()[0], rank),
            counters={name: self._counter_table(name, rank) for name in COUNTERS},
            pairs=pairs,
            paid=paid,
            prices=prices[order],
            history={name: self._history(name, rank) for name in HISTORIES},
        )

    def _counter_table(self, name: str, rank: Ints) -> FactTable:
        seq, product, day, cell, amount = self.facts.pop(name).columns()
        product, width = rank[product], len(COUNTERS[name])
        return FactTable(seq, product, day, product * width + cell, amount, np.arange(len(rank) + 1) * width)

    def _keyed(self, name: str, rank: Ints, owner: Ints, within: Ints) -> tuple[FactTable, Ints]:
        """A table whose cells were numbered as they came, and these numbers in the order of product and `within`."""
        seq, product, day, cell, amount = self.facts.pop(name).columns()
        owner = rank[owner]
        order = np.lexsort((within, owner))
        place = np.zeros(len(owner), dtype=np.int64)
        place[order] = np.arange(len(owner))
        starts = offsets(np.bincount(owner, minlength=len(rank)))
        return FactTable(seq, rank[product], day, place[cell], amount, starts), order

    def _history(self, name: str, rank: Ints) -> History:
        seq, product, *values = self.values[name].columns()
        return History(seq, rank[product], tuple(values), HISTORIES[name])


def _renumbered(products: Ints, rank: Ints) -> Ints:
    """The products' new numbers; -1, for an event of no product, stays."""
    return np.append(rank, -1)[products]
