"""The live walk: creator, its products, their creators, their products (or the same from a product). `rank` weighs it.

It is GF-CF's linear filter (R R^T R with symmetrically normalised R), cut to a bounded number of edges, in integers. The
factor of the node it starts from is the same for all it finds, so it is left out.
"""

from dataclasses import dataclass
from heapq import nsmallest

from fenxiao_matcher.core.graph import Graph, Side, strongest_first

PEERS_MAX = 256
"""How many of the nodes like the first one the walk goes on from."""
_SCALE = 10**12


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk found.

    Attributes:
        found: The affinity, above 0, of nodes of the other side; the start's own neighbours may be among them.
        peers: The nodes of the same side that it went through.
    """

    found: dict[str, int]
    peers: frozenset[str]


def walk(graph: Graph, start_side: Side, start: str) -> Walk:
    """Walk from a node."""
    other_side = graph.products if start_side is graph.creators else graph.creators
    peers = _peers(graph, start_side, other_side, start)
    sums: dict[str, int] = {}
    for peer, weight in peers:
        node = graph.node(start_side, peer)
        share = weight // node.degree
        for other, strength in node.neighbours:
            if other in sums:
                sums[other] += share * strength
            else:
                sums[other] = share * strength
    known = other_side.nodes
    scored = (
        (other, value // (known.get(other) or graph.node(other_side, other)).root) for other, value in sums.items()
    )
    return Walk({other: value for other, value in scored if value}, frozenset(peer for peer, _ in peers))


def _peers(graph: Graph, side: Side, other_side: Side, start: str) -> list[tuple[str, int]]:
    """The nodes of the same side that share most with `start`, strongest first, ties by id."""
    weights: dict[str, int] = {}
    for other, strength in graph.node(side, start).neighbours:
        node = graph.node(other_side, other)
        share = _SCALE * strength // node.degree
        for peer, back in node.neighbours:
            weights[peer] = weights.get(peer, 0) + share * back
    weights.pop(start, None)
    return nsmallest(PEERS_MAX, weights.items(), key=strongest_first)
