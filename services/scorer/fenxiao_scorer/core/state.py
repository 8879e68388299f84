"""The state of one partition: its calendar, its products, their counters, and the curves and policy in force."""

import numpy as np

from fenxiao_schemas.policy import Policy
from fenxiao_schemas.tiers import Rights
from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.assess import Sight
from fenxiao_scorer.core.book import AMOUNTS_PER_EVENT, CELLS_PER_EVENT, Books
from fenxiao_scorer.core.categories import Categories
from fenxiao_scorer.core.cells import Cells
from fenxiao_scorer.core.curves import Curves
from fenxiao_scorer.core.errors import CalendarError
from fenxiao_scorer.core.lookup import Lookup, lookup_of
from fenxiao_scorer.core.products import Products
from fenxiao_scorer.core.rules import Rules, rules_of
from fenxiao_scorer.core.texts import Texts
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
        self.creators = Texts()
        self.counters = Counters()
        self.pairs = Cells(are_prices=False)
        self.prices = Cells(are_prices=True)
        self.supplied_curves: dict[int, Curves] = {}
        self.supplied_policies: dict[int, Policy] = {}
        self._lookup: Lookup | None = None
        self._rules: Rules | None = None

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

    def books(self, events: int, products: int, text: int) -> Books:
        """All that events change, with room for so many of them.

        Args:
            events: How many come.
            products: How many of them may bring a product.
            text: How many bytes their bodies have, which bounds those of new ids.
        """
        self.products.reserve(products, text)
        self.categories.texts.reserve(products, text)
        self.creators.reserve(CELLS_PER_EVENT * events, text)
        self.counters.reserve(len(self.products.facts), AMOUNTS_PER_EVENT * events)
        self.pairs.reserve(CELLS_PER_EVENT * events)
        self.prices.reserve(CELLS_PER_EVENT * events)
        return Books(
            self.products.table,
            self.categories.texts.table,
            self.creators.table,
            self.counters.table,
            self.pairs.table,
            self.prices.table,
        )

    def move_windows(self) -> None:
        """Let every running sum be that of the day, the dispatch day and the policy now in force."""
        open_day, policy = self.in_force()
        new = spans(policy, open_day, self.dispatch_day)
        self.counters.move(new)
        self.pairs.move(self.products.facts, new["sales"])
        self.prices.move(self.products.facts, new["sales"])

    def settle(self) -> None:
        """Sort all amounts into their days."""
        self.counters.settle()
        self.pairs.ledger.settle()
        self.prices.ledger.settle()

    def drop_old_days(self) -> None:
        """Forget the days that nothing will look at again."""
        kept = first_kept_day(self.in_force()[0])
        self.counters.drop_before(kept)
        self.pairs.drop_before(self.products.facts, kept)
        self.prices.drop_before(self.products.facts, kept)

    def set_curves(self, day: int, curves: Curves | None) -> None:
        """Let the curves of `day` be in force; older ones that were supplied are of no use any more."""
        self.curves_day, self.curves, self._lookup = day, curves, None
        self.supplied_curves = {known: kept for known, kept in self.supplied_curves.items() if known > day}

    def set_policy(self, policy: Policy) -> None:
        """Let a policy be in force."""
        self.policy, self._lookup, self._rules = policy, None, rules_of(policy)
        key = rights_key(Rights(**{name: getattr(policy.l5_rights, name) for name in Rights.__struct_fields__}))
        if key not in self.rights:
            self.rights.append(key)
        self.featured_rights = self.rights.index(key)

    def sight(self) -> Sight:
        """What assessments look at now."""
        open_day, policy = self.in_force()
        if self.categories.learn() or self._lookup is None:
            self._lookup = lookup_of(self.curves, policy, self.categories)
        if self._rules is None:
            self._rules = rules_of(policy)
        scratch = np.empty((2, self.prices.longest), np.int64)
        facts, totals, prices = self.products.facts, self.counters.totals, self.prices.table
        return Sight(facts, totals, prices, scratch, self._lookup, self._rules, open_day)

    def take_touched(self) -> Ints:
        """The slots touched since the last time, each once, in rising order."""
        return self.products.take_touched()
