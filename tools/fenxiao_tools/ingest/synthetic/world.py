"""Who takes part in the synthetic market, and how good each product really is: the scorer has to find that out."""

import math
from dataclasses import dataclass, field
from functools import cache
from random import Random

from fenxiao_tools.ingest.items import DAY_MS, MINUTE_MS

CURRENCY = "CNY"
UTC_OFFSET_MINUTES = 480
FIRST_DAY = 20_454  # 2026-01-01
HOUR_MS = 3_600_000
PRODUCTS_PER_MERCHANT = 8
DEMAND_EXPONENT = 0.7
"""Of Zipf's law: low enough that half of the products sell enough to be rated."""
BUYERS_PER_PRODUCT = 14

CATEGORIES = (
    ("beauty/skincare/masks", 8_900),
    ("beauty/skincare/serums", 16_900),
    ("beauty/makeup", 9_900),
    ("food/snacks/nuts", 4_900),
    ("food/snacks/sweets", 2_900),
    ("home/kitchen", 12_900),
)
"""A leaf with its usual price; few, so that each has peers enough for curves of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the market is, and when it begins.

    Attributes:
        activity: Scales the orders per product and day, and thins the view counts; 1 is a lively market.
    """

    products: int = 600
    days: int = 60
    creators: int = 200
    first_day: int = FIRST_DAY
    activity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """A merchant; `quality` (0 to 1) is how well it ships and what it tends to sell."""

    merchant_id: str
    kind: str
    quality: float
    brand_id: str | None
    level: str
    until_day: int | None
    renewed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Creator:
    """A creator."""

    creator_id: str
    followers: int
    categories: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Product:
    """A product and what nobody is told: its quality, and what becomes of it.

    Attributes:
        quality: 0 to 1, before `turn_day`.
        late_quality: The same from `turn_day` on.
        demand: Its share of the demand, relative to others.
        late_demand: The same from `turn_day` on.
        trick_day: From this day on its price is raised, and sold at a "discount" to the old one; None for most.
        promoters: The creators who sell it, the most active first.
        closed: Days on which it can't be bought: delisted or held.
        prices: (from day, price), in rising order.
        past_buyers: Who bought it; some come back.
    """

    product_id: str
    merchant: Merchant
    category: str
    branded: bool
    launch_day: int
    quality: float
    late_quality: float
    demand: float
    late_demand: float
    turn_day: int
    trick_day: int | None
    promoters: tuple[str, ...]
    promoter_weights: tuple[float, ...]
    prices: list[tuple[int, int]]
    closed: set[int] = field(default_factory=set)
    past_buyers: list[str] = field(default_factory=list)

    def quality_on(self, day: int) -> float:
        """How good it is on a day."""
        return self.quality if day < self.turn_day else self.late_quality

    def demand_on(self, day: int) -> float:
        """How much it is wanted on a day; 0 while it can't be had."""
        if day < self.launch_day or day in self.closed:
            return 0.0
        return self.demand if day < self.turn_day else self.late_demand

    def price_on(self, day: int) -> int:
        """Its asking price at noon of a day."""
        return next(price for start, price in reversed(self.prices) if start <= day)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everybody."""

    size: Size
    merchants: list[Merchant]
    creators: list[Creator]
    products: list[Product]

    @property
    def buyers(self) -> int:
        """How many buyers there are."""
        return self.size.products * BUYERS_PER_PRODUCT


def at(day: int, ms: float) -> int:
    """The instant `ms` after midnight of a business day."""
    return day * DAY_MS - UTC_OFFSET_MINUTES * MINUTE_MS + int(ms)


def make_world(rng: Random, size: Size) -> World:
    """Draw everybody."""
    merchants = [_merchant(rng, size, n) for n in range(max(1, size.products // PRODUCTS_PER_MERCHANT))]
    creators = [_creator(rng, n) for n in range(size.creators)]
    products = [_product(rng, size, n, merchants, creators) for n in range(size.products)]
    _spread_demand(rng, products)
    return World(size=size, merchants=merchants, creators=creators, products=products)


def _merchant(rng: Random, size: Size, number: int) -> Merchant:
    enterprise = rng.random() < 0.65
    branded = enterprise and rng.random() < 0.7
    middle = size.first_day + size.days // 3 + rng.randrange(max(1, size.days // 3))
    return Merchant(
        merchant_id=f"m{number:05d}",
        kind="enterprise" if enterprise else "individual",
        quality=min(1.0, rng.betavariate(2.2, 1.5) + (0.12 if branded else 0.0)),
        brand_id=f"brand{number:05d}" if branded else None,
        level=rng.choice(("flagship", "authorised")),
        until_day=middle if rng.random() < 0.25 else None,
        renewed=rng.random() < 0.5,
    )


def _creator(rng: Random, number: int) -> Creator:
    leaves = rng.sample([category for category, _ in CATEGORIES], rng.randint(1, 3))
    return Creator(
        creator_id=f"k{number:05d}",
        followers=int(math.exp(rng.gauss(9.5, 1.6))),
        categories=tuple(sorted({leaf.rsplit("/", 1)[0] if rng.random() < 0.3 else leaf for leaf in leaves})),
    )


def _product(rng: Random, size: Size, number: int, merchants: list[Merchant], creators: list[Creator]) -> Product:
    merchant = rng.choice(merchants)
    category, usual = rng.choice(CATEGORIES)
    quality = min(1.0, max(0.0, 0.5 * merchant.quality + 0.5 * rng.betavariate(1.6, 1.1) + rng.gauss(0, 0.06)))
    launched = rng.random() < 0.75
    promoters = _promoters(rng, category, quality, creators)
    return Product(
        product_id=f"p{number:06d}",
        merchant=merchant,
        category=category,
        branded=merchant.brand_id is not None and rng.random() < 0.9,
        launch_day=size.first_day + (0 if launched else rng.randrange(1 + size.days * 6 // 10)),
        quality=quality,
        late_quality=quality,
        demand=0.0,
        late_demand=0.0,
        turn_day=size.first_day + int(size.days * rng.uniform(0.35, 0.55)),
        trick_day=size.first_day + int(size.days * rng.uniform(0.2, 0.7)) if rng.random() < 0.05 else None,
        promoters=promoters,
        promoter_weights=tuple((rank + 1) ** -0.8 for rank in range(len(promoters))),
        prices=[(0, max(100, int(usual * math.exp(rng.gauss(0.1 - 0.3 * quality, 0.25)))))],
    )


def _promoters(rng: Random, category: str, quality: float, creators: list[Creator]) -> tuple[str, ...]:
    """Good products find many creators, mostly of their own field."""
    wanted = min(len(creators), 1 + int(rng.uniform(2, 8) + 45 * quality**2 * rng.random()))
    found = [creators[int(len(creators) * rng.random())] for _ in range(3 * wanted)]
    found.sort(key=lambda creator: not _is_field(category, creator.categories))
    return tuple(dict.fromkeys(creator.creator_id for creator in found[:wanted]))


@cache
def _is_field(category: str, fields: tuple[str, ...]) -> bool:
    """Whether the category belongs to one of the fields. There are few of both, and a market asks millions of times."""
    return any(category.startswith(own) for own in fields)


def _spread_demand(rng: Random, products: list[Product]) -> None:
    """Zipf's law over a ranking that good products lead, with luck; some of them rise or fall in mid-run."""
    ranking = sorted(products, key=lambda product: -(product.quality + rng.gauss(0, 0.25)))
    for rank, product in enumerate(ranking):
        product.demand = product.late_demand = (rank + 1) ** -DEMAND_EXPONENT
    top, rest = ranking[: len(ranking) // 10], ranking[len(ranking) // 4 :]
    for product in rng.sample(top, len(top) // 4):
        product.late_quality, product.late_demand = 0.1, product.demand * 0.35
    for product in rng.sample(rest, len(ranking) // 40):
        product.late_quality, product.late_demand = 0.97, ranking[len(ranking) // 50].demand
