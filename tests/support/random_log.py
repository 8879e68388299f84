"""A valid events topic out of a seed: all types of events, several partitions, late and future days, changes of policy.

    log = random_log(seed=7)
    log.partitions[0]   # the events of partition 0, `seq` gapless from 1, starting with CalendarStarted
    log.policies[1]     # the policy that they name as version 1

`Writer` is a catalog in miniature: it keeps order lines so that refunds, corrections and the rest are consistent with their
sale. It is used by the scorer's own tests and by the comparison with the oracle.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from fenxiao_schemas import events as ev
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.policy import Policy
from support.random_policy import random_policy

FAULTS = ("seller", "buyer", "carrier", "none", "unknown")
CATEGORIES = ("home", "home/kitchen", "home/kitchen/knives", "home/kitchen/pans", "food", "food/tea/green/spring")
PRICES = (0, 1, 99, 100, 101, 5_000, 123_456, 10**12)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How large a log is and how wild."""

    partitions: int = 3
    products: int = 24
    creators: int = 6
    days: int = 12
    actions_per_day: int = 60
    barrier_share: float = 0.08
    idle_days_max: int = 4
    policies: int = 4
    window_days_max: int = 8
    first_day: int = 20_000


@dataclass(frozen=True)
class RandomLog:
    """The events of every partition, and the policies they name."""

    shape: Shape
    partitions: list[list[AnyEvent]]
    policies: dict[int, Policy]


@dataclass
class Line:
    """An order line as the catalog knows it."""

    product_id: str
    line_id: str
    order_day: int
    due_day: int
    quantity: int
    paid: int
    creator: str | None
    returned: int = 0
    refunded: int = 0
    shipped: bool = False
    delivered: bool = False
    reviewed: bool = False
    quality_returned: bool = False

    @property
    def unit(self) -> int:
        """The unit price paid."""
        return self.paid // self.quantity


