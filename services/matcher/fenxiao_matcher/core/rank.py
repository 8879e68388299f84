"""The list of a creator (goods for a person) and of a product (people for goods). The `book` says what is published of it.

A list is a pure function of the folded state, the open day and the policy; ties go by id. It holds discoveries: what a
creator sells already (or who sells a product already) comes only if there is nothing else at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import nsmallest
from operator import attrgetter

from fenxiao_matcher.core.facts import Face, Profile, prefixes_of
from fenxiao_matcher.core.graph import strongest_first
from fenxiao_matcher.core.pools import EVERYTHING, Pools
from fenxiao_matcher.core.score import affinity_score, category_score, part, standing_reasons, told
from fenxiao_matcher.core.view import View
from fenxiao_matcher.core.walk import walk
from fenxiao_schemas.matches import InvitedCreator, Reason, RecommendedProduct
from fenxiao_schemas.policy import Matching

MODEL = "walk-1"
CANDIDATES_PER_ENTRY = 4
"""Wider pools are looked into until there are so many candidates for each entry of the list."""
FOUND_MAX = 256
"""How many of what the walk found are candidates: the nearest."""
_NO_PROFILE = Profile()


@dataclass(frozen=True, slots=True)
class Ranked[E]:
    """A list, and the pools that it was made from: when one of them changes, it may change."""

    entries: tuple[E, ...]
    pools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    one: str
    score: int
    affinity: int


_BEST_FIRST = attrgetter("score")


def recommend(view: View, creator_id: str) -> Ranked[RecommendedProduct]:
    """Goods for a person: offered products only, under the caps. Empty for a creator that is not known."""
    graph, matching = view.graph, view.matching
    profile = view.profiles.get(creator_id)
    if profile is None:
        return Ranked((), ())
    walked = walk(graph, graph.creators, creator_id)
    found = walked.found
    own = graph.creators.edges.get(creator_id, {})

    def fits(product_id: str) -> bool:
        face = view.faces.get(product_id)
        if face is None or not face.offered:
            return False
        return product_id not in own or graph.weight(creator_id, product_id) <= 0

    keys = [*profile.paths, *_wider(profile.paths), EVERYTHING]
    ids, pools = _gather(found, view.goods, keys, len(profile.paths), matching, fits)
    if not ids:
        sold = graph.node(graph.creators, creator_id).neighbours
        ids = {one for one, _ in sold if one in view.faces and view.faces[one].offered}
    affinity_max = max((found.get(one, 0) for one in ids), default=0)
    candidates = []
    for one in ids:
        affinity = affinity_score(matching, found.get(one, 0), affinity_max)
        category = category_score(matching, profile, view.faces[one])
        candidates.append(_Candidate(one, affinity + category + view.standings[one], affinity))
    chosen = _capped(matching, _in_order(candidates), view.faces)
    entries = (_product_entry(view, profile, candidate, walked.peers) for candidate in chosen)
    return Ranked(tuple(entries), pools)


def invite(view: View, product_id: str) -> Ranked[InvitedCreator]:
    """People for goods: empty unless the product invites. What is the same for everybody is no part of the score."""
    if product_id not in view.inviting:
        return Ranked((), ())
    graph, matching, face = view.graph, view.matching, view.faces[product_id]
    found = walk(graph, graph.products, product_id).found

    def fits(creator_id: str) -> bool:
        return graph.weight(creator_id, product_id) <= 0

    keys = [*reversed(face.prefixes), EVERYTHING]
    ids, pools = _gather(found, view.people, keys, 1, matching, fits)
    if not ids:
        ids = {one for one, _ in graph.node(graph.products, product_id).neighbours}
    affinity_max = max((found.get(one, 0) for one in ids), default=0)
    candidates = []
    for one in ids:
        profile = view.profiles.get(one, _NO_PROFILE)
        affinity = affinity_score(matching, found.get(one, 0), affinity_max)
        others = category_score(matching, profile, face) + part(matching.popularity_weight, profile.popularity)
        candidates.append(_Candidate(one, affinity + others, affinity))
    chosen = _in_order(candidates)[: matching.list_length]
    return Ranked(tuple(_creator_entry(view, face, candidate) for candidate in chosen), pools)


def _gather(
    found: dict[str, int], pools: Pools, keys: list[str], always: int, matching: Matching, fits: Callable[[str], bool]
) -> tuple[set[str], tuple[str, ...]]:
    """The candidates: what the walk found, the first `always` pools, and wider pools while there are too few."""
    near = [item for item in found.items() if fits(item[0])]
    ids = {one for one, _ in nsmallest(FOUND_MAX, near, key=strongest_first)}
    wanted = CANDIDATES_PER_ENTRY * matching.list_length
    read = []
    for number, key in enumerate(keys):
        if number >= always and len(ids) >= wanted:
            break
        read.append(key)
        ids.update(one for one in pools.top(key) if fits(one))
    return ids, tuple(read)


def _wider(paths: tuple[str, ...]) -> list[str]:
    above = {prefix for path in paths for prefix in prefixes_of(path)} - set(paths)
    return sorted(above, key=lambda path: (-path.count("/"), path))


def _in_order(candidates: list[_Candidate]) -> list[_Candidate]:
    candidates.sort(key=attrgetter("one"))
    candidates.sort(key=_BEST_FIRST, reverse=True)
    return candidates


def _capped(matching: Matching, candidates: list[_Candidate], faces: dict[str, Face]) -> list[_Candidate]:
    chosen: list[_Candidate] = []
    merchants: dict[str, int] = {}
    categories: dict[str, int] = {}
    for candidate in candidates:
        face = faces[candidate.one]
        of_merchant = merchants.get(face.merchant_id, 0)
        of_category = categories.get(face.category, 0)
        if of_merchant >= matching.merchant_cap or of_category >= matching.category_cap:
            continue
        merchants[face.merchant_id] = of_merchant + 1
        categories[face.category] = of_category + 1
        chosen.append(candidate)
        if len(chosen) == matching.list_length:
            break
    return chosen


def _product_entry(view: View, profile: Profile, candidate: _Candidate, kindred: frozenset[str]) -> RecommendedProduct:
    face = view.faces[candidate.one]
    sellers = view.graph.products.edges.get(candidate.one, {})
    alike = len(kindred & sellers.keys()) if candidate.affinity else 0
    reasons = (
        Reason(name="affinity", score=candidate.affinity, evidence=f"{alike} creators alike"),
        Reason(name="category", score=category_score(view.matching, profile, face), evidence=face.category),
        *standing_reasons(view.matching, face),
    )
    return RecommendedProduct(product_id=candidate.one, score=candidate.score, tier=face.tier, reasons=told(reasons))


def _creator_entry(view: View, face: Face, candidate: _Candidate) -> InvitedCreator:
    matching = view.matching
    profile = view.profiles.get(candidate.one, _NO_PROFILE)
    reasons = (
        Reason(name="affinity", score=candidate.affinity),
        Reason(name="category", score=category_score(matching, profile, face), evidence=face.category),
        Reason(name="popularity", score=part(matching.popularity_weight, profile.popularity)),
    )
    return InvitedCreator(creator_id=candidate.one, score=candidate.score, reasons=told(reasons))
