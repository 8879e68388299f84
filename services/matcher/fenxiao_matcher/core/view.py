"""The folded state as rankings read it: faces, profiles and pools as of the open day. `settle` keeps it current."""

from fenxiao_matcher.core.facts import (
    CreatorFacts,
    Face,
    Profile,
    face_of,
    prefixes_of,
    profile_by_sales,
    profile_declared,
)
from fenxiao_matcher.core.graph import Graph
from fenxiao_matcher.core.pools import EVERYTHING, Pools
from fenxiao_matcher.core.score import standing
from fenxiao_matcher.core.state import State
from fenxiao_schemas.policy import Matching

_NOBODY = CreatorFacts()


class View:
    """What is derived from a state under a policy, and nothing that is not.

    Attributes:
        goods: Offered products by category, ranked by what they score with anyone.
        people: Creators by category, ranked by popularity.
        inviting: Products that ask for creators.
    """

    def __init__(self, state: State, matching: Matching) -> None:
        self.state = state
        self.matching = matching
        self.faces: dict[str, Face] = {}
        self.standings: dict[str, int] = {}
        self.profiles: dict[str, Profile] = {}
        self.goods = Pools()
        self.people = Pools()
        self.inviting: set[str] = set()

    @property
    def graph(self) -> Graph:
        """The state's."""
        return self.state.graph

    def rebuild(self, open_day: int) -> None:
        """Derive everything anew, as of this day."""
        self.graph.open_day(open_day, self.matching.half_life_days)
        self.faces = {one: self.make_face(one) for one in list(self.state.products)}
        self.standings = {one: standing(self.matching, face) for one, face in self.faces.items()}
        self.inviting = {one for one, face in self.faces.items() if self.invites(face)}
        creators = self.state.creators.keys() | self.graph.creators.edges.keys()
        made = ((one, self.make_profile(one)) for one in creators)
        self.profiles = {one: profile for one, profile in made if profile is not None}
        goods: dict[str, list[tuple[int, str]]] = {}
        for one, face in self.faces.items():
            for key in goods_keys(face):
                goods.setdefault(key, []).append((self.standings[one], one))
        people: dict[str, list[tuple[int, str]]] = {}
        for one, profile in self.profiles.items():
            for key in people_keys(profile):
                people.setdefault(key, []).append((profile.popularity, one))
        self.goods.fill(goods)
        self.people.fill(people)

    def put_face(self, one: str, face: Face) -> set[str]:
        """Set a product's face; returns the goods pools whose readers may see it."""
        old = self.faces.get(one)
        self.faces[one] = face
        self.standings[one] = standing(self.matching, face)
        if self.invites(face):
            self.inviting.add(one)
        else:
            self.inviting.discard(one)
        return self.goods.move(one, goods_keys(old), goods_keys(face), self.standings[one])

    def put_profile(self, one: str, profile: Profile | None) -> set[str]:
        """Set a creator's profile, or forget the creator; returns the people pools whose readers may see it."""
        old = self.profiles.pop(one, None)
        if profile is not None:
            self.profiles[one] = profile
        popularity = profile.popularity if profile else 0
        return self.people.move(one, people_keys(old), people_keys(profile), popularity)

    def make_face(self, one: str) -> Face:
        """A product's face, from the state."""
        return face_of(self.state.products[one], self.graph.node(self.graph.products, one).net_minor)

    def make_profile(self, one: str) -> Profile | None:
        """A creator's profile, from the state; None: it is not registered and sells nothing (any more)."""
        facts = self.state.creators.get(one)
        node = self.graph.node(self.graph.creators, one)
        if not node.neighbours:
            return None if facts is None else profile_declared(facts)
        known = ((self.state.products.get(other), strength) for other, strength in node.neighbours)
        sold = [(product.category, strength) for product, strength in known if product and product.registered]
        return profile_by_sales(facts or _NOBODY, sold, node.net_minor)

    def invites(self, face: Face) -> bool:
        """Whether a product with this face invites creators."""
        return face.offered and face.tier >= self.matching.invite_tier_min


def goods_keys(face: Face | None) -> tuple[str, ...]:
    """The pools that a product with this face is in."""
    return (EVERYTHING, *face.prefixes) if face is not None and face.offered else ()


def people_keys(profile: Profile | None) -> tuple[str, ...]:
    """The pools that a creator with this profile is in."""
    if profile is None:
        return ()
    return tuple({EVERYTHING, *(prefix for path in profile.paths for prefix in prefixes_of(path))})
