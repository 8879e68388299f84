"""What the catalog keeps, a class a table; `world` gathers these for a batch, and the folds change them.

Each class has its fields in the order of the columns that its queries select: `store` makes a row of a record by position.
"""

from typing import Literal

from msgspec import Struct

INDIVIDUAL, ENTERPRISE, AUTHORISED, FLAGSHIP = 1, 2, 3, 4
"""The levels of brand authority, as events give them."""


class Product(Struct, gc=False):
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


class OrderLine(Struct, gc=False):
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
    def flags(self) -> tuple[bool, bool, bool, bool, bool]:
        """What became of it but for money and pieces."""
        return self.shipped, self.delivered, self.reviewed, self.quality_returned, self.cancelled

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


class Plan(Struct, gc=False):
    """A promotion plan of a product."""

    product_id: str
    plan_id: str
    kind: Literal["open", "targeted"]
    commission_bps: int
    ended: bool = False


class DayViews(Struct, gc=False):
    """A product's views of a day."""

    product_id: str
    day: int
    views: int
    revision: int


class Merchant(Struct, gc=False):
    """A merchant, at its owner and as each partition's copy; `version` orders what is told of one merchant."""

    partition: int
    merchant_id: str
    name: str
    kind: Literal["individual", "enterprise"]
    version: int


class Authorisation(Struct, gc=False):
    """A merchant's authorisation for a brand, at its owner and as each partition's copy."""

    partition: int
    merchant_id: str
    brand_id: str
    level: Literal["authorised", "flagship"]
    until_day: int | None
    version: int


class Creator(Struct, gc=False):
    """A creator."""

    creator_id: str
    name: str
    followers: int
    categories: list[str]


class ParkedCommand(Struct, gc=False):
    """A command that came before what it belongs to: `parent` is `product:ID` or `line:ID`."""

    partition: int
    command_offset: int
    parent: str
    parked_day: int
    command_id: str
    body: str
