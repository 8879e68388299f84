"""`fenxiao.catalog.events.v1`: accepted facts and control records, written by the catalog alone. The scorer is next.

An event says all that a reader needs: an event of an order line repeats the line's day, creator and unit price, so that
nobody has to keep order lines to fold it. `seq` is gapless per partition. Days are business days.
"""

from typing import Annotated, Literal

from msgspec import Meta

from fenxiao_schemas.base import (
    CommissionBps,
    Currency,
    Day,
    Message,
    MoneyMinor,
    PriceMinor,
    Quantity,
    QuantityOrNone,
    Ref,
    Seq,
    Stars,
    TimeMs,
    Version,
    Views,
    snake_case,
)
from fenxiao_schemas.commands import Fault

Authority = Annotated[int, Meta(ge=1, le=4)]
"""Brand authority: 1 individual, 2 enterprise, 3 authorised, 4 flagship."""


class Event(Message, frozen=True, kw_only=True, gc=False, tag=snake_case):
    """The base of every event and control record."""

    seq: Seq


# Control records


class CalendarStarted(Event, frozen=True, kw_only=True, gc=False):
    """The first record of every partition: the first open day, and what is in force on it."""

    first_day: Day
    policy_version: Version
    algorithm_version: Version
    utc_offset_minutes: Annotated[int, Meta(ge=-840, le=840)]
    currency: Currency
    partitions: Annotated[int, Meta(ge=1, le=10_000)]


class Barrier(Event, frozen=True, kw_only=True, gc=False):
    """Assess now every product that an event touched since the last barrier or day close."""


class DayClosed(Event, frozen=True, kw_only=True, gc=False):
    """The open day `day` ends here; `day + 1` is open from here on, with this policy and algorithm in force."""

    day: Day
    next_policy_version: Version
    next_algorithm_version: Version


# Products


class ProductRegistered(Event, frozen=True, kw_only=True, gc=False):
    """A product is new or has changed. Says nothing of whether it is listed or held.

    Attributes:
        authority: The brand authority that its merchant has for its brand.
        authority_until_day: The last day of that authority, if it ends; `authority_fallback` holds from the next on.
    """

    product_id: Ref
    merchant_id: Ref
    category: Annotated[str, Meta(max_length=120)]
    title: Annotated[str, Meta(max_length=200)]
    price_minor: PriceMinor
    brand_id: Ref | None = None
    authority: Authority = 1
    authority_until_day: Day | None = None
    authority_fallback: Authority = 1


class AuthorityChanged(Event, frozen=True, kw_only=True, gc=False):
    """The merchant of this product changed, or its authorisation for this product's brand."""

    product_id: Ref
    authority: Authority
    authority_until_day: Day | None = None
    authority_fallback: Authority = 1


class PriceChanged(Event, frozen=True, kw_only=True, gc=False):
    """The asking price from here on."""

    product_id: Ref
    price_minor: PriceMinor


class ListingChanged(Event, frozen=True, kw_only=True, gc=False):
    """Whether the product is listed, and whether it is held: both, absolute. Admitted is listed and not held."""

    product_id: Ref
    listed: bool
    held: bool
    reason: Annotated[str, Meta(max_length=200)] = ""


class ViolationRecorded(Event, frozen=True, kw_only=True, gc=False):
    """The days of the product's latest minor and latest serious violation, absolute; absent: it has none."""

    product_id: Ref
    violation_id: Ref
    severity: Literal["minor", "serious"]
    minor_day: Day | None = None
    serious_day: Day | None = None


class PlanChanged(Event, frozen=True, kw_only=True, gc=False):
    """A plan was set or ended. `open_commission_bps`: the best rate among the open plans left; absent: none is."""

    product_id: Ref
    plan_id: Ref
    kind: Literal["open", "targeted"]
    commission_bps: CommissionBps
    ended: bool = False
    open_commission_bps: CommissionBps | None = None


class ViewsRecorded(Event, frozen=True, kw_only=True, gc=False):
    """The product's views on a day, and what was known of that day before (0 if nothing)."""

    product_id: Ref
    day: Day
    views: Views
    previous_views: Views = 0


