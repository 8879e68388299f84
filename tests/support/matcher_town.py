"""A small town of creators and products, as the logs of the catalog and the scorer would tell of it."""

from collections import defaultdict
from typing import Any

from msgspec.structs import replace

from fenxiao_matcher.core.book import Book
from fenxiao_matcher.core.ledger import PRODUCT_BITS, weigh
from fenxiao_matcher.core.lists import Entries, ListKey, Row, rows_of
from fenxiao_matcher.core.matcher import Matcher
from fenxiao_matcher.core.settle import all_keys
from fenxiao_schemas import events as ev
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.policy import Matching, default_policy
from fenxiao_schemas.tiers import INDICATORS, Forces, Indicator, Rights, Tier

FIRST_DAY = 20_000
POLICY = default_policy().matching
Logged = tuple[int, ev.AnyEvent | Tier]


def matching(**changes: int) -> Matching:
    """The default policy's table with other numbers."""
    return replace(POLICY, **changes)


class Town:
    """Writes events and tiers, each with the next `seq` of its partition, into `log`."""

    def __init__(self, partitions: int = 2) -> None:
        self.partitions = partitions
        self.log: list[Logged] = []
        self._seqs: dict[tuple[type, int], int] = defaultdict(int)
        self._revisions: dict[str, int] = defaultdict(int)
        self._lines = 0
        for partition in range(partitions):
            self._put(
                partition,
                ev.CalendarStarted,
                first_day=FIRST_DAY,
                policy_version=1,
                algorithm_version=1,
                utc_offset_minutes=480,
                currency="CNY",
                partitions=partitions,
            )

    def events(self, partition: int) -> list[ev.AnyEvent]:
        """The events of one partition."""
        return [message for p, message in self.log if p == partition and not isinstance(message, Tier)]

    def product(self, one: str, category: str = "home/kitchen", merchant: str = "M1", tier: int = 3) -> None:
        """Register, list and grade a product."""
        self.event(
            one,
            ev.ProductRegistered,
            product_id=one,
            merchant_id=merchant,
            category=category,
            title=f"product {one}",
            price_minor=9_900,
        )
        self.listing(one)
        self.tier(one, tier)

    def listing(self, one: str, *, listed: bool = True, held: bool = False) -> None:
        """List, delist, hold or release."""
        self.event(one, ev.ListingChanged, product_id=one, listed=listed, held=held)

    def plan(self, one: str, commission_bps: int) -> None:
        """Set its open plan."""
        self.event(
            one,
            ev.PlanChanged,
            product_id=one,
            plan_id="plan",
            kind="open",
            commission_bps=commission_bps,
            open_commission_bps=commission_bps,
        )

    def tier(self, one: str, tier: int) -> None:
        """Grade it."""
        self._revisions[one] += 1
        self._put(
            self._home(one),
            Tier,
            product_id=one,
            revision=self._revisions[one],
            prev_digest="",
            day=FIRST_DAY,
            cause="barrier",
            as_of_seq=1,
            policy_version=1,
            algorithm_version=1,
            tier=tier,
            previous_tier=0,
            score_bps=5_000,
            evidence="rated",
            forces=Forces(brand=0, price=0, distribution=0, service=0, sales=0),
            indicators=tuple(Indicator(name=name, value=None, points_bps=0, evidence=0) for name in INDICATORS),
            rights=Rights(),
            gap=None,
        )

    def creator(self, one: str, *categories: str, followers: int = 0) -> None:
        """Register a creator."""
        self.event(one, ev.CreatorRegistered, creator_id=one, name=one, followers=followers, categories=categories)

    def sale(self, creator: str, one: str, net_minor: int = 10_000, day: int = FIRST_DAY) -> None:
        """A creator sells a product."""
        self._lines += 1
        self.event(
            one,
            ev.SaleRecorded,
            product_id=one,
            order_id=f"o{self._lines}",
            order_line_id=f"l{self._lines}",
            at_ms=0,
            order_day=day,
            due_day=day + 2,
            quantity=1,
            paid_minor=net_minor,
            unit_price_minor=net_minor,
            creator_id=creator,
        )

    def refund(self, creator: str, one: str, amount_minor: int = 10_000, day: int = FIRST_DAY) -> None:
        """It goes back."""
        self._lines += 1
        self.event(
            one,
            ev.RefundRecorded,
            product_id=one,
            order_line_id=f"l{self._lines}",
            refund_id=f"r{self._lines}",
            order_day=day,
            due_day=day + 2,
            quantity=1,
            amount_minor=amount_minor,
            unit_price_minor=amount_minor,
            fault="none",
            creator_id=creator,
        )

    def correction(self, old: str, new: str, one: str, net_minor: int = 10_000, day: int = FIRST_DAY) -> None:
        """A line was another creator's."""
        self.event(
            one,
            ev.SaleCorrected,
            product_id=one,
            order_line_id="l1",
            order_day=day,
            old_net_quantity=1,
            old_net_minor=net_minor,
            old_unit_price_minor=net_minor,
            net_quantity=1,
            net_minor=net_minor,
            unit_price_minor=net_minor,
            old_creator_id=old,
            creator_id=new,
        )

    def close(self, day: int) -> None:
        """Close a day in every partition."""
        for partition in range(self.partitions):
            self._put(partition, ev.DayClosed, day=day, next_policy_version=1, next_algorithm_version=1)

    def event(self, key: str, event_type: type[Any], /, **fields: Any) -> None:
        """Any event."""
        self._put(self._home(key), event_type, **fields)

    def _home(self, key: str) -> int:
        return partition_of(key.encode(), self.partitions)

    def _put(self, partition: int, message_type: type[Any], /, **fields: Any) -> None:
        topic = Tier if message_type is Tier else ev.Event
        self._seqs[topic, partition] += 1
        self.log.append((partition, message_type(seq=self._seqs[topic, partition], **fields)))


