"""The state of one partition: its calendar, its products, their counters, and the curves and policy in force."""

import numpy as np

from fenxiao_schemas.policy import Policy
from fenxiao_schemas.tiers import Rights
from fenxiao_scorer.core.arrays import AnyArray, Ints
from fenxiao_scorer.core.categories import Categories
from fenxiao_scorer.core.cells import Pairs, Prices
from fenxiao_scorer.core.curves import Curves
from fenxiao_scorer.core.errors import CalendarError
from fenxiao_scorer.core.lookup import Lookup
from fenxiao_scorer.core.products import Products
from fenxiao_scorer.core.windows import Counters, first_kept_day, spans

type RightsKey = tuple[int, int, str | None, bool, bool]


def rights_key(rights: Rights) -> RightsKey:
    """What makes two grants the same."""
    return (
        rights.traffic_public_bps,
        rights.traffic_private_bps,
        rights.label,
        rights.subsidy_eligible,
        rights.priority_matching,
    )


class Interner(dict[str | None, int]):
    """Numbers for creators as they come; None is -1."""

    def __init__(self) -> None:
        super().__init__({None: -1})

    def __missing__(self, name: str | None) -> int:
        """A creator's first appearance."""
        number = self[name] = len(self) - 1
        return number


class ScorerState:
    """One partition of the scorer, after some prefix of its events.

    Attributes:
        partition: Its number, which no result depends on.
        first_day: The calendar's first day; None before `CalendarStarted`.
        open_day: T of the norm; None before `CalendarStarted`.
        dispatch_day: c of the norm.
        policy: The policy in force.
        last_event_seq: The `seq` of the last event folded.
        tier_seq: The `seq` of the last tier message.
        curves_day: The day of the curves in force.
        rights: Every grant ever in force, by its number; 0 is what everybody has.
        featured_rights: The number of what the policy grants at L5.
    """

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.first_day: int | None = None
        self.open_day: int | None = None
        self.dispatch_day = 0
        self.policy: Policy | None = None
        self.last_event_seq = 0
        self.tier_seq = 0
        self.curves_day: int | None = None
        self.curves: Curves | None = None
        self.rights: list[RightsKey] = [rights_key(Rights())]
        self.featured_rights = 0
        self.products = Products()
        self.categories = Categories()
        self.creators = Interner()
        self.counters = Counters()
        self.pairs = Pairs()
        self.prices = Prices()
        self.touched: list[Ints | list[int]] = []
        self.supplied_curves: dict[int, Curves] = {}
        self.supplied_policies: dict[int, Policy] = {}
        self._lookup: Lookup | None = None

    @classmethod
    def empty(cls, partition: int) -> "ScorerState":
        """Before the first event."""
        return cls(partition)

    @property
    def closed_day(self) -> int | None:
        """The last day that closed; the day before the first one as long as none did."""
        return None if self.open_day is None else self.open_day - 1

    def in_force(self) -> tuple[int, Policy]:
        """The open day and the policy; raises `CalendarError` before `CalendarStarted`."""
        if self.open_day is None or self.policy is None:
            raise CalendarError("the first record of a partition must be CalendarStarted")
        return self.open_day, self.policy

    def grow(self) -> None:
        """Make room for every product's counters."""
        count = self.products.count
        self.counters.grow(count)
        self.pairs.grow(count)
        self.prices.grow(count)

    def move_windows(self) -> None:
        """Let every running sum be that of the day, the dispatch day and the policy now in force."""
        open_day, policy = self.in_force()
        new = spans(policy, open_day, self.dispatch_day)
        self.counters.move(new)
        self.pairs.move(new["sales"])
        self.prices.move(new["sales"])

    def settle(self) -> None:
        """Sort all amounts into their days."""
        self.counters.settle()
        self.pairs.ledger.settle()
        self.prices.ledger.settle()

    def drop_old_days(self) -> None:
        """Forget the days that nothing will look at again."""
        kept = first_kept_day(self.in_force()[0])
        self.counters.drop_before(kept)
        self.pairs.drop_before(kept)
        self.prices.drop_before(kept)

    def set_curves(self, day: int, curves: Curves | None) -> None:
        """Let the curves of `day` be in force; older ones that were supplied are of no use any more."""
        self.curves_day, self.curves, self._lookup = day, curves, None
        self.supplied_curves = {known: kept for known, kept in self.supplied_curves.items() if known > day}

    def set_policy(self, policy: Policy) -> None:
        """Let a policy be in force."""
        self.policy, self._lookup = policy, None
        key = rights_key(Rights(**{name: getattr(policy.l5_rights, name) for name in Rights.__struct_fields__}))
        if key not in self.rights:
            self.rights.append(key)
        self.featured_rights = self.rights.index(key)

    def lookup(self) -> Lookup:
        """The curves as the policy and the categories now want them looked up."""
        if self._lookup is None or self._lookup.nodes != len(self.categories.paths):
            self._lookup = Lookup(self.curves, self.in_force()[1], self.categories)
        return self._lookup

    def take_touched(self) -> Ints:
        """The slots touched since the last time, each once."""
        touched, self.touched = self.touched, []
        if not touched:
            return np.zeros(0, np.int64)
        flags: AnyArray = np.zeros(self.products.count, np.bool_)
        for slots in touched:
            flags[slots] = True
        return np.flatnonzero(flags)
