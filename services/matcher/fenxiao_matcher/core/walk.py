"""The live walk: creator, its products, their creators, their products (or the same from a product). `rank` weighs it.

It is GF-CF's linear filter (R R^T R with symmetrically normalised R), cut to a bounded number of edges, in integers: the
first two steps and the third are probabilities in fixed-point, whose sums stay below 2^63, so that order never matters. The
factor of the node it starts from is the same for all it finds, so it is left out.
"""

from dataclasses import dataclass

import numpy as np

from fenxiao_matcher.core.names import Ints
from fenxiao_matcher.core.snapshot import SHARE_BITS, Side

PEERS_MAX = 256
"""How many of the nodes like the first one the walk goes on from."""
FOUND_SHIFT = 12
"""Bits of what was found that are dropped, so that it can be multiplied by a score's points."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk found.

    Attributes:
        found: The affinity of each node of the other side; the start's own neighbours may be among them.
        peers: The nodes of the same side that it went through.
        seen: By how many of them each node of the other side was found.
    """

    found: Ints
    peers: Ints
    seen: Ints


def walk(side: Side, other_side: Side, start: int) -> Walk:
    """Walk from a node of `side`."""
    peers, weights = _peers(side, other_side, start)
    at, counts = _edges(side, peers)
    near = side.near[at]
    sums = np.zeros(len(other_side), np.int64)
    np.add.at(sums, near, side.shares[at] * np.repeat(weights, counts))
    return Walk((sums >> FOUND_SHIFT) // other_side.roots, peers, np.bincount(near, minlength=len(other_side)))


def best(values: Ints, ranks: Ints, count_max: int) -> Ints:
    """The places of the `count_max` highest values, ties by rank, in any order."""
    count = len(values)
    if count <= count_max:
        return np.arange(count)
    least = np.partition(values, count - count_max)[count - count_max]
    above, equal = np.flatnonzero(values > least), np.flatnonzero(values == least)
    missing = count_max - len(above)
    if missing < len(equal):
        equal = equal[np.argsort(ranks[equal])[:missing]]
    return np.concatenate([above, equal])


def _peers(side: Side, other_side: Side, start: int) -> tuple[Ints, Ints]:
    """The nodes of the same side that share most with `start`, and how much."""
    at, counts = _edges(other_side, side.near_of(start))
    sums = np.zeros(len(side), np.int64)
    np.add.at(sums, other_side.near[at], other_side.shares[at] * np.repeat(side.shares_of(start), counts))
    sums >>= SHARE_BITS
    sums[start] = 0
    peers = np.flatnonzero(sums)
    peers = peers[best(sums[peers], side.ranks[peers], PEERS_MAX)]
    return peers, sums[peers]


def _edges(side: Side, nodes: Ints) -> tuple[Ints, Ints]:
    """Where the edges of these nodes are, node after node, and how many each has."""
    starts = side.starts[nodes]
    counts = side.starts[nodes + 1] - starts
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - ends + counts, counts) + np.arange(total), counts
