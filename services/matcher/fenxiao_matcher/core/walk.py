"""The live walk: creator, its products, their creators, their products (or the same from a product). `rank` weighs it.

It is GF-CF's linear filter (R R^T R with symmetrically normalised R), cut to a bounded number of edges, in integers. The
factor of the node it starts from is the same for all it finds, so it is left out.
"""

from heapq import nsmallest
from math import isqrt

from fenxiao_matcher.core.graph import Graph, Side

PEERS_MAX = 256
"""How many of the nodes like the first one the walk goes on from."""
_SCALE = 10**18


def walk(graph: Graph, start_side: Side, start: str) -> dict[str, int]:
    """The affinity, above 0, of each node of the other side that the walk finds; the start's own neighbours may be among them."""
    other_side = graph.products if start_side is graph.creators else graph.creators
    found: dict[str, int] = {}
    for peer, weight in peers(graph, start_side, start):
        node = graph.node(start_side, peer)
        share = weight // node.degree
        for other, strength in node.neighbours:
            found[other] = found.get(other, 0) + share * strength
    scored = {other: value // _root_degree(graph, other_side, other) for other, value in found.items()}
    return {other: value for other, value in scored.items() if value > 0}


def peers(graph: Graph, side: Side, start: str) -> list[tuple[str, int]]:
    """The nodes of the same side that share most with `start`, strongest first, ties by id."""
    other_side = graph.products if side is graph.creators else graph.creators
    weights: dict[str, int] = {}
    for other, strength in graph.node(side, start).neighbours:
        node = graph.node(other_side, other)
        share = _SCALE * strength // node.degree
        for peer, back in node.neighbours:
            weights[peer] = weights.get(peer, 0) + share * back
    weights.pop(start, None)
    return nsmallest(PEERS_MAX, weights.items(), key=lambda item: (-item[1], item[0]))


def _root_degree(graph: Graph, side: Side, one: str) -> int:
    return max(isqrt(graph.node(side, one).degree), 1)
