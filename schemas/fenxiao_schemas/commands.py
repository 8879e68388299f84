"""`fenxiao.catalog.commands.v1`: what other backends ask of the catalog. `outcomes` has its answers, `events` facts.

Each command carries an id of the sender's choice. The same id again with the same content is a duplicate and changes
nothing; the same id with other content is refused (`id_reused`). The record's key is the field that `KEY_FIELD`
names, and its partition the Java client's murmur2 of that key (`partitioning`).
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from fenxiao_schemas.base import (
    Category,
    CommissionBps,
    Currency,
    Day,
    Id,
    Message,
    MoneyMinor,
    PriceMinor,
    Quantity,
    QuantityOrNone,
    Stars,
    Text,
    TimeMs,
    Views,
    snake_case,
)

PROMISE_HOURS_DEFAULT = 48
PromiseHours = Annotated[int, Meta(ge=1, le=720)]
Fault = Literal["seller", "buyer", "carrier", "none", "unknown"]
"""Whose fault a return is. `none`: returned without a reason, as the law allows. `unknown`: the source doesn't say."""


class Command(Message, frozen=True, kw_only=True, gc=False, tag=snake_case):
    """The base of every command.

    Attributes:
        command_id: The sender's own id, unique among all commands of all senders: begin it with your service's name.
        at_ms: When it happened in the world (business time), not when it was sent.
        reference: The id of the command that this one repeats by hand, such as a replayed dead letter.
    """

    KEY_FIELD: ClassVar[str] = "product_id"

    command_id: Id
    at_ms: TimeMs
    reference: Id | None = None


class RegisterMerchant(Command, frozen=True, kw_only=True, gc=False):
    """A merchant as it now is; again to change it."""

    KEY_FIELD: ClassVar[str] = "merchant_id"
    merchant_id: Id
    name: Text
    kind: Literal["individual", "enterprise"]


class AuthoriseBrand(Command, frozen=True, kw_only=True, gc=False):
    """A merchant may sell a brand as its flagship or as authorised, until a day; again to change or extend it."""

    KEY_FIELD: ClassVar[str] = "merchant_id"
    merchant_id: Id
    brand_id: Id
    level: Literal["authorised", "flagship"]
    until_day: Day | None = None


class RegisterCreator(Command, frozen=True, kw_only=True, gc=False):
    """A creator (streamer, 达人) as it now is; again to change it."""

    KEY_FIELD: ClassVar[str] = "creator_id"
    creator_id: Id
    name: Text
    followers: Annotated[int, Meta(ge=0, le=10**10)] = 0
    categories: Annotated[tuple[Category, ...], Meta(max_length=8)] = ()


class RegisterProduct(Command, frozen=True, kw_only=True, gc=False):
    """A product as it now is, not yet listed; again to change it. Its first price is `price_minor`."""

    product_id: Id
    merchant_id: Id
    category: Category
    title: Text
    price_minor: PriceMinor
    currency: Currency
    brand_id: Id | None = None


class ChangePrice(Command, frozen=True, kw_only=True, gc=False):
    """The product's asking price from now on."""

    product_id: Id
    price_minor: PriceMinor
    currency: Currency


class ListProduct(Command, frozen=True, kw_only=True, gc=False):
    """The product is open for distribution."""

    product_id: Id


class DelistProduct(Command, frozen=True, kw_only=True, gc=False):
    """The product is no longer open for distribution."""

    product_id: Id
    reason: Text = ""


class HoldProduct(Command, frozen=True, kw_only=True, gc=False):
    """The platform suspends the product, whatever its merchant wants."""

    product_id: Id
    reason: Text = ""


class ReleaseProduct(Command, frozen=True, kw_only=True, gc=False):
    """The platform ends the hold."""

    product_id: Id


class RecordViolation(Command, frozen=True, kw_only=True, gc=False):
    """The product broke a rule; its tier is capped for as long as the policy says."""

    product_id: Id
    violation_id: Id
    severity: Literal["minor", "serious"]
    reason: Text = ""


class SetPlan(Command, frozen=True, kw_only=True, gc=False):
    """A promotion plan of a product and its commission rate; again to change it. `open`: any creator may take it."""

    product_id: Id
    plan_id: Id
    kind: Literal["open", "targeted"]
    commission_bps: CommissionBps


class EndPlan(Command, frozen=True, kw_only=True, gc=False):
    """The plan is over."""

    product_id: Id
    plan_id: Id


class RecordSale(Command, frozen=True, kw_only=True, gc=False):
    """One order line was paid. `at_ms` is the time of the order.

    Attributes:
        paid_minor: What the buyer paid for the whole line.
        creator_id: The creator who brought the order, if one did.
        buyer_id: Known to the catalog only as an HMAC; without it the line says nothing of repeat purchases.
        promise_hours: Within how many hours the seller promised to ship.
    """

    product_id: Id
    order_id: Id
    order_line_id: Id
    quantity: Quantity
    paid_minor: MoneyMinor
    currency: Currency
    creator_id: Id | None = None
    buyer_id: Id | None = None
    promise_hours: PromiseHours = PROMISE_HOURS_DEFAULT


class CorrectSale(Command, frozen=True, kw_only=True, gc=False):
    """The facts of an order line, as they should have been; refunds so far stay as they are."""

    product_id: Id
    order_line_id: Id
    quantity: Quantity
    paid_minor: MoneyMinor
    creator_id: Id | None = None


class RecordRefund(Command, frozen=True, kw_only=True, gc=False):
    """Money and perhaps goods of an order line went back. `quantity` 0: money only."""

    product_id: Id
    order_line_id: Id
    refund_id: Id
    quantity: QuantityOrNone
    amount_minor: MoneyMinor
    fault: Fault = "unknown"


class RecordShipment(Command, frozen=True, kw_only=True, gc=False):
    """The order line was handed to a carrier at `at_ms`."""

    product_id: Id
    order_line_id: Id


class RecordDelivery(Command, frozen=True, kw_only=True, gc=False):
    """The order line arrived at `at_ms`."""

    product_id: Id
    order_line_id: Id


class RecordReview(Command, frozen=True, kw_only=True, gc=False):
    """The buyer's review of an order line; only a line's first one counts."""

    product_id: Id
    order_line_id: Id
    review_id: Id
    stars: Stars


class RecordViews(Command, frozen=True, kw_only=True, gc=False):
    """How often the product was viewed on a day, absolute; a higher `revision` replaces what was said of that day."""

    product_id: Id
    day: Day
    views: Views
    revision: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


AnyCommand = (
    RegisterMerchant
    | AuthoriseBrand
    | RegisterCreator
    | RegisterProduct
    | ChangePrice
    | ListProduct
    | DelistProduct
    | HoldProduct
    | ReleaseProduct
    | RecordViolation
    | SetPlan
    | EndPlan
    | RecordSale
    | CorrectSale
    | RecordRefund
    | RecordShipment
    | RecordDelivery
    | RecordReview
    | RecordViews
)
