"""What a report shows, as plain data: `sources` fills it in, `page` renders it, tests make it up."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from fenxiao_schemas.matches import Invitations, Recommendations
from fenxiao_schemas.tiers import Tier

TIERS = range(6)
TOP_OF_TIER = (0, 2, 2, 3, 4, 6)
"""How many products of L0 to L5 a table of the best shows: the gap to the next tier tells most below the top."""
RADAR_TIERS = (5, 3, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierChange:
    """A product's tier moved on a business day."""

    product_id: str
    day: int
    tier: int
    previous_tier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How many products went from one tier on one day to another tier on a later one."""

    from_day: int
    from_tier: int
    to_day: int
    to_tier: int
    products: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """Everything that a report shows; what a source lacks stays empty.

    Attributes:
        source: Where the commands came from, in words.
        changes: Every change of tier, per product in the order of its revisions.
        tiers: The current message of each product.
        titles: By product id.
        creators: Names by creator id.
        outcomes: How many commands had each status.
        refusals: How many were refused, by reason.
        l5_floors_bps: What L5 asks of each force, in the order of `FORCES`.
        notes: Further lines for the header, such as what verify found.
    """

    source: str = ""
    changes: Sequence[TierChange] = ()
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    creators: Mapping[str, str] = field(default_factory=dict)
    recommendations: Sequence[Recommendations] = ()
    invitations: Sequence[Invitations] = ()
    outcomes: Mapping[str, int] = field(default_factory=dict)
    refusals: Mapping[str, int] = field(default_factory=dict)
    l5_floors_bps: tuple[int, ...] = ()
    notes: Sequence[str] = ()

    def title(self, product_id: str) -> str:
        """The product's title, or its id where no title is known."""
        return self.titles.get(product_id) or product_id

    def creator(self, creator_id: str) -> str:
        """The creator's name, or its id."""
        return self.creators.get(creator_id) or creator_id

    def tier_counts(self) -> list[int]:
        """How many products are in L0 to L5 now."""
        counts = Counter(tier.tier for tier in self.tiers.values())
        return [counts[tier] for tier in TIERS]

    def has_flows(self) -> bool:
        """Whether the period has more than one day, so that something can have moved."""
        return len({change.day for change in self.changes}) > 1

    def ranked(self) -> list[Tier]:
        """All products, the best first: by tier, then by score."""
        return sorted(self.tiers.values(), key=lambda tier: (-tier.tier, -tier.score_bps, tier.product_id))

    def top(self) -> list[Tier]:
        """The best products of each tier, the best tier first."""
        best: list[Tier] = []
        for number in reversed(TIERS):
            of_tier = (tier for tier in self.ranked() if tier.tier == number)
            best += islice(of_tier, TOP_OF_TIER[number])
        return best

    def examples(self) -> list[Tier]:
        """A product each for high, middle and low: of L5, L3 and L2, or of the nearest tiers with rated products.

        The best of the high and middle ones, the worst of the low ones.
        """
        chosen: list[Tier] = []
        for wanted in RADAR_TIERS:
            rest = [tier for tier in self.ranked() if tier not in chosen]
            rest = rest if wanted > min(RADAR_TIERS) else rest[::-1]
            chosen += sorted(rest, key=lambda tier: (tier.evidence != "rated", abs(tier.tier - wanted)))[:1]
        return chosen
