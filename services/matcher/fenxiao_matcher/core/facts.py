"""What is known of products and creators beside their sales, and what of it a list can see. `state` keeps them.

A `Face` or a `Profile` is all that other lists can see of a product or a creator: while it stays the same, nothing that was
ranked with it need be ranked again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

POINTS_MAX = 10_000
"""Every part of a score is points of 0 to this, times its weight."""
COMMISSION_FULL_BPS = 5_000
"""A commission of a half or more has full points."""
_LEVELS_MAX = 4 * 40
"""Of popularity: quarter octaves of decayed net sales, up to 10^12 minor units."""
PROFILE_PATHS_MAX = 5
_SHARE_STEP = 500
"""Shares of a profile are rounded down to this, so that one sale among hundreds does not make a new profile."""


@dataclass(slots=True)
class ProductFacts:
    """The latest that the events say of a product. Not known at all until it is registered."""

    merchant_id: str = ""
    category: str = ""
    registered: bool = False
    admitted: bool = False
    commission_bps: int = 0
    tier: int = 0
    tier_revision: int = 0


@dataclass(slots=True)
class CreatorFacts:
    """The latest that the events say of a creator. One may sell before it is registered."""

    followers: int = 0
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Face:
    """A product as lists see it.

    Attributes:
        offered: It is registered, listed, not held, and its tier is 1 or above.
        prefixes: Its category and those above it, the widest first.
        popularity: In points.
    """

    offered: bool
    tier: int
    merchant_id: str
    category: str
    prefixes: tuple[str, ...]
    commission_bps: int
    popularity: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A creator as lists see it.

    Attributes:
        shares: What part of its sales lies in each category and below, in points.
        whole: Categories in which everything is its own: those it declared, as long as it has no sales.
        paths: Where to look for goods for it, the largest share first.
        popularity: In points.
    """

    shares: dict[str, int] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    popularity: int = 0

    def points(self, prefixes: tuple[str, ...]) -> int:
        """How much a product with these categories is its kind: the mean over the levels of the product's category."""
        if not prefixes:
            return 0
        total = 0
        for number, prefix in enumerate(prefixes):
            if prefix in self.whole:
                return (total + POINTS_MAX * (len(prefixes) - number)) // len(prefixes)
            total += self.shares.get(prefix, 0)
        return total // len(prefixes)


def prefixes_of(category: str) -> tuple[str, ...]:
    """`a/b/c` -> (`a`, `a/b`, `a/b/c`)."""
    parts = category.split("/") if category else []
    return tuple("/".join(parts[: number + 1]) for number in range(len(parts)))


def face_of(facts: ProductFacts, net_minor: int) -> Face:
    """The face of a product with these decayed net sales."""
    return Face(
        offered=facts.registered and facts.admitted and facts.tier >= 1,
        tier=facts.tier,
        merchant_id=facts.merchant_id,
        category=facts.category,
        prefixes=prefixes_of(facts.category),
        commission_bps=facts.commission_bps,
        popularity=level_points(net_minor),
    )


def profile_by_sales(facts: CreatorFacts, sold: Iterable[tuple[str, int]], net_minor: int) -> Profile:
    """The profile of a creator from (category, strength) of what it sells; `net_minor` are its decayed net sales."""
    leaves: dict[str, int] = {}
    for category, strength in sold:
        leaves[category] = leaves.get(category, 0) + strength
    total = sum(leaves.values())
    sums: dict[str, int] = {}
    for category, strength in leaves.items():
        for prefix in prefixes_of(category):
            sums[prefix] = sums.get(prefix, 0) + strength
    shares = {prefix: _rounded(value, total) for prefix, value in sums.items()}
    known = [leaf for leaf in leaves if leaf]
    paths = sorted(known, key=lambda path: (-shares[path], path))[:PROFILE_PATHS_MAX]
    popularity = level_points(max(net_minor, facts.followers))
    return Profile({p: s for p, s in shares.items() if s}, frozenset(), tuple(paths), popularity)


def profile_declared(facts: CreatorFacts) -> Profile:
    """The profile of a creator without sales: what it says of itself. A follower counts as a minor unit of sales."""
    above = {prefix: POINTS_MAX for path in facts.categories for prefix in prefixes_of(path)}
    paths = tuple(sorted(set(facts.categories)))[:PROFILE_PATHS_MAX]
    return Profile(above, frozenset(facts.categories), paths, level_points(facts.followers))


def level_points(amount: int) -> int:
    """A quantity of any size as points, by its logarithm in quarter octaves, so that small changes change nothing."""
    if amount <= 0:
        return 0
    bits = amount.bit_length()
    quarter = (amount << 2 >> (bits - 1)) & 3
    return min(4 * (bits - 1) + quarter + 1, _LEVELS_MAX) * POINTS_MAX // _LEVELS_MAX


def _rounded(value: int, total: int) -> int:
    return value * POINTS_MAX // total // _SHARE_STEP * _SHARE_STEP
