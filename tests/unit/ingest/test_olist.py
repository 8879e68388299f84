"""The Olist adapter, on files made by hand and on the real ones."""

from pathlib import Path

import pytest

from fenxiao_schemas.commands import (
    ChangePrice,
    RecordDelivery,
    RecordRefund,
    RecordReview,
    RecordSale,
    RecordShipment,
    RegisterMerchant,
    RegisterProduct,
)
from fenxiao_tools.errors import ToolError
from fenxiao_tools.ingest.items import CloseDay, Repeated
from fenxiao_tools.ingest.olist import open_olist
from support.source_checks import check, of_kind, reasons

FILES = {
    "olist_orders_dataset.csv": """order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,\
order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date
o1,c1,delivered,2017-07-09 21:57:05,2017-07-09 22:10:13,2017-07-11 14:58:04,2017-07-26 10:57:55,2017-08-01 00:00:00
o2,c2,canceled,2017-07-10 08:00:00,2017-07-10 09:00:00,,,2017-08-01 00:00:00
o3,c3,unavailable,2017-07-10 08:00:00,,,,2017-08-01 00:00:00
o4,c4,invoiced,2017-07-12 08:00:00,,,,2017-08-01 00:00:00
""",
    "olist_order_items_dataset.csv": """order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value
o1,2,p2,s1,2017-07-09 21:00:00,20.0,1.0
o1,1,p1,s1,2017-07-13 22:00:00,99.9,27.65
o2,1,p1,s2,2019-07-13 22:00:00,89.9,27.65
o4,1,p1,s2,2017-07-13 22:00:00,89.9,27.65
o9,1,p1,s2,2017-07-13 22:00:00,89.9,27.65
""",
    "olist_order_reviews_dataset.csv": """review_id,order_id,review_score,review_comment_title,review_comment_message,\
review_creation_date,review_answer_timestamp
r1,o1,2,,"two
lines, quoted",2017-07-27 00:00:00,2017-07-28 04:10:37
r2,o2,1,,,2017-07-01 00:00:00,2017-07-01 04:10:37
r3,o3,1,,,2017-07-01 00:00:00,2017-07-01 04:10:37
r3,o3,1,,,2017-07-01 00:00:00,2017-07-01 04:10:37
""",
    "olist_customers_dataset.csv": "customer_id,customer_unique_id\nc1,u1\nc2,u1\nc3,u3\nc4,u4\n",
    "olist_products_dataset.csv": "product_id,product_category_name\np1,beleza_saude\np2,Outra Coisa\n",
    "product_category_name_translation.csv": "product_category_name,product_category_name_english\n"
    "beleza_saude,health_beauty\n",
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def test_items_become_sales_and_orders_tell_what_became_of_them(directory: Path) -> None:
    items = check(open_olist(directory))
    sales = {sale.order_line_id: sale for sale in of_kind(items, RecordSale)}
    assert sales.keys() == {"o1-1", "o1-2", "o2-1", "o4-1"}
    sale = sales["o1-1"]
    assert (sale.paid_minor, sale.currency, sale.buyer_id, sale.creator_id) == (9_990, "BRL", "u1", None)
    assert sale.at_ms == 1_499_648_225_000  # 21:57:05 in Brazil is 00:57:05 UTC
    assert [sales[line].promise_hours for line in ("o1-1", "o1-2", "o2-1")] == [97, 1, 720]
    shipped, delivered = of_kind(items, RecordShipment), of_kind(items, RecordDelivery)
    assert [command.order_line_id for command in shipped] == ["o1-1", "o1-2"]
    assert [command.command_id[:4] for command in shipped + delivered] == ["row-", "aux-", "aux-", "aux-"]


def test_a_cancelled_order_is_refunded_in_full(directory: Path) -> None:
    (refund,) = of_kind(check(open_olist(directory)), RecordRefund)
    assert (refund.order_line_id, refund.quantity, refund.amount_minor) == ("o2-1", 1, 8_990)
    assert refund.fault == "unknown"
    assert refund.at_ms == 1_499_688_000_000  # when it was approved: the last that is known of it


def test_a_review_is_of_the_first_item_and_not_sent_before_its_sale(directory: Path) -> None:
    items = check(open_olist(directory))
    reviews = {review.review_id: review for review in of_kind(items, RecordReview)}
    assert (reviews["r1"].order_line_id, reviews["r1"].stars) == ("o1-1", 2)
    (sale,) = [sale for sale in of_kind(items, RecordSale) if sale.order_line_id == "o2-1"]
    assert reviews["r2"].at_ms < sale.at_ms
    assert items.index(reviews["r2"]) > items.index(sale)


def test_products_have_translated_categories_sellers_and_the_last_price(directory: Path) -> None:
    items = check(open_olist(directory))
    products = {product.product_id: product for product in of_kind(items, RegisterProduct)}
    assert {key: product.category for key, product in products.items()} == {"p1": "health_beauty", "p2": "outra_coisa"}
    assert {merchant.merchant_id for merchant in of_kind(items, RegisterMerchant)} == {"s1"}
    assert [change.price_minor for change in of_kind(items, ChangePrice)] == [8_990]


def test_what_tells_nothing_is_left_out_with_a_reason(directory: Path) -> None:
    items = check(open_olist(directory))
    assert reasons(items) == {
        "item of an unknown order": 1,
        "order without items": 1,
        "order of which nothing is known but its sale": 1,
        "review of an order without items": 1,
    }
    assert sum(isinstance(item, Repeated) for item in items) == 1


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_one_line(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(ToolError, match=name):
        open_olist(directory)


@pytest.mark.parametrize("name", FILES)
def test_another_file_under_its_name_is_one_line(directory: Path, name: str) -> None:
    (directory / name).write_text("a,b\n1,2\n")
    with pytest.raises(ToolError, match="lacks the column") as caught:
        open_olist(directory)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["", "\x00\xff", FILES["olist_order_items_dataset.csv"].replace("o1,2,", "o1,two,")], ids=repr
)
def test_broken_content_is_one_line(directory: Path, content: str) -> None:
    (directory / "olist_order_items_dataset.csv").write_text(content, encoding="latin-1")
    with pytest.raises(ToolError, match="olist_order_items_dataset") as caught:
        open_olist(directory)
    assert "\n" not in str(caught.value)


def test_no_directory_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no directory"):
        open_olist(tmp_path / "none")


def test_every_row_of_the_real_files_is_accounted_for(shared_data: Path) -> None:
    source = open_olist(shared_data / "olist")
    assert source.rows == 8_135 + 8_365 + 8_225
    items = check(source)
    assert len(of_kind(items, RecordSale)) == 8_365
    assert len([item for item in items if isinstance(item, CloseDay)]) == 779
