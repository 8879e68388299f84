"""The graph as of an open day, as arrays: each node's strongest neighbours, degree and sales. The `walk` runs over it.

A snapshot never changes. `settle` makes a new one when there is time to, and compares it with the one before: a list that
read nothing of what differs need not be made again.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from fenxiao_matcher.core.decay import ONE
from fenxiao_matcher.core.graph import Graph
from fenxiao_matcher.core.ledger import PRODUCT_BITS, isqrt_array, strengths_of, weigh
from fenxiao_matcher.core.names import Flags, Ints, flags

NEIGHBOURS_MAX = 64
"""A walk leaves a node over so many of its strongest edges at the most."""
SHARE_BITS = 30
"""A share of a degree is a fixed-point number with so many bits after the point."""
_ROOT_BITS = 5
"""Roots keep so many leading bits: they divide what a walk found, and one sale among hundreds must not move them."""


@dataclass(frozen=True, slots=True)
class Side:
    """The creators or the products, by number.

    Attributes:
        starts: Where the neighbours of each begin in `near` and `shares`; one more than there are nodes.
        near: The strongest neighbours, strongest first, ties by id.
        shares: What part of the node's degree each edge is, times 2^`SHARE_BITS`. Edges beyond `NEIGHBOURS_MAX` count in the
            degree.
        dealt_starts: As `starts`, of `dealt`.
        dealt: All with whom there are net sales.
        roots: The square root of the degree, coarse, at least 1.
        net_minor: Decayed net sales.
        ranks: What decides ties.
    """

    starts: Ints
    near: Ints
    shares: Ints
    dealt_starts: Ints
    dealt: Ints
    roots: Ints
    net_minor: Ints
    ranks: Ints

    def __len__(self) -> int:
        return len(self.roots)

    def near_of(self, one: int) -> Ints:
        """Its strongest neighbours."""
        return self.near[self.starts[one] : self.starts[one + 1]]

    def shares_of(self, one: int) -> Ints:
        """Their shares."""
        return self.shares[self.starts[one] : self.starts[one + 1]]

    def dealt_with(self, one: int) -> Ints:
        """All with whom it has net sales."""
        return self.dealt[self.dealt_starts[one] : self.dealt_starts[one + 1]]

    def near_any(self, others: Flags) -> Flags:
        """The nodes that have any of these among their strongest neighbours."""
        owners = np.repeat(np.arange(len(self)), np.diff(self.starts))
        return flags(len(self), owners[others[self.near]])


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Both sides, and the pairs (creator and product in one integer, sorted) that they were made from."""

    creators: Side
    products: Side
    pairs: Ints
    strengths: Ints

    def strengths_at(self, pairs: Ints) -> Ints:
        """The strengths of some pairs; -1: no net sales."""
        if not len(self.pairs):
            return np.full(len(pairs), -1, np.int64)
        at = np.minimum(np.searchsorted(self.pairs, pairs), len(self.pairs) - 1)
        return np.where(self.pairs[at] == pairs, self.strengths[at], -1)


class Making:
    """Makes a snapshot a step at a time, so that the event loop has its turn between.

    Attributes:
        touched: The pairs on which anything was booked since the last snapshot.
        snapshot: The result, after the last step.
    """

    touched: Ints
    snapshot: Snapshot

    def __init__(self, graph: Graph, open_day: int, half_life_days: int) -> None:
        # What is folded after this is the next snapshot's.
        self._packed, self._net, self.touched = graph.ledger.take()
        self._as_of = open_day, half_life_days
        self._ranks = graph.creators.ranks(), graph.products.ranks()

    def steps(self) -> Iterator[None]:
        """Do it."""
        yield
        pairs, weights = weigh(self._packed, self._net, *self._as_of)
        strengths = strengths_of(weights)
        creators, products = pairs >> PRODUCT_BITS, pairs & ((1 << PRODUCT_BITS) - 1)
        yield
        order = yield from _order(creators, products, strengths, self._ranks[1])
        sellers = _make_side(creators[order], products[order], weights[order], strengths[order], self._ranks[0])
        yield
        order = yield from _order(products, creators, strengths, self._ranks[0])
        goods = _make_side(products[order], creators[order], weights[order], strengths[order], self._ranks[1])
        self.snapshot = Snapshot(sellers, goods, pairs, strengths)
        yield


def _order(nodes: Ints, others: Ints, strengths: Ints, other_ranks: Ints) -> Generator[None, None, Ints]:
    """Each node's edges, strongest first, ties by rank: three stable sorts, the last key first, with a pause after each."""
    order = np.argsort(other_ranks[others], kind="stable")
    for key in (-strengths, nodes):
        yield
        order = order[np.argsort(key[order], kind="stable")]
    yield
    return order


def _make_side(nodes: Ints, others: Ints, weights: Ints, strengths: Ints, ranks: Ints) -> Side:
    dealt_starts = _starts(nodes, len(ranks))
    degrees = _sums(strengths, dealt_starts)
    place = np.arange(len(nodes)) - dealt_starts[nodes]
    kept = (place < NEIGHBOURS_MAX) & (strengths > 0)
    of = nodes[kept]
    return Side(
        starts=_starts(of, len(ranks)),
        near=others[kept],
        shares=(strengths[kept] << SHARE_BITS) // degrees[of],
        dealt_starts=dealt_starts,
        dealt=others,
        roots=_coarse(isqrt_array(degrees)),
        net_minor=_sums(weights // ONE, dealt_starts),
        ranks=ranks,
    )


def _starts(sorted_nodes: Ints, count: int) -> Ints:
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(sorted_nodes, minlength=count), out=starts[1:])
    return starts


def _sums(values: Ints, starts: Ints) -> Ints:
    upto = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=upto[1:])
    return upto[starts[1:]] - upto[starts[:-1]]


def _coarse(roots: Ints) -> Ints:
    bits = np.frexp(roots.astype(np.float64))[1].astype(np.int64)
    beyond = np.maximum(bits - _ROOT_BITS, 0)
    coarse: Ints = np.maximum(roots >> beyond << beyond, 1)
    return coarse
