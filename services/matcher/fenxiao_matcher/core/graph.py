"""The graph of attributed net sales: creator to product and back, an amount a day a pair. The `walk` runs over it.

Folding a sale is one addition. Everything derived (a node's strongest neighbours, its degree) is made when asked for and
forgotten when touched. Pairs only ever come: one whose sales were all refunded weighs 0 but stays until the next day
close, so that what depended on it can still be found.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nsmallest
from math import isqrt

from fenxiao_matcher.core.decay import HORIZON_DAYS, ONE, decay_table, decayed

NEIGHBOURS_MAX = 64
"""A walk leaves a node over so many of its strongest edges at the most."""
_DAMPING = ONE // 10_000
"""An edge is as strong as 100 x the square root of its net amount: money is heavy-tailed, taste is not."""

Days = dict[int, int]


@dataclass(frozen=True, slots=True)
class Node:
    """A creator or a product as the walk sees it, as of the open day.

    Attributes:
        neighbours: (id, strength), the strongest first, ties by id.
        degree: The strengths of all edges, also of those beyond `NEIGHBOURS_MAX`.
        root: The integer square root of the degree, at least 1.
        net_minor: Decayed net sales.
    """

    neighbours: tuple[tuple[str, int], ...]
    degree: int
    root: int
    net_minor: int


class Side:
    """One side of the graph: its nodes, and whom each has dealt with."""

    def __init__(self) -> None:
        self.edges: dict[str, dict[str, Days]] = {}
        self.nodes: dict[str, Node] = {}

    def link(self, one: str, other: str, days: Days) -> None:
        """Note a pair on this side."""
        self.edges.setdefault(one, {})[other] = days

    def unlink(self, one: str, other: str) -> None:
        """Forget a pair, and a node without pairs."""
        others = self.edges[one]
        del others[other]
        if not others:
            del self.edges[one]


class Graph:
    """Creators and products, as of an open day under a half-life."""

    def __init__(self) -> None:
        self.creators = Side()
        self.products = Side()
        self._open_day = 0
        self._table = decay_table(1)

    def add(self, creator_id: str, product_id: str, day: int, net_minor: int) -> None:
        """Book an amount, negative for what goes back, on the day of the order."""
        days = self.creators.edges.get(creator_id, {}).get(product_id)
        if days is None:
            days = {}
            self.creators.link(creator_id, product_id, days)
            self.products.link(product_id, creator_id, days)
        days[day] = days.get(day, 0) + net_minor
        self.creators.nodes.pop(creator_id, None)
        self.products.nodes.pop(product_id, None)

    def open_day(self, day: int, half_life_days: int) -> None:
        """Weigh everything as of this day, and forget what weighs nothing from now on."""
        self._open_day = day
        self._table = decay_table(half_life_days)
        self.creators.nodes.clear()
        self.products.nodes.clear()
        self._prune(day - HORIZON_DAYS)

    def node(self, side: Side, one: str) -> Node:
        """The node, made anew if it was touched."""
        node = side.nodes.get(one)
        if node is None:
            node = side.nodes[one] = self._make_node(side.edges.get(one, {}))
        return node

    def weight(self, creator_id: str, product_id: str) -> int:
        """Decayed net sales of a pair, in minor units x `ONE`; 0 or less: it does not sell it (any more)."""
        days = self.creators.edges.get(creator_id, {}).get(product_id)
        return decayed(days, self._open_day, self._table) if days else 0

    def within_three(self, from_side: Side, start: Iterable[str]) -> set[str]:
        """The nodes of the other side that are one or three steps from any of `start`, whatever the edges weigh."""
        to_side = self.products if from_side is self.creators else self.creators
        near = _step(from_side, start)
        back = _step(to_side, near)
        return near | _step(from_side, back)

    def _make_node(self, edges: dict[str, Days]) -> Node:
        open_day, table = self._open_day, self._table
        strengths = []
        degree = total = 0
        for other, days in edges.items():
            weight = decayed(days, open_day, table)
            total += weight
            if weight >= _DAMPING:
                strength = isqrt(weight // _DAMPING)
                degree += strength
                strengths.append((other, strength))
        best = nsmallest(NEIGHBOURS_MAX, strengths, key=strongest_first)
        return Node(tuple(best), degree, max(isqrt(degree), 1), max(total, 0) // ONE)

    def _prune(self, last_day: int) -> None:
        for creator_id, products in list(self.creators.edges.items()):
            for product_id, days in list(products.items()):
                for day in [day for day, net in days.items() if day <= last_day or not net]:
                    del days[day]
                if not days:
                    self.creators.unlink(creator_id, product_id)
                    self.products.unlink(product_id, creator_id)


def strongest_first(edge: tuple[str, int]) -> tuple[int, str]:
    """The order of (id, strength) pairs: ties by id."""
    return -edge[1], edge[0]


def _step(side: Side, start: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for one in start:
        found.update(side.edges.get(one, ()))
    return found