@dataclass
class Writer:
    """Writes events, each to its product's partition."""

    random: Random
    shape: Shape
    day: int
    partitions: list[list[AnyEvent]]
    products: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    views: dict[tuple[str, int], int] = field(default_factory=dict)
    numbers: int = 0

    def to(self, partition: int, kind: Callable[..., Any], /, **fields: Any) -> None:
        events = self.partitions[partition]
        events.append(kind(seq=len(events) + 1, **fields))

    def to_all(self, kind: Callable[..., Any], /, **fields: Any) -> None:
        for partition in range(len(self.partitions)):
            self.to(partition, kind, **fields)

    def of(self, product_id: str, kind: Callable[..., Any], /, **fields: Any) -> None:
        partition = partition_of(product_id.encode(), len(self.partitions))
        self.to(partition, kind, product_id=product_id, **fields)

    def fresh(self, prefix: str) -> str:
        self.numbers += 1
        return f"{prefix}{self.numbers}"

    def some_day(self) -> int:
        """Mostly the open day; also the next ones, recent ones, the edges of what is kept, and long gone ones."""
        back = self.random.choice([0, 0, 0, 0, 0, -1, -2, 1, 1, 2, 3, 5, 9, 118, 119, 120, 121, 300])
        return self.day - back

    def amount(self) -> int:
        return self.random.choice(PRICES) if self.random.random() < 0.3 else self.random.randint(1, 20_000)

    def creator(self) -> str | None:
        return self.random.choice([None, *(f"c{i}" for i in range(self.shape.creators))])

    def authority(self) -> dict[str, Any]:
        until = self.random.choice([None, self.day - 1, self.day, self.day + 2])
        levels = {"authority": self.random.randint(1, 4), "authority_fallback": self.random.randint(1, 2)}
        return levels | {"authority_until_day": until}

    def register(self) -> None:
        if not self.products or (len(self.products) < self.shape.products and self.random.random() < 0.7):
            self.products.append(self.random.choice(["p", "P", "p:", "0"]) + self.fresh("."))
            product_id = self.products[-1]
        else:
            product_id = self.random.choice(self.products)
        facts = {"merchant_id": "m", "category": self.random.choice(CATEGORIES), "title": "牌子"}
        self.of(product_id, ev.ProductRegistered, price_minor=max(1, self.amount()), **facts, **self.authority())
        if self.random.random() < 0.9:
            self.of(product_id, ev.ListingChanged, listed=True, held=False)

    def change_facts(self) -> None:
        product_id, random = self.random.choice(self.products), self.random
        match random.randint(0, 3):
            case 0:
                self.of(product_id, ev.AuthorityChanged, **self.authority())
            case 1:
                self.of(product_id, ev.PriceChanged, price_minor=max(1, self.amount()))
            case 2:
                self.of(product_id, ev.ListingChanged, listed=random.random() < 0.8, held=random.random() < 0.2)
            case _:
                self.plan(product_id)

    def plan(self, product_id: str) -> None:
        best = self.random.choice([None, 0, 100, 2_000, 9_000])
        self.of(
            product_id, ev.PlanChanged, plan_id="x", kind="open", commission_bps=best or 0, open_commission_bps=best
        )

    def violate(self) -> None:
        product_id, random = self.random.choice(self.products), self.random
        days = [None, self.day, self.day + 1, self.day - 1, self.day - random.randint(0, 15)]
        minor, serious = random.choice(days), random.choice([None, *days])
        self.of(
            product_id,
            ev.ViolationRecorded,
            violation_id=self.fresh("v"),
            severity=random.choice(["minor", "serious"]),
            minor_day=minor,
            serious_day=serious,
        )

    def view(self) -> None:
        key = (self.random.choice(self.products), self.some_day())
        known, now = self.views.get(key, 0), self.random.choice([0, 1, 7, 40, 900, 10**10])
        self.views[key] = now
        self.of(key[0], ev.ViewsRecorded, day=key[1], views=now, previous_views=known)

    def sell(self) -> None:
        product_id, order_day = self.random.choice(self.products[: 1 + len(self.products) // 2]), self.some_day()
        quantity = self.random.choice([1, 1, 1, 2, 5, 1_000_000])
        due_day = order_day + self.random.choice([0, 1, 2, 2, 30])
        line = Line(product_id, self.fresh("l"), order_day, due_day, quantity, self.amount(), self.creator())
        self.lines.append(line)
        self.of(
            product_id,
            ev.SaleRecorded,
            order_id="o",
            order_line_id=line.line_id,
            at_ms=0,
            order_day=order_day,
            due_day=line.due_day,
            quantity=quantity,
            paid_minor=line.paid,
            unit_price_minor=line.unit,
            creator_id=line.creator,
            repeat=self.random.choice([None, True, False]),
        )

    def refund(self, line: Line) -> None:
        left = line.quantity - line.returned
        quantity = self.random.choice([0, left, left, self.random.randint(0, left)])
        amount = self.random.choice([line.paid - line.refunded, self.random.randint(0, line.paid - line.refunded)])
        fault, closes = self.random.choice(FAULTS), 0 < left == quantity
        quality = fault == "seller" and quantity > 0 and not line.quality_returned
        line.returned, line.refunded = line.returned + quantity, line.refunded + amount
        line.quality_returned |= quality
        self.of(
            line.product_id,
            ev.RefundRecorded,
            order_line_id=line.line_id,
            refund_id=self.fresh("r"),
            order_day=line.order_day,
            due_day=line.due_day,
            quantity=quantity,
            amount_minor=amount,
            unit_price_minor=line.unit,
            fault=fault,
            creator_id=line.creator,
            closes_line=closes,
            cancels_line=closes and not line.delivered and fault != "seller",
            unships_line=closes and not line.shipped,
            quality_return=quality,
        )

    def correct(self, line: Line) -> None:
        old = {"old_net_quantity": line.quantity - line.returned, "old_net_minor": line.paid - line.refunded}
        old |= {"old_unit_price_minor": line.unit}
        before = line.creator
        if line.quantity > line.returned:
            line.quantity = line.returned + self.random.randint(1, 5)
        line.paid, line.creator = min(10**12, line.refunded + self.amount() % 50_000), self.creator()
        self.of(
            line.product_id,
            ev.SaleCorrected,
            order_line_id=line.line_id,
            order_day=line.order_day,
            **old,
            net_quantity=line.quantity - line.returned,
            net_minor=line.paid - line.refunded,
            unit_price_minor=line.unit,
            old_creator_id=before,
            creator_id=line.creator,
        )

    def progress(self, line: Line) -> None:
        """The next thing that happens to a line: shipped, delivered, reviewed."""
        facts: dict[str, Any] = {"order_line_id": line.line_id, "order_day": line.order_day}
        if not line.shipped:
            line.shipped = True
            on_time = self.random.random() < 0.8
            self.of(line.product_id, ev.ShipmentRecorded, **facts, due_day=line.due_day, on_time=on_time)
        elif not line.delivered:
            line.delivered = True
            self.of(line.product_id, ev.DeliveryRecorded, **facts)
        elif not line.reviewed:
            line.reviewed = True
            stars = self.random.choice([1, 2, 3, 4, 5, 5, 5])
            self.of(line.product_id, ev.ReviewRecorded, **facts, stars=stars, creator_id=line.creator)

    def people(self) -> None:
        self.to_all(ev.MerchantRegistered, merchant_id="m", name="商", kind="enterprise")
        self.to_all(ev.CreatorRegistered, creator_id="c0", name="达人", categories=("home",))
        self.to_all(ev.BrandAuthorised, merchant_id="m", brand_id="b", level="flagship")

    def act(self) -> None:
        """One thing that happens, and perhaps a barrier after it."""
        roll, random = self.random.random(), self.random
        line = random.choice(self.lines) if self.lines else None
        if not self.products or roll < 0.06:
            self.register()
        elif roll < 0.12:
            self.change_facts()
        elif roll < 0.14:
            self.violate()
        elif roll < 0.15:
            self.people()
        elif roll < 0.22:
            self.view()
        elif line is None or roll < 0.55:
            self.sell()
        elif roll < 0.62:
            self.refund(line)
        elif roll < 0.67:
            self.correct(line)
        else:
            self.progress(line)
        if random.random() < self.shape.barrier_share:
            self.to(random.randrange(len(self.partitions)), ev.Barrier)


def random_log(seed: int, shape: Shape | None = None) -> RandomLog:
    """A log from a seed; the same seed and shape give the same log."""
    shape, random = shape or Shape(), Random(seed)
    policies = {v: random_policy(random, v, shape.window_days_max) for v in range(1, shape.policies + 1)}
    writer = Writer(random, shape, shape.first_day, [[] for _ in range(shape.partitions)])
    version = 1
    calendar = {"first_day": shape.first_day, "policy_version": 1, "algorithm_version": 1}
    writer.to_all(ev.CalendarStarted, **calendar, utc_offset_minutes=480, currency="CNY", partitions=shape.partitions)
    for _ in range(shape.days):
        for _ in range(shape.actions_per_day):
            writer.act()
        for _ in range(1 + random.randint(0, shape.idle_days_max) * (random.random() < 0.3)):
            version = random.choice(list(policies)) if random.random() < 0.2 else version
            writer.to_all(ev.DayClosed, day=writer.day, next_policy_version=version, next_algorithm_version=1)
            writer.day += 1
    for _ in range(shape.actions_per_day // 2):
        writer.act()
    writer.to_all(ev.Barrier)
    return RandomLog(shape, writer.partitions, policies)
