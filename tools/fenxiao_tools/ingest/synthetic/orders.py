"""A day's sales in the synthetic market, and what follows from each: dispatch, delivery, review, return, correction."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from fenxiao_schemas.commands import (
    CorrectSale,
    Fault,
    RecordDelivery,
    RecordRefund,
    RecordReview,
    RecordSale,
    RecordShipment,
)
from fenxiao_tools.ingest.items import DAY_MS
from fenxiao_tools.ingest.synthetic.campaigns import EARLY_MS
from fenxiao_tools.ingest.synthetic.schedule import Schedule
from fenxiao_tools.ingest.synthetic.world import CURRENCY, HOUR_MS, Product, World, at

ORDERS_PER_PRODUCT_AND_DAY = 0.85
FESTIVAL = 2.5
"""How much more is bought on the one festival day, at seven tenths of the run."""
PAST_BUYERS_MAX = 400


@dataclass(frozen=True, slots=True)
class Line:
    """A sale that was made."""

    product: Product
    sale: RecordSale
    quality: float


class Orders:
    """Makes the sales of a day."""

    def __init__(self, rng: Random, world: World, schedule: Schedule) -> None:
        self._rng, self._world, self._schedule = rng, world, schedule
        self._number = 0
        self._festival = world.size.first_day + world.size.days * 7 // 10

    def count(self, day: int) -> int:
        """How many orders a day has."""
        usual = self._world.size.products * ORDERS_PER_PRODUCT_AND_DAY * self._world.size.activity
        weekly = 1.15 if day % 7 in {2, 3} else 0.94
        return max(1, int(usual * weekly * (FESTIVAL if day == self._festival else 1.0)))

    def make(self, day: int) -> list[float]:
        """Plan the day's sales and their consequences.

        Returns:
            How many sales each product could expect, for `views`.
        """
        products = self._world.products
        weights = [product.demand_on(day) for product in products]
        total, count = sum(weights), self.count(day)
        if not total:
            return weights
        for product in self._rng.choices(products, weights, k=count):
            self._follow(self.sell(product, day, self._buyer(product, day), self._creator(product)))
        return [count * weight / total for weight in weights]

    def _buyer(self, product: Product, day: int) -> str:
        """A good product's buyers come back."""
        rng, past = self._rng, product.past_buyers
        if past and rng.random() < 0.04 + 0.3 * product.quality_on(day) ** 2:
            return past[int(rng.random() * len(past))]
        buyer = f"b{int(self._world.buyers * rng.random()):07d}"
        if len(past) < PAST_BUYERS_MAX:
            past.append(buyer)
        return buyer

    def _creator(self, product: Product) -> str | None:
        if self._rng.random() < 0.22:
            return None  # found without a creator
        return self._rng.choices(product.promoters, product.promoter_weights)[0]

    def sell(self, product: Product, day: int, buyer: str, creator: str | None, ms: float | None = None) -> Line:
        """Plan one sale, at `ms` after midnight or whenever people buy."""
        rng = self._rng
        self._number += 1
        quantity = 1 if rng.random() < 0.86 else rng.randint(2, 4)
        tricked = product.trick_day is not None and day >= product.trick_day
        discount = 38 if tricked else rng.randint(3, 10) if rng.random() < 0.2 else 0
        order = f"o{self._number:08d}"
        sale = RecordSale(
            command_id=self._schedule.next_id(),
            at_ms=at(day, max(2 * EARLY_MS, rng.triangular(0, DAY_MS - 1, 20 * HOUR_MS)) if ms is None else ms),
            product_id=product.product_id,
            order_id=order,
            order_line_id=f"{order}-1",
            quantity=quantity,
            paid_minor=product.price_on(day) * quantity * (100 - discount) // 100,
            currency=CURRENCY,
            creator_id=creator,
            buyer_id=buyer,
            promise_hours=24 if product.merchant.quality > 0.8 else 48,
        )
        self._schedule.put(sale)
        return Line(product, sale, product.quality_on(day))

    def _follow(self, line: Line) -> None:
        """What becomes of an honest sale."""
        rng, quality = self._rng, line.quality
        if rng.random() < 0.015 + 0.03 * (1 - quality) ** 2:
            self.refund(line, rng.uniform(0.1, 6) * HOUR_MS, rng.choice(("none", "seller", "buyer")))
            return
        shipped_ms = self.ship(line)
        if rng.random() < 0.006:
            self.refund(line, shipped_ms + rng.uniform(6, 12) * DAY_MS, "carrier")
            return
        delivered_ms = self.deliver(line, shipped_ms)
        self._judge(line, delivered_ms)

    def ship(self, line: Line) -> float:
        """Plan the dispatch; late, if the seller is bad. Returns how long after the order."""
        rng, promise_ms = self._rng, line.sale.promise_hours * HOUR_MS
        slackness = 1 - 0.5 * (line.product.merchant.quality + line.quality)
        late = rng.random() < 0.01 + 0.5 * slackness**2
        after_ms = promise_ms * (rng.uniform(1.05, 2.5) if late else rng.uniform(0.1, 0.95))
        self._put(line, after_ms, RecordShipment)
        return after_ms

    def deliver(self, line: Line, shipped_ms: float) -> float:
        """Plan the arrival. Returns how long after the order."""
        after_ms = shipped_ms + self._rng.uniform(0.8, 4.5) * DAY_MS
        self._put(line, after_ms, RecordDelivery)
        return after_ms

    def _judge(self, line: Line, delivered_ms: float) -> None:
        """What the buyer makes of what arrived."""
        rng, bad = self._rng, (1 - line.quality) ** 2
        disappointed = rng.random() < 0.008 + 0.35 * bad
        if rng.random() < 0.38:
            stars = rng.choice((1, 1, 2)) if disappointed else rng.choice((3, 4, 4, 5, 5, 5, 5))
            self.review(line, delivered_ms + rng.uniform(0.1, 6) * DAY_MS, stars)
        later_ms = delivered_ms + rng.uniform(0.2, 6.5) * DAY_MS
        if disappointed and rng.random() < 0.5:
            self.refund(line, later_ms, "seller")
        elif rng.random() < 0.03:
            self.refund(line, later_ms, rng.choice(("none", "none", "buyer", "unknown")), part=rng.random() < 0.3)
        elif rng.random() < 0.004:
            self._correct(line, later_ms)

    def review(self, line: Line, after_ms: float, stars: int) -> None:
        """Plan a review."""
        self._schedule.put(
            RecordReview(
                command_id=self._schedule.next_id(),
                at_ms=line.sale.at_ms + int(after_ms),
                product_id=line.product.product_id,
                order_line_id=line.sale.order_line_id,
                review_id=f"{line.sale.order_id}-r",
                stars=stars,
            )
        )

    def refund(self, line: Line, after_ms: float, fault: Fault, *, part: bool = False) -> None:
        """Plan a refund: of everything, or of one piece of several or a tenth of the money."""
        sale = line.sale
        quantity = sale.quantity if not part else 1 if sale.quantity > 1 else 0
        amount = sale.paid_minor * quantity // sale.quantity if quantity else sale.paid_minor // 10
        self._schedule.put(
            RecordRefund(
                command_id=self._schedule.next_id(),
                at_ms=sale.at_ms + int(after_ms),
                product_id=sale.product_id,
                order_line_id=sale.order_line_id,
                refund_id=f"{sale.order_id}-f",
                quantity=quantity,
                amount_minor=amount,
                fault=fault,
            )
        )

    def _correct(self, line: Line, after_ms: float) -> None:
        """Plan a correction: another creator brought it, or the price was wrong."""
        sale = line.sale
        creator = self._creator(line.product) if self._rng.random() < 0.5 else sale.creator_id
        self._schedule.put(
            CorrectSale(
                command_id=self._schedule.next_id(),
                at_ms=sale.at_ms + int(after_ms),
                product_id=sale.product_id,
                order_line_id=sale.order_line_id,
                quantity=sale.quantity,
                paid_minor=sale.paid_minor * 95 // 100,
                creator_id=creator,
            )
        )

    def _put(self, line: Line, after_ms: float, kind: Callable[..., RecordShipment | RecordDelivery]) -> None:
        self._schedule.put(
            kind(
                command_id=self._schedule.next_id(),
                at_ms=line.sale.at_ms + int(after_ms),
                product_id=line.product.product_id,
                order_line_id=line.sale.order_line_id,
            )
        )
