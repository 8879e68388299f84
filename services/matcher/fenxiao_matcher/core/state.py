"""The folded logs: the graph, the facts and the calendar, and what was touched since `settle` last looked.

All that is kept is sums and last values per aggregate, so records of different partitions may be folded in any order.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fenxiao_matcher.core.days import Calendar
from fenxiao_matcher.core.facts import CreatorFacts, ProductFacts
from fenxiao_matcher.core.graph import Graph
from fenxiao_schemas.events import (
    AnyEvent,
    CalendarStarted,
    CreatorRegistered,
    DayClosed,
    ListingChanged,
    PlanChanged,
    ProductRegistered,
    RefundRecorded,
    SaleCorrected,
    SaleRecorded,
)
from fenxiao_schemas.tiers import Tier


@dataclass(slots=True)
class Touched:
    """What the fold touched; pairs with sales are in the graph's ledger.

    Attributes:
        product_facts: Products of which something beside sales changed.
        creator_facts: The same of creators.
    """

    product_facts: set[str] = field(default_factory=set)
    creator_facts: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.product_facts) + len(self.creator_facts)


class State:
    """What the logs of `partitions` partitions say.

    Attributes:
        touched: What changed since `take_touched`.
        gone: Products that were delisted or held since `take_gone`: nobody may wait for those.
    """

    def __init__(self, partitions: int) -> None:
        self.graph = Graph()
        self.products: dict[str, ProductFacts] = defaultdict(ProductFacts)
        self.creators: dict[str, CreatorFacts] = defaultdict(CreatorFacts)
        self.calendar = Calendar(partitions)
        self.touched = Touched()
        self.gone: set[str] = set()
        # Types that are not here say nothing about who should sell what.
        self._folds: dict[type, Callable[[Any], None]] = {
            SaleRecorded: self._sale,
            RefundRecorded: self._refund,
            SaleCorrected: self._correction,
            ProductRegistered: self._product,
            ListingChanged: self._listing,
            PlanChanged: self._plan,
            CreatorRegistered: self._creator,
        }

    def take_touched(self) -> Touched:
        """What was touched since the last call."""
        taken, self.touched = self.touched, Touched()
        return taken

    def take_gone(self) -> set[str]:
        """What was delisted or held since the last call."""
        taken, self.gone = self.gone, set()
        return taken

    def fold_events(self, partition: int, events: Iterable[AnyEvent]) -> None:
        """Fold events of one partition, in order."""
        folds = self._folds
        for event in events:
            fold = folds.get(type(event))
            if fold is not None:
                fold(event)
            elif isinstance(event, DayClosed):
                self.calendar.close(partition, event)
            elif isinstance(event, CalendarStarted):
                self.calendar.start(partition, event)

    def fold_tiers(self, tiers: Iterable[Tier]) -> None:
        """Fold tier messages: the highest revision of a product counts, in whatever order they come."""
        for tier in tiers:
            facts = self.products[tier.product_id]
            if tier.revision > facts.tier_revision:
                facts.tier_revision = tier.revision
                facts.tier = tier.tier
                self._touch(tier.product_id)

    def _sale(self, event: SaleRecorded) -> None:
        if event.creator_id is not None:
            self.graph.add(event.creator_id, event.product_id, event.order_day, event.paid_minor)

    def _refund(self, event: RefundRecorded) -> None:
        if event.creator_id is not None:
            self.graph.add(event.creator_id, event.product_id, event.order_day, -event.amount_minor)

    def _correction(self, event: SaleCorrected) -> None:
        if event.old_creator_id is not None:
            self.graph.add(event.old_creator_id, event.product_id, event.order_day, -event.old_net_minor)
        if event.creator_id is not None:
            self.graph.add(event.creator_id, event.product_id, event.order_day, event.net_minor)

    def _product(self, event: ProductRegistered) -> None:
        facts = self.products[event.product_id]
        facts.registered = True
        facts.merchant_id = event.merchant_id
        facts.category = event.category
        self._touch(event.product_id)

    def _listing(self, event: ListingChanged) -> None:
        admitted = self.products[event.product_id].admitted = event.listed and not event.held
        if not admitted:
            self.gone.add(event.product_id)
        self._touch(event.product_id)

    def _plan(self, event: PlanChanged) -> None:
        self.products[event.product_id].commission_bps = event.open_commission_bps or 0
        self._touch(event.product_id)

    def _touch(self, product_id: str) -> None:
        self.graph.products.number(product_id)
        self.touched.product_facts.add(product_id)

    def _creator(self, event: CreatorRegistered) -> None:
        facts = self.creators[event.creator_id]
        facts.followers = event.followers
        facts.categories = event.categories
        self.graph.creators.number(event.creator_id)
        self.touched.creator_facts.add(event.creator_id)
