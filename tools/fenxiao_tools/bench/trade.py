"""What happens to products in the latency benches: sales mostly, then what becomes of them. Made from a seed, endless.

`as_command` says an act to the catalog, `as_event` is what the catalog would make of it: `chain` and `latency` see the same.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal
from zlib import crc32

from fenxiao_schemas import commands as c
from fenxiao_schemas import events as e

type Kind = Literal["register", "list", "plan", "hold", "sale", "shipment", "delivery", "review", "views"]

FIRST_DAY: Final = 20_454  # 2026-01-01
UTC_OFFSET_MINUTES: Final = 480
CURRENCY: Final = "CNY"
DAY_MS: Final = 86_400_000
CREATORS: Final = 300
BUYERS: Final = 20_000
PROMISE_DAYS: Final = 2
STARS: Final = (5, 4, 5, 5, 3, 5, 1)
CATEGORIES: Final = ("beauty/skincare", "beauty/makeup", "food/snacks/nuts", "food/snacks/sweets", "home/kitchen")
SHARES: Final[tuple[tuple[Kind, float], ...]] = (
    ("shipment", 0.16),
    ("delivery", 0.13),
    ("review", 0.06),
    ("views", 0.05),
)
"""The rest are sales."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens.

    Attributes:
        number: Of the order line; of `views`, how often that day's were told.
        day: On which it was ordered.
    """

    kind: Kind
    product_id: str
    number: int = 0
    day: int = FIRST_DAY

    @property
    def line_id(self) -> str:
        """The order line that it is about."""
        return f"bench-line-{self.number}"


class Trade:
    """Acts one after the other; each can happen after those before it. `day` is the open one, to be moved by its owner."""

    def __init__(self, products: Sequence[str], seed: int) -> None:
        self._products, self._rng = products, Random(seed)
        self._lines, self.day = 0, FIRST_DAY
        self._waiting: dict[Kind, deque[Act]] = {"shipment": deque(), "delivery": deque(), "review": deque()}
        self._views: dict[tuple[str, int], int] = {}

    def act(self) -> Act:
        """The next one."""
        kind = self._kind()
        if kind == "views":
            product = self._product()
            told = self._views[product, self.day] = self._views.get((product, self.day), 0) + 1
            return Act("views", product, told, self.day)
        if kind == "sale":
            self._lines += 1
            return self._then(Act("sale", self._product(), self._lines, self.day), "shipment")
        before = self._waiting[kind].popleft()
        act = Act(kind, before.product_id, before.number, before.day)
        return act if kind == "review" else self._then(act, "delivery" if kind == "shipment" else "review")

    def _kind(self) -> Kind:
        roll = self._rng.random()
        for kind, share in SHARES:
            roll -= share
            if roll < 0:
                return kind if self._waiting.get(kind, True) else "sale"
        return "sale"

    def _product(self) -> str:
        """Some sell far more than others."""
        return self._products[int(len(self._products) * self._rng.random() ** 2)]

    def _then(self, act: Act, kind: Kind) -> Act:
        self._waiting[kind].append(act)
        return act


def opened(products: Sequence[str]) -> Iterator[Act]:
    """All of them registered, listed and with a plan."""
    for product in products:
        for kind in ("register", "list", "plan"):
            yield Act(kind, product)


def price_of(product_id: str) -> int:
    """In minor units."""
    return 1_900 + 100 * (crc32(product_id.encode()) % 200)


def category_of(product_id: str) -> str:
    """One of few."""
    return CATEGORIES[crc32(product_id.encode()) % len(CATEGORIES)]


def as_command(act: Act, count: int, day: int) -> c.Command:
    """The act as the `count`-th command of this sender, on the open day."""
    head: dict[str, Any] = {"command_id": f"bench-{count}", "product_id": act.product_id}
    at_ms = day * DAY_MS - UTC_OFFSET_MINUTES * 60_000 + count % DAY_MS
    price = price_of(act.product_id)
    match act.kind:
        case "register":
            return c.RegisterProduct(
                **head,
                at_ms=at_ms,
                merchant_id="bench-merchant",
                category=category_of(act.product_id),
                title=act.product_id,
                price_minor=price,
                currency=CURRENCY,
            )
        case "list":
            return c.ListProduct(**head, at_ms=at_ms)
        case "plan":
            return c.SetPlan(**head, at_ms=at_ms, plan_id="open", kind="open", commission_bps=1_000 + price % 1_000)
        case "hold":
            return c.HoldProduct(**head, at_ms=at_ms)
        case "sale":
            return c.RecordSale(
                **head,
                at_ms=at_ms,
                order_id=act.line_id,
                order_line_id=act.line_id,
                quantity=1,
                paid_minor=price,
                currency=CURRENCY,
                creator_id=f"bench-creator-{act.number % CREATORS}",
                buyer_id=f"bench-buyer-{act.number * 7 % BUYERS}",
            )
        case "shipment":
            return c.RecordShipment(**head, at_ms=at_ms, order_line_id=act.line_id)
        case "delivery":
            return c.RecordDelivery(**head, at_ms=at_ms, order_line_id=act.line_id)
        case "review":
            stars = STARS[act.number % len(STARS)]
            review = f"bench-review-{act.number}"
            return c.RecordReview(**head, at_ms=at_ms, order_line_id=act.line_id, review_id=review, stars=stars)
        case "views":
            return c.RecordViews(**head, at_ms=at_ms, day=act.day, views=100 * act.number, revision=act.number)


def as_event(act: Act, seq: int) -> e.Event:
    """The act as an event of its partition."""
    product, price = act.product_id, price_of(act.product_id)
    match act.kind:
        case "register":
            return e.ProductRegistered(
                seq=seq,
                product_id=product,
                merchant_id="bench-merchant",
                category=category_of(product),
                title=product,
                price_minor=price,
            )
        case "list" | "hold":
            return e.ListingChanged(seq=seq, product_id=product, listed=True, held=act.kind == "hold")
        case "plan":
            rate = 1_000 + price % 1_000
            return e.PlanChanged(
                seq=seq, product_id=product, plan_id="open", kind="open", commission_bps=rate, open_commission_bps=rate
            )
        case "sale":
            return e.SaleRecorded(
                seq=seq,
                product_id=product,
                order_id=act.line_id,
                order_line_id=act.line_id,
                at_ms=act.day * DAY_MS - UTC_OFFSET_MINUTES * 60_000,
                order_day=act.day,
                due_day=act.day + PROMISE_DAYS,
                quantity=1,
                paid_minor=price,
                unit_price_minor=price,
                creator_id=f"bench-creator-{act.number % CREATORS}",
                repeat=act.number % len(STARS) == 0,
            )
        case "shipment":
            return e.ShipmentRecorded(
                seq=seq,
                product_id=product,
                order_line_id=act.line_id,
                order_day=act.day,
                due_day=act.day + PROMISE_DAYS,
                on_time=True,
            )
        case "delivery":
            return e.DeliveryRecorded(seq=seq, product_id=product, order_line_id=act.line_id, order_day=act.day)
        case "review":
            return e.ReviewRecorded(
                seq=seq,
                product_id=product,
                order_line_id=act.line_id,
                order_day=act.day,
                stars=STARS[act.number % len(STARS)],
                creator_id=f"bench-creator-{act.number % CREATORS}",
            )
        case "views":
            views = 100 * act.number
            return e.ViewsRecorded(seq=seq, product_id=product, day=act.day, views=views, previous_views=views - 100)
