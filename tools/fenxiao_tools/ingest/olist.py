"""The Olist set: Brazilian shop orders with items, dispatch and delivery dates, cancellations and reviews.

What the source has, and what is made of it (the rows of three files are accounted for, one command or one reason each):

- An order *item* is a sale of quantity 1. Its price is what was paid for it; freight is not goods, and stays out. The
  seller's shipping limit is the promise, in whole hours from the order, rounded up and kept within 1 to 720.
- An *order* says what happened to its items: handed to the carrier, delivered, cancelled. The row's own command is the
  first of these for its first item; those for the rest of the items, and what happened later, are auxiliary commands.
  An order without items, or of which no more is known than that it was made, is left out as a row (its sale is not).
- A cancelled or unavailable order is refunded in full at the latest moment that the order knows of, because the file
  does not say when it was cancelled; nor whose fault it was: `unknown`.
- A *review* is of an order; it is recorded for the order's first item, when it was answered. The second review of
  an order is sent too, and refused by the catalog: only the first counts.
- A product is registered when it first sells, with that item's price and seller (another may sell it
  later), and its one-level category, translated.
  An item at another price than the last one changes the asking price: the source knows no discounts.
- Every seller is a registered company, so an `enterprise`. There are no creators, brands, plans or views.

Nothing is sent before the sale that it belongs to, even if its own time is earlier, as a few are.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from fenxiao_schemas.commands import ChangePrice, ListProduct, RecordSale, RegisterMerchant, RegisterProduct
from fenxiao_tools.errors import ToolError
from fenxiao_tools.ingest.items import AUX_PREFIX, DAY_MS, CloseDay, Item, LeftOut, Repeated, Source
from fenxiao_tools.ingest.olist_orders import CURRENCY, UTC_OFFSET_MINUTES, Orders, Timed, Told
from fenxiao_tools.ingest.olist_tables import NO_CATEGORY, Tables, read_tables


def open_olist(directory: Path) -> Source:
    """Read and check the files.

    Raises:
        ToolError: One of them can't be read or has other columns, or nothing was sold.
    """
    if not directory.is_dir():
        raise ToolError(f"there is no directory {directory}")
    tables = read_tables(directory)
    timed, left_out = _plan(tables)
    if not timed:
        raise ToolError(f"{directory} has no order that can be told")
    return Source(
        name="Olist",
        first_day=timed[0].sent_ms // DAY_MS,
        last_day=timed[-1].sent_ms // DAY_MS,
        utc_offset_minutes=UTC_OFFSET_MINUTES,
        currency=CURRENCY,
        rows=tables.rows,
        items=lambda: _items(tables, timed, left_out),
    )


def _plan(tables: Tables) -> tuple[list[Timed], list[LeftOut | Repeated]]:
    """All commands in the order of sending, and the rows that are left out."""
    orders = Orders(tables)
    timed: list[Timed] = []
    left_out: list[LeftOut | Repeated] = []
    for rows, tell in ((tables.items, orders.sale), (tables.orders, orders.fate), (tables.reviews, orders.review)):
        told: dict[str, Told] = {}
        for row in rows:
            again = told.get(row.hash)
            result = told[row.hash] = tell(row)
            if isinstance(result, str):
                left_out.append(LeftOut(result) if again is None else Repeated())
            else:
                timed += result if again is None else result[:1]
    timed.sort(key=lambda item: item[:2])
    return timed, left_out


def _items(tables: Tables, timed: list[Timed], left_out: list[LeftOut | Repeated]) -> Iterator[Item]:
    shelf = _Shelf(tables)
    yield from left_out
    open_day = timed[0].sent_ms // DAY_MS
    for day, of_day in groupby(timed, key=lambda item: item.sent_ms // DAY_MS):
        yield from (CloseDay(closed) for closed in range(open_day, day))
        open_day = day
        for item in of_day:
            if isinstance(item.command, RecordSale):
                yield from shelf.put(item.command, item.seller)
            yield item.command
    yield CloseDay(open_day)


class _Shelf:
    """The sellers, products and asking prices that were told so far."""

    def __init__(self, tables: Tables) -> None:
        self._categories = tables.categories
        self._sellers: set[str] = set()
        self._prices: dict[str, int] = {}

    def put(self, sale: RecordSale, seller: str) -> Iterator[Item]:
        """What must be known before a sale."""
        product, price, known = sale.product_id, sale.paid_minor, self._prices.get(sale.product_id)
        self._prices[product] = price
        if known is None:
            yield from self._register(sale, seller)
        elif price != known:
            identity = f"{AUX_PREFIX}{sale.command_id}-price"
            yield ChangePrice(
                command_id=identity, at_ms=sale.at_ms, product_id=product, price_minor=price, currency=CURRENCY
            )

    def _register(self, sale: RecordSale, seller: str) -> Iterator[Item]:
        product, at_ms = sale.product_id, sale.at_ms
        if seller not in self._sellers:
            self._sellers.add(seller)
            identity, name = f"{AUX_PREFIX}{seller}", f"Seller {seller}"
            yield RegisterMerchant(command_id=identity, at_ms=at_ms, merchant_id=seller, name=name, kind="enterprise")
        yield RegisterProduct(
            command_id=f"{AUX_PREFIX}{product}-register",
            at_ms=at_ms,
            product_id=product,
            merchant_id=seller,
            category=self._categories.get(product, NO_CATEGORY),
            title=f"Product {product}",
            price_minor=sale.paid_minor,
            currency=CURRENCY,
        )
        yield ListProduct(command_id=f"{AUX_PREFIX}{product}-list", at_ms=at_ms, product_id=product)
