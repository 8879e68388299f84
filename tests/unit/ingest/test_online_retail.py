"""The Online Retail adapter, on a file made by hand and on the real one."""

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fenxiao_schemas.commands import ChangePrice, Command, RecordRefund, RecordSale, RegisterCreator, RegisterProduct
from fenxiao_tools.errors import ToolError
from fenxiao_tools.ingest.items import CloseDay, Repeated
from fenxiao_tools.ingest.online_retail import open_online_retail
from support.source_checks import check, of_kind, reasons

DAY_ONE = datetime(2011, 1, 3, 9, 30)  # noqa: DTZ001 - the file has no zone


def line(
    invoice: str, code: str, quantity: int, price: float, customer: float | None = 7.0, day: int = 0
) -> tuple[Any, ...]:
    return (invoice, code, f"THING {code}", quantity, DAY_ONE + timedelta(days=day), price, customer, "France")


def write(path: Path, lines: list[tuple[Any, ...]]) -> Path:
    names = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
    pl.DataFrame(lines, schema=names, orient="row").write_parquet(path)
    return path


def test_a_line_becomes_a_sale_with_its_product_and_customer(tmp_path: Path) -> None:
    source = open_online_retail(write(tmp_path / "f.parquet", [line("500001", "10001a", 3, 1.005)]))
    items = check(source)
    (sale,), (product,) = of_kind(items, RecordSale), of_kind(items, RegisterProduct)
    (creator,) = of_kind(items, RegisterCreator)
    assert (sale.product_id, sale.quantity, sale.currency) == ("10001A", 3, "GBP")
    assert sale.paid_minor == 302  # 3 x 1.005 = 3.015, rounded half up
    assert sale.creator_id == sale.buyer_id == creator.creator_id == "c7"
    assert (product.title, product.category, product.price_minor) == ("THING 10001a", "gifts", 101)
    assert sale.at_ms == 1_294_047_000_000


def test_equal_lines_become_equal_commands(tmp_path: Path) -> None:
    """So that the catalog finds the duplicates; of left-out lines nobody else could."""
    lines = [line("500001", "10001", 3, 1.0)] * 2 + [line("500001", "POST", 1, 9.0)] * 3
    items = check(open_online_retail(write(tmp_path / "f.parquet", lines)))
    first, second = of_kind(items, RecordSale)
    assert first == second
    assert sum(isinstance(item, Repeated) for item in items) == 2


def test_what_is_no_sale_is_left_out_with_a_reason(tmp_path: Path) -> None:
    lines = [
        line("500001", "POST", 1, 9.0),
        line("500001", "gift_0001_20", 1, 9.0),
        line("500002", "10001", -4, 0.0, None),
        line("500003", "10001", 1, 0.0),
        line("500003", "10001", 1, -5.0),
        line("500003", "10001", 1, 0.001),
        line("C500004", "10001", -1, 1.0, None),
        line("C500004", "10001", -1, 1.0),
        line("500005", "10001", 1, 1.0, float("nan")),
    ]
    items = check(open_online_retail(write(tmp_path / "f.parquet", lines)))
    assert reasons(items) == {
        "not goods: postage or carriage": 1,
        "not goods: gift voucher": 1,
        "stock correction: negative quantity without a cancellation": 1,
        "price is zero or negative": 2,
        "price rounds to nothing, or is beyond all bounds": 1,
        "cancellation without a customer": 1,
        "cancellation: no earlier sale of the product to the customer": 1,
    }
    (sale,) = of_kind(items, RecordSale)
    assert sale.creator_id is None


def test_a_cancellation_takes_back_the_latest_sale_at_its_price(tmp_path: Path) -> None:
    lines = [
        line("500001", "10001", 5, 2.0),
        line("500002", "10001", 5, 2.0, day=1),
        line("500003", "10001", 5, 1.5, day=2),
        line("C500004", "10001", -4, 2.0, day=3),
    ]
    items = check(open_online_retail(write(tmp_path / "f.parquet", lines)))
    sales, (refund,) = of_kind(items, RecordSale), of_kind(items, RecordRefund)
    assert refund.order_line_id == sales[1].order_line_id
    assert (refund.quantity, refund.amount_minor, refund.fault) == (4, 800, "unknown")


def test_a_large_cancellation_is_split_but_one_too_large_is_left_out(tmp_path: Path) -> None:
    lines = [
        line("500001", "10001", 2, 1.0),
        line("500002", "10001", 2, 2.0, day=1),
        line("C500003", "10001", -3, 2.0, day=2),
        line("C500004", "10001", -2, 2.0, day=2),
    ]
    items = check(open_online_retail(write(tmp_path / "f.parquet", lines)))
    own, rest = of_kind(items, RecordRefund)
    assert own.command_id.startswith("row-")
    assert rest.command_id.startswith("aux-")
    assert (own.quantity, own.amount_minor) == (2, 400)
    assert (rest.quantity, rest.amount_minor) == (1, 200)  # at the cancellation's price: all that sale paid
    assert reasons(items) == {"cancellation: more than the earlier sales have left": 1}


def test_the_asking_price_is_what_most_lines_of_a_day_agree_on(tmp_path: Path) -> None:
    lines = [
        line("500001", "10001", 1, 2.0),
        line("500002", "10001", 1, 3.0, day=2),
        line("500003", "10001", 2, 3.0, day=3),
        line("500004", "10001", 3, 3.0, day=3),
        line("500005", "10001", 4, 9.0, day=3),
    ]
    items = check(open_online_retail(write(tmp_path / "f.parquet", lines)))
    (change,) = of_kind(items, ChangePrice)
    assert change.price_minor == 300
    assert [item.day for item in items if isinstance(item, CloseDay)] == [14977, 14978, 14979, 14980]


@pytest.mark.parametrize("broken", ["missing", "text", "truncated", "other columns", "no rows"])
def test_a_bad_file_is_one_line(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "f.parquet"
    if broken == "text":
        path.write_text("no parquet at all")
    elif broken == "truncated":
        write(path, [line("500001", "10001", 1, 2.0)] * 50)
        path.write_bytes(path.read_bytes()[:-100])
    elif broken == "other columns":
        pl.DataFrame({"a": [1]}).write_parquet(path)
    elif broken == "no rows":
        write(path, [line("500001", "10001", 1, 2.0)])
        pl.read_parquet(path).clear().write_parquet(path)
    with pytest.raises(ToolError) as caught:
        open_online_retail(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_every_line_of_the_real_file_is_accounted_for(shared_data: Path) -> None:
    source = open_online_retail(shared_data / "online_retail" / "2010_2011.parquet")
    assert source.rows == 541_909
    rows: Counter[str] = Counter()
    left_out = repeated = duplicates = 0
    seen: set[str] = set()
    for item in source.items():
        if isinstance(item, Command):
            if item.command_id.startswith("row-"):
                rows[type(item).__name__] += 1
                duplicates += item.command_id in seen
                seen.add(item.command_id)
        elif isinstance(item, Repeated):
            repeated += 1
        elif not isinstance(item, CloseDay):
            left_out += 1
    assert rows.total() + left_out + repeated == source.rows
    assert duplicates + repeated == 5_268  # as the data set's README says
    assert rows["RecordSale"] > 520_000
    assert rows["RecordRefund"] > 7_000