# Order lines


class SaleRecorded(Event, frozen=True, kw_only=True, gc=False):
    """An order line was paid.

    Attributes:
        order_day: The business day of the order.
        due_day: The business day on which the promise to ship runs out.
        unit_price_minor: `paid_minor` // `quantity`.
        repeat: Whether the buyer bought the brand before within the window; absent: the buyer is unknown.
    """

    product_id: Ref
    order_id: Ref
    order_line_id: Ref
    at_ms: TimeMs
    order_day: Day
    due_day: Day
    quantity: Quantity
    paid_minor: MoneyMinor
    unit_price_minor: MoneyMinor
    creator_id: Ref | None = None
    repeat: bool | None = None


class SaleCorrected(Event, frozen=True, kw_only=True, gc=False):
    """An order line was corrected: what is left of it after refunds, before (`old_*`) and from here on."""

    product_id: Ref
    order_line_id: Ref
    order_day: Day
    old_net_quantity: QuantityOrNone
    old_net_minor: MoneyMinor
    old_unit_price_minor: MoneyMinor
    net_quantity: QuantityOrNone
    net_minor: MoneyMinor
    unit_price_minor: MoneyMinor
    old_creator_id: Ref | None = None
    creator_id: Ref | None = None


class RefundRecorded(Event, frozen=True, kw_only=True, gc=False):
    """Money and perhaps goods of an order line went back.

    Attributes:
        closes_line: This refund took the line's net quantity from above 0 to 0.
        cancels_line: It did so before delivery and not by the seller's fault: the line will never count as delivered.
        unships_line: It cancels the line before it was shipped: the line is no longer due.
        quality_return: It is the line's first refund with goods returned by the seller's fault.
    """

    product_id: Ref
    order_line_id: Ref
    refund_id: Ref
    order_day: Day
    due_day: Day
    quantity: QuantityOrNone
    amount_minor: MoneyMinor
    unit_price_minor: MoneyMinor
    fault: Fault
    creator_id: Ref | None = None
    closes_line: bool = False
    cancels_line: bool = False
    unships_line: bool = False
    quality_return: bool = False


class ShipmentRecorded(Event, frozen=True, kw_only=True, gc=False):
    """An order line was shipped, on time or not."""

    product_id: Ref
    order_line_id: Ref
    order_day: Day
    due_day: Day
    on_time: bool


class DeliveryRecorded(Event, frozen=True, kw_only=True, gc=False):
    """An order line was delivered."""

    product_id: Ref
    order_line_id: Ref
    order_day: Day


class ReviewRecorded(Event, frozen=True, kw_only=True, gc=False):
    """An order line has its first review."""

    product_id: Ref
    order_line_id: Ref
    order_day: Day
    stars: Stars
    creator_id: Ref | None = None


# People


class MerchantRegistered(Event, frozen=True, kw_only=True, gc=False):
    """A merchant is new or has changed."""

    merchant_id: Ref
    name: Annotated[str, Meta(max_length=200)]
    kind: Literal["individual", "enterprise"]


class BrandAuthorised(Event, frozen=True, kw_only=True, gc=False):
    """A merchant's authorisation for a brand is new or has changed."""

    merchant_id: Ref
    brand_id: Ref
    level: Literal["authorised", "flagship"]
    until_day: Day | None = None


class CreatorRegistered(Event, frozen=True, kw_only=True, gc=False):
    """A creator is new or has changed."""

    creator_id: Ref
    name: Annotated[str, Meta(max_length=200)]
    followers: Annotated[int, Meta(ge=0)] = 0
    categories: tuple[Annotated[str, Meta(max_length=120)], ...] = ()


AnyEvent = (
    CalendarStarted
    | Barrier
    | DayClosed
    | ProductRegistered
    | AuthorityChanged
    | PriceChanged
    | ListingChanged
    | ViolationRecorded
    | PlanChanged
    | ViewsRecorded
    | SaleRecorded
    | SaleCorrected
    | RefundRecorded
    | ShipmentRecorded
    | DeliveryRecorded
    | ReviewRecorded
    | MerchantRegistered
    | BrandAuthorised
    | CreatorRegistered
)
