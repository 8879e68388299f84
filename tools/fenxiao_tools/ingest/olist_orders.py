"""What each row of Olist's orders, items and reviews files tells, as commands with the time to send them, or a reason."""

import re
from typing import NamedTuple

from fenxiao_schemas.base import MONEY_MINOR_MAX
from fenxiao_schemas.commands import (
    Command,
    RecordDelivery,
    RecordRefund,
    RecordReview,
    RecordSale,
    RecordShipment,
)
from fenxiao_tools.ingest.items import AUX_PREFIX, MINUTE_MS, ROW_PREFIX
from fenxiao_tools.ingest.olist_tables import Row, Tables, minor

CURRENCY = "BRL"
UTC_OFFSET_MINUTES = -180
PROMISE_HOURS_MAX = 720
HOUR_MS = 3_600_000
_CANCELLED = {"canceled", "unavailable"}
_ID = re.compile(r"[A-Za-z0-9._:-]{1,56}")
_MOMENTS = (
    "order_purchase_timestamp",
    "order_approved_at",
    "order_delivered_carrier_date",
    "order_delivered_customer_date",
)


class Timed(NamedTuple):
    """A command and when it is sent, in milliseconds of the wall clock; of equal times, in the order of `rank`.

    Attributes:
        seller: Of a sale.
    """

    sent_ms: int
    rank: int
    command: Command
    seller: str = ""


type Told = list[Timed] | str
"""The row's own command and then its auxiliary ones, or why there are none."""


class Orders:
    """The files' rows by order, and what to tell of each."""

    def __init__(self, tables: Tables) -> None:
        self._buyers = tables.buyers
        self._orders = {row["order_id"]: row for row in tables.orders}
        self._lines: dict[str, list[Row]] = {}
        for row in sorted(tables.items, key=lambda row: row["order_item_id"] or 0):
            if self._why_no_sale(row) is None:
                self._lines.setdefault(row["order_id"], []).append(row)

    def _why_no_sale(self, item: Row) -> str | None:
        order, price = self._orders.get(item["order_id"]), minor(item["price"])
        if order is None:
            return "item of an unknown order"
        if order.ms("order_purchase_timestamp") is None:
            return "item of an order without a time"
        if not all(_ID.fullmatch(item[column] or "") for column in ("order_id", "product_id", "seller_id")):
            return "item with an id that can't be"
        if item["order_item_id"] is None or price is None or not 1 <= price <= MONEY_MINOR_MAX:
            return "item without a number or a price"
        return None

    def sale(self, item: Row) -> Told:
        """What an item tells."""
        reason = self._why_no_sale(item)
        if reason:
            return reason
        order = self._orders[item["order_id"]]
        bought_ms: int = order["order_purchase_timestamp"]
        sale = RecordSale(
            command_id=ROW_PREFIX + item.hash,
            at_ms=utc_ms(bought_ms),
            product_id=item["product_id"],
            order_id=item["order_id"],
            order_line_id=_line_id(item),
            quantity=1,
            paid_minor=minor(item["price"]) or 0,
            currency=CURRENCY,
            buyer_id=self._buyers.get(order["customer_id"]),
            promise_hours=_promise_hours(bought_ms, item.ms("shipping_limit_date")),
        )
        return [Timed(bought_ms, 0, sale, item["seller_id"])]

    def fate(self, order: Row) -> Told:
        """What an order tells of its items."""
        lines = self._lines.get(order["order_id"])
        if not lines:
            return "order without items"
        told = [timed for number, line in enumerate(lines) for timed in _fates(order, line, first=number == 0)]
        if not told:
            return "order of which nothing is known but its sale"
        return told

    def review(self, review: Row) -> Told:
        """What a review tells, of its order's first item."""
        lines = self._lines.get(review["order_id"])
        if not lines:
            return "review of an order without items"
        answered_ms, stars = review.ms("review_answer_timestamp"), review["review_score"]
        if answered_ms is None or stars not in range(1, 6) or not _ID.fullmatch(review["review_id"] or ""):
            return "review without a time, stars or id"
        line = lines[0]
        command = RecordReview(
            command_id=ROW_PREFIX + review.hash,
            at_ms=utc_ms(answered_ms),
            product_id=line["product_id"],
            order_line_id=_line_id(line),
            review_id=review["review_id"],
            stars=stars,
        )
        bought_ms: int = self._orders[review["order_id"]]["order_purchase_timestamp"]
        return [Timed(max(answered_ms, bought_ms), 4, command)]


def _fates(order: Row, line: Row, *, first: bool) -> list[Timed]:
    """What happened to one item, in order; of the first item's, the first command is the row's own."""
    bought_ms: int = order["order_purchase_timestamp"]
    moments: list[tuple[int, str]] = []
    if (carrier_ms := order.ms("order_delivered_carrier_date")) is not None:
        moments.append((carrier_ms, "shipment"))
    if (delivered_ms := order.ms("order_delivered_customer_date")) is not None:
        moments.append((delivered_ms, "delivery"))
    if order["order_status"] in _CANCELLED:
        moments.append((max(order.ms(column) or 0 for column in _MOMENTS), "refund"))
    told: list[Timed] = []
    for rank, (at_ms, what) in enumerate(moments, start=1):
        own = first and rank == 1
        identity = f"{ROW_PREFIX}{order.hash}" if own else f"{AUX_PREFIX}{_line_id(line)}-{what}"
        told.append(Timed(max(at_ms, bought_ms), rank, _fate(what, identity, utc_ms(at_ms), line)))
    return told


def _fate(what: str, command_id: str, at_ms: int, line: Row) -> Command:
    product, order_line = line["product_id"], _line_id(line)
    if what == "shipment":
        return RecordShipment(command_id=command_id, at_ms=at_ms, product_id=product, order_line_id=order_line)
    if what == "delivery":
        return RecordDelivery(command_id=command_id, at_ms=at_ms, product_id=product, order_line_id=order_line)
    return RecordRefund(
        command_id=command_id,
        at_ms=at_ms,
        product_id=product,
        order_line_id=order_line,
        refund_id=order_line,
        quantity=1,
        amount_minor=minor(line["price"]) or 0,
        fault="unknown",
    )


def _line_id(item: Row) -> str:
    return f"{item['order_id']}-{item['order_item_id']}"


def _promise_hours(bought_ms: int, limit_ms: int | None) -> int:
    hours = -((bought_ms - (limit_ms or bought_ms)) // HOUR_MS)
    return min(max(hours, 1), PROMISE_HOURS_MAX)


def utc_ms(wall_ms: int) -> int:
    """The instant at which Brazil's wall clocks showed `wall_ms`."""
    return wall_ms - UTC_OFFSET_MINUTES * MINUTE_MS
