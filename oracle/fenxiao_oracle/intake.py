"""Reads one partition's events, by the table of section 2 of the norm. `columns` makes a `Log` of what it took.

Events are taken one at a time and not kept. What breaks the log's rules is a `LogError`.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from fenxiao_oracle.columns import Taken
from fenxiao_oracle.log import COUNTERS, NONE, Control, Log, LogError
from fenxiao_oracle.paths import Paths
from fenxiao_schemas.events import (
    AnyEvent,
    AuthorityChanged,
    Barrier,
    CalendarStarted,
    DayClosed,
    DeliveryRecorded,
    ListingChanged,
    PlanChanged,
    PriceChanged,
    ProductRegistered,
    RefundRecorded,
    ReviewRecorded,
    SaleCorrected,
    SaleRecorded,
    ShipmentRecorded,
    ViewsRecorded,
    ViolationRecorded,
)

_CELL_OF: Final = {
    counter: (table, cell) for table, counters in COUNTERS.items() for cell, counter in enumerate(counters)
}


class LogReader:
    """Takes the events of partition `number`, one by one, and makes the `Log` of them."""

    def __init__(self, number: int, partitions: int, paths: Paths) -> None:
        self._number, self._partitions, self._paths = number, partitions, paths
        self._seq = self._open_day = 0
        self._taken = Taken()
        self._facts, self._values = self._taken.facts, self._taken.values
        self._handlers: dict[type, Callable[[Any, int], None]] = {
            CalendarStarted: self._start,
            Barrier: self._barrier,
            DayClosed: self._close,
            ProductRegistered: self._registered,
            AuthorityChanged: self._authority,
            PriceChanged: self._price,
            ListingChanged: self._listing,
            ViolationRecorded: self._violation,
            PlanChanged: self._plan,
            ViewsRecorded: self._views,
            SaleRecorded: self._sale,
            SaleCorrected: self._corrected,
            RefundRecorded: self._refund,
            ShipmentRecorded: self._shipped,
            DeliveryRecorded: self._delivered,
            ReviewRecorded: self._reviewed,
        }

    def read(self, events: Iterable[AnyEvent]) -> Log:
        """Take all events; raises `LogError`."""
        for event in events:
            self._take(event)
        return self._taken.build()

    def _take(self, event: AnyEvent) -> None:
        if event.seq != self._seq + 1:
            raise self._error(f"seq {event.seq} follows {self._seq}")
        if (event.seq == 1) != isinstance(event, CalendarStarted):
            raise self._error(f"seq {event.seq}: the calendar starts at seq 1 and nowhere else")
        self._seq = event.seq
        product = self._product(event)
        self._taken.touched.add((product,))
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event, product)

    def _error(self, text: str) -> LogError:
        return LogError(f"events, partition {self._number}: {text}")

    def _product(self, event: AnyEvent) -> int:
        product_id = getattr(event, "product_id", None)
        if product_id is None:
            return -1
        products = self._taken.products
        product = products.get(product_id, -1)
        if product >= 0:
            return product
        if not isinstance(event, ProductRegistered):
            raise self._error(f"seq {event.seq} is about {product_id!r}, a product that does not exist")
        self._taken.born.append(event.seq)
        products[product_id] = len(products)
        return products[product_id]

    def _start(self, event: CalendarStarted, _product: int) -> None:
        if event.partitions != self._partitions:
            raise self._error(f"the calendar names {event.partitions} partitions, there are {self._partitions}")
        self._open_day = self._taken.first_day = event.first_day
        self._taken.first_policy = event.policy_version

    # What each event adds

    def _barrier(self, event: Barrier, _product: int) -> None:
        self._taken.controls.append(Control(seq=event.seq, closes=False, day=self._open_day))

    def _close(self, event: DayClosed, _product: int) -> None:
        if event.day != self._open_day:
            raise self._error(f"seq {event.seq} closes day {event.day}, but {self._open_day} is open")
        closed = Control(seq=event.seq, closes=True, day=event.day, next_policy=event.next_policy_version)
        self._taken.controls.append(closed)
        self._open_day += 1

    def _registered(self, event: ProductRegistered, product: int) -> None:
        self._values["category"].add((event.seq, product, self._paths.number(event.category)))
        self._values["price"].add((event.seq, product, event.price_minor))
        self._authority(event, product)

    def _authority(self, event: ProductRegistered | AuthorityChanged, product: int) -> None:
        until = NONE if event.authority_until_day is None else event.authority_until_day
        self._values["authority"].add((event.seq, product, event.authority, until, event.authority_fallback))

    def _price(self, event: PriceChanged, product: int) -> None:
        self._values["price"].add((event.seq, product, event.price_minor))

    def _listing(self, event: ListingChanged, product: int) -> None:
        self._values["listing"].add((event.seq, product, event.listed, event.held))

    def _violation(self, event: ViolationRecorded, product: int) -> None:
        minor = NONE if event.minor_day is None else event.minor_day
        serious = NONE if event.serious_day is None else event.serious_day
        self._values["violations"].add((event.seq, product, minor, serious))

    def _plan(self, event: PlanChanged, product: int) -> None:
        rate = NONE if event.open_commission_bps is None else event.open_commission_bps
        self._values["plan"].add((event.seq, product, rate))

    def _views(self, event: ViewsRecorded, product: int) -> None:
        self._count(event.seq, product, event.day, "views", event.views - event.previous_views)

    def _sale(self, event: SaleRecorded, product: int) -> None:
        seq, day = event.seq, event.order_day
        if event.repeat is not None:
            self._count(seq, product, day, "known", 1)
        if event.repeat:
            self._count(seq, product, day, "repeats", 1)
        self._count(seq, product, day, "orders", 1)
        self._count(seq, product, day, "net_orders", 1)
        self._count(seq, product, event.due_day, "due", 1)
        self._paid(seq, product, day, event.unit_price_minor, event.quantity)
        if event.creator_id is not None:
            self._count(seq, product, day, "net_minor", event.paid_minor)
            self._pair(seq, product, day, event.creator_id, 1)

    def _refund(self, event: RefundRecorded, product: int) -> None:
        seq, day, creator = event.seq, event.order_day, event.creator_id
        if event.cancels_line:
            self._count(seq, product, day, "orders", -1)
        if event.closes_line:
            self._count(seq, product, day, "net_orders", -1)
        if event.unships_line:
            self._count(seq, product, event.due_day, "due", -1)
        if event.quality_return:
            self._count(seq, product, day, "quality_returns", 1)
        if event.fault != "unknown":
            self._count(seq, product, day, "explained_refunds", 1)
        self._paid(seq, product, day, event.unit_price_minor, -event.quantity)
        if creator is not None:
            self._count(seq, product, day, "net_minor", -event.amount_minor)
            self._pair(seq, product, day, creator, -event.closes_line)

    def _corrected(self, event: SaleCorrected, product: int) -> None:
        seq, day = event.seq, event.order_day
        self._paid(seq, product, day, event.old_unit_price_minor, -event.old_net_quantity)
        self._paid(seq, product, day, event.unit_price_minor, event.net_quantity)
        if event.old_creator_id is not None:
            self._count(seq, product, day, "net_minor", -event.old_net_minor)
            self._pair(seq, product, day, event.old_creator_id, -(event.old_net_quantity > 0))
        if event.creator_id is not None:
            self._count(seq, product, day, "net_minor", event.net_minor)
            self._pair(seq, product, day, event.creator_id, event.net_quantity > 0)

    def _shipped(self, event: ShipmentRecorded, product: int) -> None:
        self._count(event.seq, product, event.due_day, "shipped", 1)
        if event.on_time:
            self._count(event.seq, product, event.due_day, "on_time", 1)

    def _delivered(self, event: DeliveryRecorded, product: int) -> None:
        self._count(event.seq, product, event.order_day, "delivered", 1)

    def _reviewed(self, event: ReviewRecorded, product: int) -> None:
        self._count(event.seq, product, event.order_day, "reviews", 1)
        if event.stars <= 2:
            self._count(event.seq, product, event.order_day, "bad_reviews", 1)

    def _count(self, seq: int, product: int, day: int, counter: str, amount: int) -> None:
        table, cell = _CELL_OF[counter]
        self._facts[table].add((seq, product, day, cell, amount))

    def _pair(self, seq: int, product: int, day: int, creator: str, amount: int) -> None:
        cell = self._taken.pairs.setdefault((product, creator), len(self._taken.pairs))
        self._facts["pairs"].add((seq, product, day, cell, amount))

    def _paid(self, seq: int, product: int, day: int, price: int, quantity: int) -> None:
        cell = self._taken.prices.setdefault((product, price), len(self._taken.prices))
        self._facts["paid"].add((seq, product, day, cell, quantity))
