"""What the catalog keeps, a class a table; `world` gathers these for a batch, and the folds change them."""

from dataclasses import dataclass
from typing import Literal

INDIVIDUAL, ENTERPRISE, AUTHORISED, FLAGSHIP = 1, 2, 3, 4
"""The levels of brand authority, as events give them."""


@dataclass(slots=True, kw_only=True)
class Product:
    """A product as it now is. The authority triple is as in `events.ProductRegistered`."""

    product_id: str
    merchant_id: str
    brand_id: str | None
    category: str
    title: str
    price_minor: int
    partition: int
    listed: bool = False
    held: bool = False
    minor_day: int | None = None
    serious_day: int | None = None
    authority: int = INDIVIDUAL
    authority_until_day: int | None = None
    authority_fallback: int = INDIVIDUAL

    def brand_key(self) -> str:
        """The brand, or the merchant in its place: goods without a brand are the merchant's own label."""
        return self.brand_id or f"merchant:{self.merchant_id}"


@dataclass(slots=True, kw_only=True)
class OrderLine:
    """An order line and what became of it."""

    partition: int
    order_line_id: str
    order_id: str
    product_id: str
    creator_id: str | None
    at_ms: int
    order_day: int
    due_at_ms: int
    due_day: int
    quantity: int
    paid_minor: int
    refunded_quantity: int = 0
    refunded_minor: int = 0
    shipped: bool = False
    delivered: bool = False
    reviewed: bool = False
    quality_returned: bool = False
    cancelled: bool = False

    @property
    def net_quantity(self) -> int:
        """What the buyer keeps."""
        return self.quantity - self.refunded_quantity

    @property
    def net_minor(self) -> int:
        """What it paid for that, less refunds."""
        return self.paid_minor - self.refunded_minor

    @property
    def unit_price_minor(self) -> int:
        """The price of one piece, rounded down."""
        return self.paid_minor // self.quantity


@dataclass(slots=True, kw_only=True)
class Plan:
    """A promotion plan of a product."""

    product_id: str
    plan_id: str
    kind: Literal["open", "targeted"]
    commission_bps: int
    ended: bool = False


@dataclass(slots=True, kw_only=True)
class DayViews:
    """A product's views of a day."""

    product_id: str
    day: int
    views: int
    revision: int


@dataclass(slots=True, kw_only=True)
class Merchant:
    """A merchant, at its owner and as each partition's copy; `version` orders what is told of one merchant."""

    partition: int
    merchant_id: str
    name: str
    kind: Literal["individual", "enterprise"]
    version: int


@dataclass(slots=True, kw_only=True)
class Authorisation:
    """A merchant's authorisation for a brand, at its owner and as each partition's copy."""

    partition: int
    merchant_id: str
    brand_id: str
    level: Literal["authorised", "flagship"]
    until_day: int | None
    version: int


@dataclass(slots=True, kw_only=True)
class Creator:
    """A creator."""

    creator_id: str
    name: str
    followers: int
    categories: list[str]


@dataclass(slots=True, kw_only=True)
class ParkedCommand:
    """A command that came before what it belongs to: `parent` is `product:ID` or `line:ID`."""

    partition: int
    command_offset: int
    parent: str
    parked_day: int
    command_id: str
    body: str
