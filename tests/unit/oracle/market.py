"""A small synthetic market, seeded: what the catalog would write for it, so every counter is one that can occur.

Order lines are kept in a list, as the catalog keeps them, so that refunds, corrections and shipments fit their sales.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from fenxiao_schemas import events as ev

FIRST_DAY = 20_000
CATEGORIES = ("home", "home/kitchen", "home/kitchen/knives", "home/kitchen/pots", "home/bath", "food", "food/tea")


@dataclass
class Line:
    """An order line as the catalog knows it."""

    product: str
    number: int
    day: int
    due: int
    quantity: int
    net_minor: int
    unit: int
    creator: str | None
    shipped: bool = False
    delivered: bool = False
    reviewed: bool = False
    returned: bool = False


@dataclass
class Market:
    """One partition's share of a market.

    Attributes:
        sizes: Roughly how many events of order lines a day, and between two barriers.
    """

    seed: int
    partition: int = 0
    partitions: int = 1
    products: int = 12
    creators: int = 6
    days: int = 5
    events_a_day: int = 40
    barrier_every: int = 15
    policy_versions: tuple[int, ...] = (1,)
    sales_share: float = 0.5
    keep: int = 400
    lines: list[Line] = field(default_factory=list)

    def events(self) -> Iterator[ev.AnyEvent]:
        """All events of the partition, numbered."""
        for seq, (kind, fields) in enumerate(self._records(), start=1):
            yield kind(seq=seq, **fields)

    def _records(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        self.random = random.Random(f"{self.seed}/{self.partition}")
        self.day = FIRST_DAY
        self.ids = [f"p{self.partition}-{n:04d}" for n in range(self.products)]
        self.random.shuffle(self.ids)
        self.known: list[str] = []
        self.views: dict[tuple[str, int], int] = {}
        self.weights = list(accumulate(1 / (1 + n) ** 0.7 for n in range(self.products)))
        versions = self.policy_versions
        yield ev.CalendarStarted, {
            "first_day": self.day, "policy_version": versions[0], "algorithm_version": 1, "utc_offset_minutes": 480,
            "currency": "CNY", "partitions": self.partitions,
        }  # fmt: skip
        for product in self.ids[: max(1, self.products * 3 // 4)]:
            yield from self._register(product)
        for number in range(self.days):
            for count in range(self.random.randrange(self.events_a_day // 2, self.events_a_day * 3 // 2 + 1)):
                yield from self._something()
                if count % self.barrier_every == self.barrier_every - 1:
                    yield ev.Barrier, {}
            following = versions[(number + 1) % len(versions)]
            yield ev.DayClosed, {"day": self.day, "next_policy_version": following, "next_algorithm_version": 1}
            self.day += 1
        yield from self._something()
        yield ev.Barrier, {}

    def _register(self, product: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        if product not in self.known:
            self.known.append(product)
        yield ev.ProductRegistered, {
            "product_id": product, "merchant_id": "m", "category": self.random.choice(CATEGORIES), "title": "t",
            "price_minor": self.random.randrange(500, 20_000), **self._authority(),
        }  # fmt: skip
        if self.random.random() < 0.9:
            yield ev.ListingChanged, {"product_id": product, "listed": True, "held": False}
        if self.random.random() < 0.7:
            yield from self._plan(product)

    def _authority(self) -> dict[str, Any]:
        until = self.random.choice((None, self.day + 1, self.day + 3))
        return {"authority": self.random.randrange(1, 5), "authority_until_day": until, "authority_fallback": 1}

    def _plan(self, product: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        rate = self.random.choice((None, 0, 500, 1_000, 2_000, 3_000))
        yield ev.PlanChanged, {
            "product_id": product, "plan_id": "n", "kind": "open", "commission_bps": rate or 0, "open_commission_bps": rate,
        }  # fmt: skip

    def _something(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        share = self.random.random()
        if share < self.sales_share or not self.lines:
            yield from self._sale()
        elif share < 0.97:
            line = self.lines[-1 - int(self.random.random() ** 2 * len(self.lines))]
            action = self.random.choice(
                (self._refund, self._ship, self._ship, self._deliver, self._review, self._correct)
            )
            yield from action(line)
        else:
            yield from self._about_product(self.random.choice(self.ids))

    def _about_product(self, product: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        if product not in self.known:
            yield from self._register(product)
            return
        which = self.random.randrange(7)
        if which == 0:
            yield ev.PriceChanged, {"product_id": product, "price_minor": self.random.randrange(500, 20_000)}
        elif which == 1:
            listed, held = self.random.random() < 0.8, self.random.random() < 0.2
            yield ev.ListingChanged, {"product_id": product, "listed": listed, "held": held}
        elif which == 2:
            day, minor = self.day - self.random.randrange(3), self.random.random() < 0.7
            yield ev.ViolationRecorded, {
                "product_id": product, "violation_id": "v", "severity": "minor" if minor else "serious",
                "minor_day": day if minor else None, "serious_day": None if minor else day,
            }  # fmt: skip
        elif which == 3:
            yield from self._plan(product)
        elif which == 4:
            yield ev.AuthorityChanged, {"product_id": product, **self._authority()}
        elif which == 5:
            yield from self._register(product)
        else:
            yield from self._views(product)
            yield ev.CreatorRegistered, {"creator_id": "c", "name": "n"}

    def _views(self, product: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        day = self.day - self.random.randrange(2)
        views, before = self.random.randrange(2_000), self.views.get((product, day), 0)
        self.views[product, day] = views
        yield ev.ViewsRecorded, {"product_id": product, "day": day, "views": views, "previous_views": before}

    def _sale(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        product = self.random.choices(self.ids, cum_weights=self.weights)[0]
        if product not in self.known:
            yield from self._register(product)
        quantity, number = self.random.randrange(1, 4), self.random.getrandbits(40)
        unit = self.random.choice((0, 700, 900, 1_100, 5_000)) + self.random.randrange(3)
        day = self.day + self.random.choice((0,) * 8 + (1, -1))
        creator = self.random.choice([None, *(f"c{n}" for n in range(self.creators))])
        line = Line(product, number, day, day + self.random.randrange(4), quantity, quantity * unit, unit, creator)
        self.lines.append(line)
        del self.lines[: -self.keep]
        yield ev.SaleRecorded, {
            **self._of(line), "order_id": f"o{number}", "at_ms": 0, "due_day": line.due, "quantity": quantity,
            "paid_minor": line.net_minor, "unit_price_minor": unit, "creator_id": creator,
            "repeat": self.random.choice((None, True, False, False)),
        }  # fmt: skip

    def _of(self, line: Line) -> dict[str, Any]:
        return {"product_id": line.product, "order_line_id": f"l{line.number}", "order_day": line.day}

    def _refund(self, line: Line) -> Iterator[tuple[Any, dict[str, Any]]]:
        quantity = self.random.randrange(line.quantity + 1)
        amount = self.random.randrange(line.net_minor + 1)
        fault = self.random.choice(("seller", "buyer", "none", "unknown"))
        closes = quantity > 0 and quantity == line.quantity
        cancels = closes and not line.delivered and fault != "seller"
        quality = quantity > 0 and fault == "seller" and not line.returned
        line.quantity, line.net_minor, line.returned = line.quantity - quantity, line.net_minor - amount, quality
        yield ev.RefundRecorded, {
            **self._of(line), "refund_id": "r", "due_day": line.due, "quantity": quantity, "amount_minor": amount,
            "unit_price_minor": line.unit, "fault": fault, "creator_id": line.creator, "closes_line": closes,
            "cancels_line": cancels, "unships_line": cancels and not line.shipped, "quality_return": quality,
        }  # fmt: skip
        if cancels:
            self.lines.remove(line)

    def _correct(self, line: Line) -> Iterator[tuple[Any, dict[str, Any]]]:
        if not line.quantity:
            return
        old = line.quantity, line.net_minor, line.unit, line.creator
        line.quantity = self.random.randrange(1, 4)
        line.net_minor = self.random.randrange(5_000)
        line.unit = line.net_minor // line.quantity
        line.creator = self.random.choice([None, *(f"c{n}" for n in range(self.creators))])
        yield ev.SaleCorrected, {
            **self._of(line), "old_net_quantity": old[0], "old_net_minor": old[1], "old_unit_price_minor": old[2],
            "old_creator_id": old[3], "net_quantity": line.quantity, "net_minor": line.net_minor,
            "unit_price_minor": line.unit, "creator_id": line.creator,
        }  # fmt: skip

    def _ship(self, line: Line) -> Iterator[tuple[Any, dict[str, Any]]]:
        if not line.shipped:
            line.shipped = True
            yield ev.ShipmentRecorded, {**self._of(line), "due_day": line.due, "on_time": self.day <= line.due}

    def _deliver(self, line: Line) -> Iterator[tuple[Any, dict[str, Any]]]:
        if not line.delivered:
            line.delivered = True
            yield ev.DeliveryRecorded, self._of(line)

    def _review(self, line: Line) -> Iterator[tuple[Any, dict[str, Any]]]:
        if not line.reviewed:
            line.reviewed = True
            yield ev.ReviewRecorded, {**self._of(line), "stars": self.random.randrange(1, 6)}