def fold(matcher: Matcher, log: list[Logged]) -> None:
    """Fold a part of a log."""
    for partition, message in log:
        if isinstance(message, Tier):
            matcher.fold_tiers([message])
        else:
            matcher.fold_events(partition, [message])


def settle(matcher: Matcher, policy: Matching = POLICY) -> None:
    """Look at all that is folded."""
    wanted = matcher.policy_wanted
    if wanted is not None:
        matcher.use_policy(wanted, policy)
    for _ in matcher.settle():
        pass


def publish(matcher: Matcher, limit: int, *, urgent: bool = False) -> None:
    """One round."""
    for change in matcher.changes(limit, urgent=urgent):
        matcher.published(change)
        published = matcher.book.get(change.key)
        assert published is not None
        assert published.sound


def drain(matcher: Matcher, policy: Matching = POLICY, limit: int = 3) -> None:
    """Publish until nothing is left to look at."""
    while matcher.pending:
        settle(matcher, policy)
        publish(matcher, limit)


def weight(matcher: Matcher, creator: str, product: str) -> int:
    """The decayed net sales of a pair."""
    graph, view = matcher.state.graph, matcher._view
    assert view is not None
    packed, net, _ = graph.ledger.take()
    open_day = matcher.state.calendar.open_day
    assert open_day is not None
    pairs, weights = weigh(packed, net, open_day, view.matching.half_life_days)
    found = dict(zip(pairs.tolist(), weights.tolist(), strict=True))
    return int(found.get(graph.creators.number(creator) << PRODUCT_BITS | graph.products.number(product), 0))


def matcher_of(town: Town, policy: Matching = POLICY) -> Matcher:
    """A matcher that has read the whole town and published."""
    matcher = Matcher(town.partitions)
    fold(matcher, town.log)
    drain(matcher, policy)
    return matcher


def goods(matcher: Matcher, creator: str) -> list[str]:
    """The ids of a creator's list."""
    return [row[0] for row in rows_of(matcher.rank(("recommendations", creator)))]


def people(matcher: Matcher, product: str) -> list[str]:
    """The ids of a product's list."""
    return [row[0] for row in rows_of(matcher.rank(("invitations", product)))]


def all_lists(matcher: Matcher) -> dict[ListKey, Entries]:
    """Every list that is not empty, ranked now."""
    assert matcher._view is not None
    ranked = {key: matcher.rank(key) for key in set(all_keys(matcher._view, Book()))}
    return {key: entries for key, entries in ranked.items() if entries}


def shown(matcher: Matcher) -> dict[ListKey, tuple[Row, ...]]:
    """Every published list that is not withdrawn."""
    found = {key: matcher.book.get(key) for key in matcher.book}
    return {key: published.rows for key, published in found.items() if published is not None and published.rows}
