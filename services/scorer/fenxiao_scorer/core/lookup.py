"""Which curve measures a product, and the points it gives. Section 4 of the norm, `Which curve` and `Points`.

That depends on the product's category and the policy alone, so it is worked out once per category, not once per product.
"""

import numpy as np

from fenxiao_schemas.policy import Policy
from fenxiao_scorer.core.arrays import Bools, Ints
from fenxiao_scorer.core.bins import Kind, bins
from fenxiao_scorer.core.categories import Categories
from fenxiao_scorer.core.curves import PRICES_ROW, Curves
from fenxiao_scorer.core.formulas import ABSENT, BPS
from fenxiao_scorer.core.layout import CURVE_ROWS, KINDS, ROWS, UNITS


class Lookup:
    """The curves in force, under a policy, for the categories known so far.

    Attributes:
        nodes: How many categories that were.
        chosen: By row and node: the path of the curve, -1 without one.
        means: By row and node: the mean of that curve, `ABSENT` without one.
        medians: By node: the median price of the category itself, `ABSENT` without one.
    """

    __slots__ = ("chosen", "curves", "means", "medians", "neutral", "nodes")

    def __init__(self, curves: Curves | None, policy: Policy, categories: Categories) -> None:
        self.curves = curves
        self.neutral = policy.curves.neutral_bps
        self.nodes = len(categories.paths)
        self.chosen = np.full((ROWS, self.nodes), -1, np.int64)
        self.means = np.full((ROWS, self.nodes), ABSENT, np.int64)
        self.medians = np.full(self.nodes, ABSENT, np.int64)
        if curves is not None:
            self._choose(curves, policy, categories)

    def _choose(self, curves: Curves, policy: Policy, categories: Categories) -> None:
        paths = np.array([curves.paths.get(path, -1) for path in categories.paths], np.int64)
        parents = categories.parents()
        for row in CURVE_ROWS:
            self.chosen[row] = _chosen(curves, policy, row, paths, parents)
        for row in UNITS:
            found = self.chosen[row] >= 0
            self.means[row, found] = curves.means[row, self.chosen[row, found]]
        prices = curves.rows[PRICES_ROW]
        own = np.flatnonzero(paths >= 0)
        own = own[prices.sizes[paths[own]] >= policy.curves.peers_floor]
        self.medians[own] = curves.medians[paths[own]]

    def points(self, row: int, categories: Ints, values: Ints, nulls: Bools) -> Ints:
        """The points of an indicator that has a curve."""
        points = np.full(len(values), self.neutral, np.int64)
        chosen = self.chosen[row, categories]
        there = np.flatnonzero((chosen >= 0) & ~nulls)
        if self.curves is not None and len(there):
            points[there] = _measured(self.curves, row, chosen[there], values[there])
        return points


def _chosen(curves: Curves, policy: Policy, row: int, paths: Ints, parents: Ints) -> Ints:
    """The path of the curve for each node, -1 without one."""
    sizes = np.where(paths >= 0, curves.rows[row].sizes[paths], 0) if len(curves.paths) else np.zeros_like(paths)
    enough = sizes >= policy.curves.peers_min
    chosen = np.where(enough, paths, -1)
    ancestors = parents.copy()
    while (open_nodes := np.flatnonzero((chosen < 0) & (ancestors >= 0))).size:
        above = ancestors[open_nodes]
        chosen[open_nodes] = np.where(enough[above], paths[above], -1)
        ancestors[open_nodes] = parents[above]
    if sizes[0] >= policy.curves.peers_floor:
        chosen[chosen < 0] = paths[0]
    if len(curves.paths):
        chosen[~curves.observed[row, chosen]] = -1
    return chosen


def _measured(curves: Curves, row: int, paths: Ints, values: Ints) -> Ints:
    """The share of peers in the value's bin or a worse one."""
    kind = KINDS[row]
    below, own = curves.rows[row].ranks(paths, bins(kind, values)[0])
    size = curves.rows[row].sizes[paths]
    if kind is Kind.LOW_RATE:
        low: Ints = (BPS * (size - below)) // size
        return low
    points = (BPS * (below + own)) // size
    return np.where(values == 0, 0, points) if kind is Kind.COUNT else points
