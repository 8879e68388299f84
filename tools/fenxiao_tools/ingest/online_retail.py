"""The UCI "Online Retail" set: every invoice line of a UK gift wholesaler becomes a sale, a refund, or is left out.

What the source has, and what is made of it:

- One shop, so one merchant. A stock code, in capitals, is a product: the source writes `85123a` and `85123A` for one.
  It is registered when it first sells, in the one category `gifts`, because the source has none, and without a brand.
- A customer is most often a reseller, so it is the sale's creator, who brings goods to people, and its buyer as well.
  A line without a customer is a sale without either.
- The source has no list prices, only what each line paid, and that depends on quantity and sales channel. The asking
  price of a day is taken to be the unit price on most of the product's lines of that day, if at least two lines agree
  on it (of equally frequent ones the higher); a day without such agreement leaves the price as it was.
- A cancellation (invoice `C...`) refunds earlier sales of the same product to the same customer (`refunds`). Why it was
  cancelled is not said: the fault is `unknown`.
- Stock corrections, free goods and what is not goods (postage, fees, vouchers, manual entries) are left out, with the
  reason. So are cancellations of what the file does not show as sold. It has no views, reviews, shipments or plans.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from fenxiao_schemas.commands import (
    ChangePrice,
    Command,
    ListProduct,
    RecordSale,
    RegisterCreator,
    RegisterMerchant,
    RegisterProduct,
)
from fenxiao_tools.errors import ToolError
from fenxiao_tools.ingest.items import AUX_PREFIX, DAY_MS, ROW_PREFIX, CloseDay, Item, LeftOut, Repeated, Source
from fenxiao_tools.ingest.retail_lines import Line, lines_of, why_not
from fenxiao_tools.ingest.retail_refunds import Ledger
from fenxiao_tools.ingest.tables import Columns, read_parquet

CURRENCY = "GBP"
MERCHANT = "shop"
CATEGORY = "gifts"
AGREEING_LINES_MIN = 2
COLUMNS: Columns = {
    "InvoiceNo": pl.String,
    "StockCode": pl.String,
    "Description": pl.String,
    "Quantity": pl.Int64,
    "InvoiceDate": pl.Datetime("ms"),
    "UnitPrice": pl.Float64,
    "CustomerID": pl.Float64,
    "Country": pl.String,
}


def open_online_retail(path: Path) -> Source:
    """Read and check the file.

    Raises:
        ToolError: It can't be read, it has other columns, or no line has a date.
    """
    table = read_parquet(path, COLUMNS).sort("InvoiceDate", maintain_order=True)
    days = (table["InvoiceDate"].drop_nulls().dt.epoch("ms") // DAY_MS).unique().sort().to_list()
    if not days:
        raise ToolError(f"{path} has no line with a date")
    return Source(
        name="Online Retail",
        first_day=days[0],
        last_day=days[-1],
        utc_offset_minutes=0,
        currency=CURRENCY,
        rows=table.height,
        items=lambda: _Shop().items(table, days[0], days[-1]),
    )


class _Shop:
    """What has been said so far; one for each pass over the file."""

    def __init__(self) -> None:
        self._prices: dict[str, int] = {}
        self._customers: set[str] = set()
        self._ledger = Ledger()

    def items(self, table: pl.DataFrame, first_day: int, last_day: int) -> Iterator[Item]:
        """All items, a day at a time."""
        undated = table.filter(pl.col("InvoiceDate").is_null())
        yield from (LeftOut("without a date") for _ in range(undated.height))
        yield RegisterMerchant(
            command_id=f"{AUX_PREFIX}merchant",
            at_ms=first_day * DAY_MS,
            merchant_id=MERCHANT,
            name="Online Retail",
            kind="enterprise",
        )
        dated = table.drop_nulls("InvoiceDate").with_columns(day=pl.col("InvoiceDate").dt.epoch("ms") // DAY_MS)
        by_day = {key[0]: rows for key, rows in dated.partition_by("day", as_dict=True, include_key=False).items()}
        for day in range(first_day, last_day + 1):
            if day in by_day:
                yield from self._day(day, lines_of(by_day[day]))
            yield CloseDay(day)

    def _day(self, day: int, lines: list[Line]) -> Iterator[Item]:
        reasons = [why_not(line) for line in lines]
        asking = _asking_prices([line for line, reason in zip(lines, reasons, strict=True) if reason is None])
        seen: dict[str, Command | None] = {}
        for line, reason in zip(lines, reasons, strict=True):
            if line.hash in seen:  # equal lines have equal dates, so that a day is enough to remember
                yield seen[line.hash] or Repeated()
                continue
            commands = [] if reason else self._commands(day, line, asking)
            seen[line.hash] = next((c for c in commands if c.command_id.startswith(ROW_PREFIX)), None)
            if commands:
                yield from commands
            else:
                yield LeftOut(reason or self._ledger.why_not(line))

    def _commands(self, day: int, line: Line, asking: dict[str, int]) -> list[Command]:
        if line.quantity < 0:
            return self._ledger.refund(line)
        sale = _sale(line)
        self._ledger.add(line, sale)
        return [*self._customer(line), *self._product(day, line, asking.get(line.product_id)), sale]

    def _customer(self, line: Line) -> Iterator[Command]:
        if line.customer and line.customer not in self._customers:
            self._customers.add(line.customer)
            identity = f"{AUX_PREFIX}{line.customer}"
            name = f"Customer {line.customer}"
            yield RegisterCreator(command_id=identity, at_ms=line.at_ms, creator_id=line.customer, name=name)

    def _product(self, day: int, line: Line, asking: int | None) -> Iterator[Command]:
        """Registers and lists a product at its first sale; changes its price at its first sale of a day."""
        product, known = line.product_id, self._prices.get(line.product_id)
        price = asking or known or line.price_minor
        self._prices[product] = price
        if known is None:
            yield RegisterProduct(
                command_id=f"{AUX_PREFIX}{product}-register",
                at_ms=line.at_ms,
                product_id=product,
                merchant_id=MERCHANT,
                category=CATEGORY,
                title=line.title,
                price_minor=price,
                currency=CURRENCY,
            )
            yield ListProduct(command_id=f"{AUX_PREFIX}{product}-list", at_ms=line.at_ms, product_id=product)
        elif price != known:
            identity = f"{AUX_PREFIX}{product}-price-{day}"
            yield ChangePrice(
                command_id=identity, at_ms=line.at_ms, product_id=product, price_minor=price, currency=CURRENCY
            )


def _sale(line: Line) -> RecordSale:
    return RecordSale(
        command_id=ROW_PREFIX + line.hash,
        at_ms=line.at_ms,
        product_id=line.product_id,
        order_id=line.invoice,
        order_line_id=f"{line.invoice}-{line.hash}",
        quantity=line.quantity,
        paid_minor=line.amount_minor,
        currency=CURRENCY,
        creator_id=line.customer,
        buyer_id=line.customer,
    )


def _asking_prices(lines: list[Line]) -> dict[str, int]:
    """By product, the unit price that most of the day's distinct sales paid, where at least two agree."""
    distinct = {line.hash: line for line in lines if line.quantity > 0}
    paid = Counter((line.product_id, line.price_minor) for line in distinct.values())
    agreed: dict[str, tuple[int, int]] = {}
    for (product, price), count in paid.items():
        if count >= AGREEING_LINES_MIN:
            agreed[product] = max(agreed.get(product, (0, 0)), (count, price))
    return {product: price for product, (_, price) in agreed.items()}
