"""One line of the Online Retail file, and whether it is a sale or cancellation of goods at all."""

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import msgspec
import polars as pl

from fenxiao_schemas.base import MONEY_MINOR_MAX, QUANTITY_MAX, TEXT_LENGTH_MAX
from fenxiao_tools.ingest.items import row_hash

_GOODS = re.compile(r"\d{5}[A-Z]{0,2}|DCGS[0-9A-Z]+")
_INVOICE = re.compile(r"[AC]?\d+")
_NOT_GOODS = {
    "POST": "postage or carriage",
    "DOT": "postage or carriage",
    "C2": "postage or carriage",
    "M": "manual entry",
    "D": "discount",
    "S": "samples",
    "B": "bad debt",
    "BANK CHARGES": "fee or commission",
    "AMAZONFEE": "fee or commission",
    "CRUK": "fee or commission",
    "PADS": "packing pads",
}
_PENNY = Decimal(1)


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A line: `price_minor` and `amount_minor` are rounded half up to whole pence, from the exact decimal price.

    Attributes:
        hash: Of all columns.
        stock_code: As in the file.
        product_id: The stock code in capitals.
        quantity: Negative in a cancellation.
        price: As in the file, in pounds.
        amount_minor: Of the whole line, never negative.
        customer: As an id of ours; None if the file has none.
    """

    hash: str
    invoice: str
    stock_code: str
    product_id: str
    title: str
    quantity: int
    at_ms: int
    price: Decimal
    price_minor: int
    amount_minor: int
    customer: str | None

    @property
    def cancels(self) -> bool:
        """Whether the invoice is a cancellation."""
        return self.invoice.startswith("C")


def lines_of(table: pl.DataFrame) -> list[Line]:
    """The lines of a part of the file, in its order."""
    table = table.with_columns(pl.col("InvoiceDate").dt.epoch("ms"))
    return list(_lines(table))


def _lines(table: pl.DataFrame) -> Iterator[Line]:
    for columns in table.iter_rows():
        invoice, stock_code, description, quantity, at_ms, price, customer, _country = columns
        exact = _pence(price)
        code = (stock_code or "").strip()
        yield Line(
            hash=row_hash(*columns),
            invoice=(invoice or "").strip(),
            stock_code=code,
            product_id=code.upper(),
            title=_title(description, code.upper()),
            quantity=quantity or 0,
            at_ms=at_ms,
            price=exact,
            price_minor=round_pence(exact),
            amount_minor=round_pence(exact * abs(quantity or 0)),
            customer=None if customer is None or customer != customer else f"c{int(customer)}",  # noqa: PLR0124 - NaN is no customer
        )


@lru_cache(maxsize=65_536)
def _pence(price: float | None) -> Decimal:
    """The decimal that the file's number stands for, in pence; nothing and infinity are no price."""
    exact = Decimal(repr(price)) if price is not None else Decimal(0)
    return exact * 100 if exact.is_finite() else Decimal(0)


def round_pence(pence: Decimal) -> int:
    """Half up, to whole pence."""
    return int(pence.quantize(_PENNY, ROUND_HALF_UP))


def _title(description: str | None, code: str) -> str:
    text = (description or "").replace("\x00", "").strip()[:TEXT_LENGTH_MAX]
    return code if text in {"", "nan"} else text


def why_not(line: Line) -> str | None:
    """Why the line is neither a sale nor a cancellation of goods; None if it is one."""
    kind = _not_goods(line.product_id)
    if kind:
        return kind
    if not _INVOICE.fullmatch(line.invoice):
        return "without an invoice number"
    if line.quantity == 0 or abs(line.quantity) > QUANTITY_MAX:
        return "without a quantity that can be"
    if line.cancels != (line.quantity < 0):
        return "stock correction: negative quantity without a cancellation" if line.quantity < 0 else "odd cancellation"
    if line.price <= 0:
        return "price is zero or negative"
    if not 1 <= line.price_minor <= MONEY_MINOR_MAX or line.amount_minor > MONEY_MINOR_MAX:
        return "price rounds to nothing, or is beyond all bounds"
    if line.quantity < 0 and line.customer is None:
        return "cancellation without a customer"
    return None


@lru_cache(maxsize=65_536)
def _not_goods(code: str) -> str | None:
    if _GOODS.fullmatch(code):
        return None
    kind = "gift voucher" if code.startswith("GIFT_") else _NOT_GOODS.get(code, "unknown code")
    return f"not goods: {kind}"
