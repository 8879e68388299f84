"""The synthetic market: the same for the same seed, and with everything in it that it promises."""

import hashlib
from collections import Counter

import pytest

from fenxiao_schemas.codec import encode
from fenxiao_schemas.commands import (
    AnyCommand,
    AuthoriseBrand,
    Command,
    RecordRefund,
    RecordSale,
    RecordShipment,
    RecordViews,
    RegisterMerchant,
    RegisterProduct,
    SetPlan,
)
from fenxiao_tools.ingest.items import Item, Unreadable
from fenxiao_tools.ingest.synthetic import Size, open_synthetic
from support.source_checks import CODEC, check, of_kind

SMALL = Size(products=300, days=40, creators=80)


@pytest.fixture(scope="module")
def market() -> list[Item]:
    return check(open_synthetic(SMALL, seed=7, poison=True))


def digest(seed: int, *, poison: bool = False) -> str:
    source = open_synthetic(Size(products=60, days=15, creators=20), seed=seed, poison=poison)
    bodies = [encode(item) if isinstance(item, Command) else repr(item).encode() for item in source.items()]
    return hashlib.sha256(b"\n".join(bodies)).hexdigest()


def test_the_same_seed_makes_the_same_bytes() -> None:
    assert digest(7) == digest(7)
    assert digest(7) != digest(8)


def test_poison_changes_nothing_else(market: list[Item]) -> None:
    clean = list(open_synthetic(SMALL, seed=7).items())
    assert [item for item in market if not isinstance(item, Unreadable)] == clean
    assert not [item for item in clean if isinstance(item, Unreadable)]


def test_poison_is_unreadable_or_under_another_key(market: list[Item]) -> None:
    poison = [item for item in market if isinstance(item, Unreadable)]
    readable = [CODEC.decode(item.body) for item in poison if item.key.endswith("-another")]
    (*_, rejected) = [CODEC.decode_batch([item.body for item in poison if not item.key.endswith("-another")])]
    assert readable
    assert rejected
    assert not [item for item in rejected if isinstance(item, Command)]


def test_every_kind_of_command_occurs(market: list[Item]) -> None:
    kinds = {type(item) for item in market if isinstance(item, Command)}
    assert kinds == set(AnyCommand.__args__)


def test_what_scoring_needs_occurs(market: list[Item]) -> None:
    assert {merchant.kind for merchant in of_kind(market, RegisterMerchant)} == {"individual", "enterprise"}
    assert {brand.level for brand in of_kind(market, AuthoriseBrand)} == {"authorised", "flagship"}
    assert any(brand.until_day for brand in of_kind(market, AuthoriseBrand))
    assert {plan.kind for plan in of_kind(market, SetPlan)} == {"open", "targeted"}
    assert {refund.fault for refund in of_kind(market, RecordRefund)} == {
        "seller", "buyer", "carrier", "none", "unknown",
    }  # fmt: skip
    assert max(views.revision for views in of_kind(market, RecordViews)) == 2
    assert {product.category.count("/") for product in of_kind(market, RegisterProduct)} == {1, 2}
    sales = of_kind(market, RecordSale)
    assert 0.1 < sum(sale.creator_id is None for sale in sales) / len(sales) < 0.35


def test_half_of_the_products_sell_enough_to_be_rated() -> None:
    """30 orders in 90 days, in the default size; and some sell much more."""
    source = open_synthetic(Size(), seed=1)
    items = list(source.items())
    sold = Counter(sale.product_id for sale in of_kind(items, RecordSale))
    assert sum(count >= 30 for count in sold.values()) >= 250
    assert sum(count >= 150 for count in sold.values()) >= 25
    assert 100_000 <= sum(isinstance(item, Command) for item in items) <= 160_000


def test_a_quiet_market_has_fewer_orders_and_view_counts() -> None:
    def kinds(activity: float) -> Counter[type]:
        size = Size(products=300, days=20, creators=80, activity=activity)
        return Counter(type(item) for item in open_synthetic(size, seed=3).items())

    usual, quiet, lively = kinds(1.0), kinds(0.2), kinds(2.0)
    assert quiet[RegisterProduct] == pytest.approx(usual[RegisterProduct], rel=0.02)
    assert quiet[RecordViews] == pytest.approx(0.2 * usual[RecordViews], rel=0.1)
    assert lively[RecordViews] == pytest.approx(usual[RecordViews], rel=0.02)
    # Fake orders are as many as ever.
    assert 0.15 < quiet[RecordSale] / usual[RecordSale] < 0.3
    assert 1.8 < lively[RecordSale] / usual[RecordSale] < 2.05


def test_the_usual_market_is_what_it_was() -> None:
    """Its figures are compared over time: a change of the made market is a decision, not an accident."""
    assert digest(7, poison=True) == "d7dbde3370c69929df8ce0cad940e891b239838394f76befe2e76834320c4f19"


def test_some_come_early_late_twice_or_wrong(market: list[Item]) -> None:
    open_day, lines, products = SMALL.first_day, set[str](), set[str]()
    found: Counter[str] = Counter()
    content: dict[str, Command] = {}
    for item in market:
        if not isinstance(item, Command):
            open_day = getattr(item, "day", open_day - 1) + 1
            continue
        day = (item.at_ms + 480 * 60_000) // 86_400_000
        found["late"] += day < open_day
        found["in the future"] += day > open_day + 1
        found["twice"] += content.get(item.command_id) == item
        found["id reused"] += item.command_id in content and content[item.command_id] != item
        content[item.command_id] = item
        found["wrong currency"] += getattr(item, "currency", "CNY") != "CNY"
        if isinstance(item, RegisterProduct):
            products.add(item.product_id)
        elif isinstance(item, RecordSale):
            lines.add(item.order_line_id)
            found["before its product"] += item.product_id not in products
        elif isinstance(item, RecordShipment):
            found["before its sale"] += item.order_line_id not in lines
    assert len([kind for kind, count in found.items() if count]) == 7, found
    commands = len(content)
    assert 0.004 < found["late"] / commands < 0.03
    assert 0.002 < found["twice"] / commands < 0.01
