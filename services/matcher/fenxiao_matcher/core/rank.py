"""The list of a creator (goods for a person) and of a product (people for goods). The `book` says what is published of it.

A list is a pure function of the folded state, the open day and the policy; ties go by id. It holds discoveries: what a
creator sells already (or who sells a product already) comes only if there is nothing else at all.
"""

from dataclasses import dataclass

import numpy as np

from fenxiao_matcher.core.facts import Face, Profile, prefixes_of
from fenxiao_matcher.core.names import Flags, Ints
from fenxiao_matcher.core.pools import EVERYTHING, Pools
from fenxiao_matcher.core.score import affinity_scores, category_score, part, standing_reasons, told
from fenxiao_matcher.core.view import View
from fenxiao_matcher.core.walk import Walk, best, walk
from fenxiao_schemas.matches import InvitedCreator, Reason, RecommendedProduct
from fenxiao_schemas.policy import Matching

MODEL = "walk-2"
CANDIDATES_PER_ENTRY = 4
"""Wider pools are looked into until there are so many candidates for each entry of the list."""
FOUND_MAX = 256
"""How many of what the walk found are candidates: the nearest."""
_NO_PROFILE = Profile()
_NOBODY = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Ranked[E]:
    """A list, and what it was made from: when any of that changes, it may change."""

    entries: tuple[E, ...]
    pools: tuple[str, ...]
    peers: Ints
    candidates: Ints


@dataclass(frozen=True, slots=True)
class _Scores:
    """Of the candidates, the parts that depend on both, and the sum."""

    affinity: Ints
    category: Ints
    total: Ints

    def order(self, ranks: Ints) -> list[int]:
        """Places, the best first, ties by rank."""
        places: list[int] = np.lexsort((ranks, -self.total)).tolist()
        return places


def recommend(view: View, creator_id: str) -> Ranked[RecommendedProduct]:
    """Goods for a person: offered products only, under the caps. Empty for a creator that is not known."""
    profile, start = view.profiles.get(creator_id), view.state.graph.creators.find(creator_id)
    if profile is None or start is None:
        return Ranked((), (), _NOBODY, _NOBODY)
    matching, creators, products = view.matching, view.snapshot.creators, view.snapshot.products
    walked = walk(creators, products, start)
    fits = view.offered.copy()
    fits[creators.dealt_with(start)] = False
    keys = [*profile.paths, *_wider(profile.paths), EVERYTHING]
    ids, pools = _gather(walked, products.ranks, view.goods, keys, len(profile.paths), matching, fits)
    if not len(ids):
        sold = creators.near_of(start)
        ids = np.sort(sold[view.offered[sold]])
    scores = _score_goods(view, profile, ids, walked.found[ids])
    chosen = _capped(view, ids, scores.order(products.ranks[ids]))
    entries = []
    for place in chosen:
        number = int(ids[place])
        product_id, affinity = view.state.graph.products.ids[number], int(scores.affinity[place])
        alike = int(walked.seen[number]) if affinity else 0
        face = view.faces[product_id]
        reasons = (
            Reason(name="affinity", score=affinity, evidence=f"{alike} creators alike"),
            Reason(name="category", score=int(scores.category[place]), evidence=face.category),
            *standing_reasons(matching, face),
        )
        score = int(scores.total[place])
        entries.append(RecommendedProduct(product_id=product_id, score=score, tier=face.tier, reasons=told(reasons)))
    return Ranked(tuple(entries), pools, walked.peers, ids)


def invite(view: View, product_id: str) -> Ranked[InvitedCreator]:
    """People for goods: empty unless the product invites. What is the same for everybody is no part of the score."""
    start = view.state.graph.products.find(product_id)
    if product_id not in view.inviting or start is None:
        return Ranked((), (), _NOBODY, _NOBODY)
    matching, creators, products = view.matching, view.snapshot.creators, view.snapshot.products
    face, names = view.faces[product_id], view.state.graph.creators
    walked = walk(products, creators, start)
    fits = np.ones(len(creators), np.bool_)
    fits[products.dealt_with(start)] = False
    keys = [*reversed(face.prefixes), EVERYTHING]
    ids, pools = _gather(walked, creators.ranks, view.people, keys, 1, matching, fits)
    if not len(ids):
        ids = np.sort(products.near_of(start))
    profiles = [view.profiles.get(one, _NO_PROFILE) for one in names.told(ids)]
    scores = _score_people(matching, profiles, face, walked.found[ids])
    entries = []
    for place in scores.order(creators.ranks[ids])[: matching.list_length]:
        reasons = (
            Reason(name="affinity", score=int(scores.affinity[place])),
            Reason(name="category", score=int(scores.category[place]), evidence=face.category),
            Reason(name="popularity", score=part(matching.popularity_weight, profiles[place].popularity)),
        )
        creator_id, score = names.ids[int(ids[place])], int(scores.total[place])
        entries.append(InvitedCreator(creator_id=creator_id, score=score, reasons=told(reasons)))
    return Ranked(tuple(entries), pools, walked.peers, ids)


def _gather(
    walked: Walk, ranks: Ints, pools: Pools, keys: list[str], always: int, matching: Matching, fits: Flags
) -> tuple[Ints, tuple[str, ...]]:
    """The candidates: what the walk found, the first `always` pools, and wider pools while there are too few."""
    near = np.flatnonzero((walked.found > 0) & fits)
    ids = set(near[best(walked.found[near], ranks[near], FOUND_MAX)].tolist())
    wanted = CANDIDATES_PER_ENTRY * matching.list_length
    read = []
    for number, key in enumerate(keys):
        if number >= always and len(ids) >= wanted:
            break
        read.append(key)
        top = pools.top(key)
        ids.update(top[fits[top]].tolist())
    return np.array(sorted(ids), np.int64), tuple(read)


def _wider(paths: tuple[str, ...]) -> list[str]:
    above = {prefix for path in paths for prefix in prefixes_of(path)} - set(paths)
    return sorted(above, key=lambda path: (-path.count("/"), path))


def _score_goods(view: View, profile: Profile, ids: Ints, found: Ints) -> _Scores:
    kinds, of = np.unique(view.kinds[ids], return_inverse=True)
    by_kind = [category_score(view.matching, profile, view.kind_prefixes[kind]) for kind in kinds.tolist()]
    affinity, category = affinity_scores(view.matching, found), np.array(by_kind, np.int64)[of]
    return _Scores(affinity, category, affinity + category + view.standings[ids])


def _score_people(matching: Matching, profiles: list[Profile], face: Face, found: Ints) -> _Scores:
    affinity = affinity_scores(matching, found)
    category = np.array([category_score(matching, profile, face.prefixes) for profile in profiles], np.int64)
    popularity = np.array([part(matching.popularity_weight, profile.popularity) for profile in profiles], np.int64)
    return _Scores(affinity, category, affinity + category + popularity)


def _capped(view: View, ids: Ints, order: list[int]) -> list[int]:
    matching, names = view.matching, view.state.graph.products.ids
    chosen: list[int] = []
    merchants: dict[str, int] = {}
    categories: dict[str, int] = {}
    for place in order:
        face = view.faces[names[int(ids[place])]]
        of_merchant = merchants.get(face.merchant_id, 0)
        of_category = categories.get(face.category, 0)
        if of_merchant >= matching.merchant_cap or of_category >= matching.category_cap:
            continue
        merchants[face.merchant_id] = of_merchant + 1
        categories[face.category] = of_category + 1
        chosen.append(place)
        if len(chosen) == matching.list_length:
            break
    return chosen
