"""The net price of a product: the lower median of the unit prices paid, weighted by net quantity. Section 3 of the norm."""

from typing import Final

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Ints
from fenxiao_scorer.core.cells import SUB_MASK, CellTable
from fenxiao_scorer.core.compiled import compiled

_GAPS: Final = np.array([1750, 701, 301, 132, 57, 23, 10, 4, 1])
"""Of Shell's sort (M. Ciura, 2001); nearly all products have so few prices that only the last one counts."""


@compiled
def refresh_net_price(facts: AnyArray, cells: CellTable, scratch: Ints, slot: int) -> None:
    """Look the net price of a product up anew if it may have changed.

    Leaves it in `net_price`, and in `price_weight` the positive quantity behind it; where that is 0, the price means nothing.
    `scratch` has two rows, as long as any product has prices.
    """
    product = facts[slot]
    if not product.price_stale:
        return
    product.price_stale = False
    prices, weights = scratch[0], scratch[1]
    known, total = 0, 0
    cell = np.int64(product.price_head)
    while cell >= 0:
        if cells.running[cell] > 0:
            prices[known], weights[known] = cells.keys[cell] & SUB_MASK, cells.running[cell]
            total += weights[known]
            known += 1
        cell = np.int64(cells.next[cell])
    product.price_weight = total
    if not known:
        return
    _sort(prices, weights, known)
    left, at = (total + 1) // 2, 0
    while left > weights[at]:
        left -= weights[at]
        at += 1
    product.net_price = prices[at]


@compiled
def _sort(prices: Ints, weights: Ints, count: int) -> None:
    for gap in _GAPS:
        for last in range(gap, count):
            price, weight, at = prices[last], weights[last], last
            while at >= gap and prices[at - gap] > price:
                prices[at], weights[at] = prices[at - gap], weights[at - gap]
                at -= gap
            prices[at], weights[at] = price, weight
