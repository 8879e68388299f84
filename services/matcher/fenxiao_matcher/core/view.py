"""The folded state as rankings read it: a snapshot, faces, profiles and pools. `settle` keeps it current.

Rankings read arrays by product number: whether it is offered, what it scores with anyone, which category it is of.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from fenxiao_matcher.core.facts import (
    CreatorFacts,
    Face,
    Profile,
    face_of,
    prefixes_of,
    profile_by_sales,
    profile_declared,
)
from fenxiao_matcher.core.names import Flags, Ints
from fenxiao_matcher.core.pools import EVERYTHING, Pools
from fenxiao_matcher.core.score import standing
from fenxiao_matcher.core.snapshot import Snapshot
from fenxiao_matcher.core.state import State
from fenxiao_schemas.policy import Matching

STEP_NODES = 500
"""So many faces or profiles are made at a time."""
_NOBODY = CreatorFacts()


class View:
    """What is derived from a state under a policy, and nothing that is not.

    Attributes:
        offered: Products that lists may show.
        standings: What a product scores with anyone.
        kinds: The number of a product's category in `kind_prefixes`.
        goods: Offered products by category, ranked by what they score with anyone.
        people: Creators by category, ranked by popularity.
        inviting: Products that ask for creators.
    """

    def __init__(self, state: State, matching: Matching, snapshot: Snapshot) -> None:
        self.state = state
        self.matching = matching
        self.snapshot = snapshot
        self.faces: dict[str, Face] = {}
        self.profiles: dict[str, Profile] = {}
        self.offered: Flags = np.zeros(len(snapshot.products), np.bool_)
        self.standings: Ints = np.zeros(len(snapshot.products), np.int64)
        self.kinds: Ints = np.zeros(len(snapshot.products), np.int64)
        self.kind_prefixes: list[tuple[str, ...]] = []
        self._kind_numbers: dict[str, int] = {}
        self.goods = Pools(state.graph.products)
        self.people = Pools(state.graph.creators)
        self.inviting: set[str] = set()

    def fill(self) -> Iterator[None]:
        """Derive everything from the state, a step at a time."""
        for number, one in enumerate(list(self.state.products)):
            self._set_face(one, self.make_face(one))
            if number % STEP_NODES == 0:
                yield
        creators = self.state.graph.creators.ids[: len(self.snapshot.creators)]
        for number, one in enumerate(creators):
            profile = self.make_profile(one)
            if profile is not None:
                self.profiles[one] = profile
            if number % STEP_NODES == 0:
                yield
        goods: dict[str, list[tuple[int, str]]] = {}
        for one, face in self.faces.items():
            for key in goods_keys(face):
                goods.setdefault(key, []).append((self.standing_of(one), one))
        yield
        people: dict[str, list[tuple[int, str]]] = {}
        for one, profile in self.profiles.items():
            for key in people_keys(profile):
                people.setdefault(key, []).append((profile.popularity, one))
        yield
        self.goods.fill(goods)
        self.people.fill(people)

    def renew(self, snapshot: Snapshot) -> None:
        """Read this snapshot from now on; faces and profiles of nodes that are touched are still to be put."""
        self.snapshot = snapshot
        missing = len(snapshot.products) - len(self.offered)
        self.offered = np.pad(self.offered, (0, missing))
        self.standings = np.pad(self.standings, (0, missing))
        self.kinds = np.pad(self.kinds, (0, missing))

    def put_face(self, one: str, face: Face) -> set[str]:
        """Set a product's face; returns the goods pools whose readers may see it."""
        old = self.faces.get(one)
        self._set_face(one, face)
        return self.goods.move(one, goods_keys(old), goods_keys(face), self.standing_of(one))

    def put_profile(self, one: str, profile: Profile | None) -> set[str]:
        """Set a creator's profile, or forget the creator; returns the people pools whose readers may see it."""
        old = self.profiles.pop(one, None)
        if profile is not None:
            self.profiles[one] = profile
        popularity = profile.popularity if profile else 0
        return self.people.move(one, people_keys(old), people_keys(profile), popularity)

    def make_face(self, one: str) -> Face:
        """A product's face, from the state."""
        number = self.state.graph.products.number(one)
        net_minor = int(self.snapshot.products.net_minor[number]) if number < len(self.snapshot.products) else 0
        return face_of(self.state.products[one], net_minor)

    def make_profile(self, one: str) -> Profile | None:
        """A creator's profile, from the state; None: it is not registered and sells nothing (any more)."""
        facts = self.state.creators.get(one)
        creators, number = self.snapshot.creators, self.state.graph.creators.number(one)
        near = creators.near_of(number)
        if not len(near):
            return None if facts is None else profile_declared(facts)
        known = zip(self.state.graph.products.told(near), creators.shares_of(number).tolist(), strict=True)
        return profile_by_sales(facts or _NOBODY, self._categories(known), int(creators.net_minor[number]))

    def invites(self, face: Face) -> bool:
        """Whether a product with this face invites creators."""
        return face.offered and face.tier >= self.matching.invite_tier_min

    def standing_of(self, one: str) -> int:
        """What a product scores with anyone."""
        return int(self.standings[self.state.graph.products.number(one)])

    def _categories(self, sold: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
        products = self.state.products
        for one, share in sold:
            facts = products.get(one)
            if facts is not None and facts.registered:
                yield facts.category, share

    def _set_face(self, one: str, face: Face) -> None:
        number = self.state.graph.products.number(one)
        if number >= len(self.offered):
            # Heard of since the snapshot: it is touched, and has its turn with the next one.
            return
        self.faces[one] = face
        self.offered[number] = face.offered
        self.standings[number] = standing(self.matching, face)
        kind = self._kind_numbers.setdefault(face.category, len(self.kind_prefixes))
        if kind == len(self.kind_prefixes):
            self.kind_prefixes.append(face.prefixes)
        self.kinds[number] = kind
        if self.invites(face):
            self.inviting.add(one)
        else:
            self.inviting.discard(one)


def goods_keys(face: Face | None) -> tuple[str, ...]:
    """The pools that a product with this face is in."""
    return (EVERYTHING, *face.prefixes) if face is not None and face.offered else ()


def people_keys(profile: Profile | None) -> tuple[str, ...]:
    """The pools that a creator with this profile is in."""
    if profile is None:
        return ()
    return tuple({EVERYTHING, *(prefix for path in profile.paths for prefix in prefixes_of(path))})
