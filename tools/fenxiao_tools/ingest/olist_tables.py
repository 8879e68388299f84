"""Reads Olist's CSV files and joins what belongs together; `olist` turns the result into commands.

Times in the files are wall-clock times of Brazil without an offset: they are kept as milliseconds of that wall clock,
and a business day is a calendar day of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import polars as pl

from fenxiao_tools.ingest.items import row_hash
from fenxiao_tools.ingest.tables import Columns, read_csv

_TIME = "%Y-%m-%d %H:%M:%S"
_NOT_IN_A_CATEGORY = re.compile(r"[^a-z0-9_-]+")
NO_CATEGORY = "unknown"

ORDERS: Columns = {
    "order_id": pl.String,
    "customer_id": pl.String,
    "order_status": pl.String,
    "order_purchase_timestamp": pl.String,
    "order_approved_at": pl.String,
    "order_delivered_carrier_date": pl.String,
    "order_delivered_customer_date": pl.String,
    "order_estimated_delivery_date": pl.String,
}
ITEMS: Columns = {
    "order_id": pl.String,
    "order_item_id": pl.Int64,
    "product_id": pl.String,
    "seller_id": pl.String,
    "shipping_limit_date": pl.String,
    "price": pl.String,
    "freight_value": pl.String,
}
REVIEWS: Columns = {
    "review_id": pl.String,
    "order_id": pl.String,
    "review_score": pl.Int64,
    "review_comment_title": pl.String,
    "review_comment_message": pl.String,
    "review_creation_date": pl.String,
    "review_answer_timestamp": pl.String,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file.

    Attributes:
        hash: Of the file's name and all columns.
        values: By column.
    """

    hash: str
    values: dict[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    def ms(self, column: str) -> int | None:
        """A time of the wall clock, in milliseconds."""
        value: int | None = self.values[column]
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The files, as far as they are used.

    Attributes:
        orders, items, reviews: Their rows are accounted for.
        categories: By product id, the English name as a category of ours.
        buyers: By customer id (which is one order's), the person's id.
    """

    orders: list[Row]
    items: list[Row]
    reviews: list[Row]
    categories: dict[str, str]
    buyers: dict[str, str]

    @property
    def rows(self) -> int:
        """How many lines there are to account for."""
        return len(self.orders) + len(self.items) + len(self.reviews)


def read_tables(directory: Path) -> Tables:
    """Read and check all files; raises `ToolError` for the first that is missing, broken, or another."""
    orders = read_csv(directory / "olist_orders_dataset.csv", ORDERS)
    items = read_csv(directory / "olist_order_items_dataset.csv", ITEMS)
    reviews = read_csv(directory / "olist_order_reviews_dataset.csv", REVIEWS)
    customers = read_csv(
        directory / "olist_customers_dataset.csv", {"customer_id": pl.String, "customer_unique_id": pl.String}
    )
    return Tables(
        orders=list(_rows("order", orders)),
        items=list(_rows("item", items)),
        reviews=list(_rows("review", reviews)),
        categories=_read_categories(directory),
        buyers=dict(customers.iter_rows()),
    )


def _rows(file: str, table: pl.DataFrame) -> Iterator[Row]:
    """Equal lines of two files are not each other's duplicates, hence the file's name in the hash."""
    hashes = [row_hash(file, *columns) for columns in table.iter_rows()]
    times = [name for name in table.columns if name.endswith(("_timestamp", "_date", "_at"))]
    # A time that is none becomes null; `olist` says so where it needs it.
    parsed = table.with_columns(pl.col(times).str.to_datetime(_TIME, strict=False, time_unit="ms").dt.epoch("ms"))
    for identity, values in zip(hashes, parsed.iter_rows(named=True), strict=True):
        yield Row(identity, values)


def _read_categories(directory: Path) -> dict[str, str]:
    names: Columns = {"product_category_name": pl.String, "product_category_name_english": pl.String}
    english = dict(read_csv(directory / "product_category_name_translation.csv", names).iter_rows())
    columns: Columns = {"product_id": pl.String, "product_category_name": pl.String}
    products = read_csv(directory / "olist_products_dataset.csv", columns)
    return {product: _category(english.get(name, name)) for product, name in products.iter_rows()}


def _category(name: str | None) -> str:
    """Some names have no translation, and stay Portuguese; some products have none at all."""
    return _NOT_IN_A_CATEGORY.sub("_", (name or "").strip().lower())[:120] or NO_CATEGORY


def minor(amount: str | None) -> int | None:
    """Centavos of an amount in reais, rounded half up; None if it is not an amount."""
    try:
        return int((Decimal(amount or "") * 100).quantize(Decimal(1), ROUND_HALF_UP))
    except ArithmeticError:
        return None
