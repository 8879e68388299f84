"""Which curve measures a product, and the points it gives. Section 4 of the norm, `Which curve` and `Points`.

The curve depends on the product's category and the policy alone, so it is worked out once per category, not per product.
"""

from typing import Final, NamedTuple

import numpy as np

from fenxiao_schemas.policy import Policy
from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.categories import Categories
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.curves import PRICES_ROW, Curves, PointsTable
from fenxiao_scorer.core.formulas import ABSENT, BPS, COUNT, LOW_RATE, bin_of
from fenxiao_scorer.core.layout import CURVE_ROWS, KINDS, ROWS, UNITS

_KINDS: Final = np.array(KINDS)


class Lookup(NamedTuple):
    """The curves in force, under a policy, for the categories known so far.

    Attributes:
        nodes: The category of each text that products name.
        chosen: By row and category: the path of the curve, -1 without one.
        means: By row and category: the mean of that curve, `ABSENT` without one.
        medians: By category: its own median price, `ABSENT` without one.
        table: What each bin of each curve is worth.
    """

    nodes: Ints
    chosen: Ints
    means: Ints
    medians: Ints
    table: PointsTable


_NO_POINTS: Final = PointsTable(np.zeros(0, np.int16), np.zeros((ROWS, 1), np.int64))


def lookup_of(curves: Curves | None, policy: Policy, categories: Categories) -> Lookup:
    """Work it out."""
    count = len(categories.paths)
    chosen = np.full((ROWS, count), -1, np.int64)
    means = np.full((ROWS, count), ABSENT, np.int64)
    medians = np.full(count, ABSENT, np.int64)
    if curves is not None:
        paths = np.array([curves.paths.get(path, -1) for path in categories.paths], np.int64)
        parents = categories.parents()
        for row in CURVE_ROWS:
            chosen[row] = _chosen(curves, policy, row, paths, parents)
        for row in UNITS:
            found = chosen[row] >= 0
            means[row, found] = curves.means[row, chosen[row, found]]
        own = np.flatnonzero(paths >= 0)
        own = own[curves.rows[PRICES_ROW].sizes[paths[own]] >= policy.curves.peers_floor]
        medians[own] = curves.medians[paths[own]]
    table = _NO_POINTS if curves is None else curves.points
    return Lookup(categories.nodes, chosen, means, medians, table)


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


@compiled
def points_of(lookup: Lookup, row: int, node: int, value: int, neutral: int) -> int:
    """The points of a value that is not null."""
    path = lookup.chosen[row, node]
    if path < 0:
        return neutral
    kind = _KINDS[row]
    if kind == COUNT and value == 0:
        return 0
    place = lookup.table.starts[row, path] + bin_of(kind, value)
    if place < lookup.table.starts[row, path + 1]:
        return np.int64(lookup.table.points[place])  # type: ignore[return-value]
    return 0 if kind == LOW_RATE else BPS
