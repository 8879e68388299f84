"""The part of the catalog that one batch can touch: gathered before the fold, changed by it, written after it.

`keys` says what to gather for a batch; a `World` holds it, and remembers what changed and what is to be published.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import Struct

from fenxiao_catalog.core.rows import (
    AUTHORISED,
    ENTERPRISE,
    FLAGSHIP,
    INDIVIDUAL,
    Authorisation,
    Creator,
    DayViews,
    Merchant,
    OrderLine,
    ParkedCommand,
    Plan,
    Product,
)
from fenxiao_schemas.codec import encode
from fenxiao_schemas.dead_letters import DeadLetter
from fenxiao_schemas.events import Event
from fenxiao_schemas.outcomes import Outcome

EVENTS, OUTCOMES, DEAD_LETTERS = 0, 1, 2
"""Indices of the output topics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What was fixed at install, and the catalog's own limits."""

    partitions: int
    first_day: int
    utc_offset_minutes: int
    currency: str
    policy_version: int
    algorithm_version: int
    repeat_window_days: int
    orphan_days: int
    parked_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRow:
    """A decided day: it closes in this partition at `close_offset`."""

    day: int
    close_offset: int
    next_policy_version: int
    next_algorithm_version: int


class Published(Struct, gc=False):
    """One message to publish, in order."""

    topic: int
    seq: int
    key: bytes
    value: bytes


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where a partition's calendar stands; one row."""

    partition: int
    closed_day: int
    parked: int = 0


@dataclass(slots=True, kw_only=True)
class World:
    """See the module. Dicts hold what was gathered (plans: by product), sets and lists name what is new or has changed."""

    deployment: Deployment
    progress: Progress
    seqs: list[int]
    buyer_hashes: Callable[[str], list[bytes]]
    commands: dict[str, str] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    lines: dict[str, OrderLine] = field(default_factory=dict)
    plans: dict[str, dict[str, Plan]] = field(default_factory=dict)
    views: dict[tuple[str, int], DayViews] = field(default_factory=dict)
    natural_keys: set[tuple[str, str]] = field(default_factory=set)
    merchants: dict[str, Merchant] = field(default_factory=dict)
    authorisations: dict[tuple[str, str], Authorisation] = field(default_factory=dict)
    creators: dict[str, Creator] = field(default_factory=dict)
    purchases: dict[tuple[bytes, str], int] = field(default_factory=dict)
    parked: dict[str, list[ParkedCommand]] = field(default_factory=dict)
    expired: list[ParkedCommand] = field(default_factory=list)

    published: list[Published] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    fan_out: list[Merchant | Authorisation] = field(default_factory=list)
    new_commands: dict[str, str] = field(default_factory=dict)
    forgotten_commands: set[str] = field(default_factory=set)
    new_natural_keys: list[tuple[str, str]] = field(default_factory=list)
    new_parked: list[ParkedCommand] = field(default_factory=list)
    unparked: list[ParkedCommand] = field(default_factory=list)
    dirty_products: set[str] = field(default_factory=set)
    new_lines: list[str] = field(default_factory=list)
    flagged_lines: set[str] = field(default_factory=set)
    corrected_lines: set[str] = field(default_factory=set)
    dirty_plans: set[tuple[str, str]] = field(default_factory=set)
    new_views: list[tuple[str, int]] = field(default_factory=list)
    revised_views: set[tuple[str, int]] = field(default_factory=set)
    dirty_merchants: set[str] = field(default_factory=set)
    dirty_authorisations: set[tuple[str, str]] = field(default_factory=set)
    dirty_creators: set[str] = field(default_factory=set)
    dirty_purchases: dict[tuple[bytes, str], int] = field(default_factory=dict)
    unbarred_events: int = 0

    @property
    def partition(self) -> int:
        """Whose world it is."""
        return self.progress.partition

    @property
    def open_day(self) -> int:
        """The day that is open in this partition."""
        return self.progress.closed_day + 1

    def next_seq(self, topic: int) -> int:
        """The `seq` that the next message of an output topic has."""
        return self.seqs[topic] + 1

    def emit(self, key: str, event: Event) -> None:
        """Publish an event; its `seq` must come from `next_seq(EVENTS)`."""
        self.seqs[EVENTS] = event.seq
        self.published.append(Published(EVENTS, event.seq, key.encode(), encode(event)))
        self.unbarred_events += 1

    def tell(self, key: bytes, outcome: Outcome) -> None:
        """Publish an outcome."""
        self.seqs[OUTCOMES] = outcome.seq
        self.published.append(Published(OUTCOMES, outcome.seq, key, encode(outcome)))

    def bury(self, key: bytes, letter: DeadLetter) -> None:
        """Publish a dead letter."""
        self.seqs[DEAD_LETTERS] = letter.seq
        self.published.append(Published(DEAD_LETTERS, letter.seq, key, encode(letter)))

    def knows(self, natural_key: tuple[str, str]) -> bool:
        """Whether a third party's own id was seen; it is from now on."""
        if natural_key in self.natural_keys:
            return True
        self.natural_keys.add(natural_key)
        self.new_natural_keys.append(natural_key)
        return False

    def authority_of(self, merchant_id: str, brand_id: str | None) -> tuple[int, int | None, int]:
        """The authority triple (level, until day, fallback) of a merchant for a brand."""
        merchant = self.merchants.get(merchant_id)
        fallback = ENTERPRISE if merchant is not None and merchant.kind == "enterprise" else INDIVIDUAL
        granted = self.authorisations.get((merchant_id, brand_id)) if brand_id is not None else None
        if granted is None:
            return fallback, None, fallback
        level = FLAGSHIP if granted.level == "flagship" else AUTHORISED
        return level, granted.until_day, fallback
