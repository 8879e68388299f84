"""Events into a partition's state, in their order: a compiled loop, a branch per type. Section 2 of the norm.

Each branch is the norm's table of facts and counters, read by event instead of by counter. Control records are not for this
loop: `fold` cuts at them.
"""

from typing import Final, NamedTuple

from fenxiao_schemas import events as ev
from fenxiao_scorer.core.arrays import AnyArray, Ints
from fenxiao_scorer.core.cells import SLOTS_MAX, CellTable, add_pair, add_price
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.products import ProductTable
from fenxiao_scorer.core.scan import FAULT_UNKNOWN, KINDS, SPAN_BITS
from fenxiao_scorer.core.tables import ALWAYS, NEVER
from fenxiao_scorer.core.texts import TextTable, add, find
from fenxiao_scorer.core.windows import COUNTERS, CounterTable, count

AMOUNTS_PER_EVENT: Final = 6
"""At the most, in one journal: a sale is in `known`, `repeats`, `orders`, `net_orders` and `due`."""
CELLS_PER_EVENT: Final = 2
"""At the most, of one kind: a correction takes from an old one and gives to a new one."""
UNKNOWN_PRODUCT: Final = -1
TOO_MANY_PRODUCTS: Final = -2

_REGISTERED: Final = KINDS.index(ev.ProductRegistered)
_AUTHORITY: Final = KINDS.index(ev.AuthorityChanged)
_PRICE: Final = KINDS.index(ev.PriceChanged)
_LISTING: Final = KINDS.index(ev.ListingChanged)
_VIOLATION: Final = KINDS.index(ev.ViolationRecorded)
_PLAN: Final = KINDS.index(ev.PlanChanged)
_VIEWS: Final = KINDS.index(ev.ViewsRecorded)
_SALE: Final = KINDS.index(ev.SaleRecorded)
_CORRECTION: Final = KINDS.index(ev.SaleCorrected)
_REFUND: Final = KINDS.index(ev.RefundRecorded)
_SHIPMENT: Final = KINDS.index(ev.ShipmentRecorded)
_DELIVERY: Final = KINDS.index(ev.DeliveryRecorded)
_REVIEW: Final = KINDS.index(ev.ReviewRecorded)
_MERCHANT: Final = KINDS.index(ev.MerchantRegistered)
_BRAND: Final = KINDS.index(ev.BrandAuthorised)
_CREATOR: Final = KINDS.index(ev.CreatorRegistered)

(KNOWN, REPEATS, ORDERS, DELIVERED, NET_ORDERS, REVIEWS, BAD_REVIEWS) = (
    COUNTERS.index(name) for name in ("known", "repeats", "orders", "delivered", "net_orders", "reviews", "bad_reviews")
)
(QUALITY_RETURNS, EXPLAINED_REFUNDS, DUE, SHIPPED, ON_TIME, NET_MINOR, VIEWS) = (
    COUNTERS.index(name)
    for name in ("quality_returns", "explained_refunds", "due", "shipped", "on_time", "net_minor", "views")
)
_SPAN_MASK: Final = (1 << SPAN_BITS) - 1


class Books(NamedTuple):
    """All that events change."""

    products: ProductTable
    categories: TextTable
    creators: TextTable
    counters: CounterTable
    pairs: CellTable
    prices: CellTable


@compiled
def book(books: Books, text: AnyArray, kinds: AnyArray, fields: Ints, first: int, last: int) -> tuple[int, int]:
    """Book the events from `first` up to, not including, `last`; room must have been reserved for what they bring.

    Returns:
        Where it stopped, and why: 0 at `last`, or a negative code at the event that can't be booked.
    """
    facts = books.products.facts
    for at in range(first, last):
        kind, e = kinds[at], fields[at]
        if kind in (_MERCHANT, _BRAND, _CREATOR):
            continue  # what a product gets from them comes with events of its own
        slot = find(books.products.ids, text, e[0] >> SPAN_BITS, e[0] & _SPAN_MASK)
        if slot < 0:
            if kind != _REGISTERED:
                return at, UNKNOWN_PRODUCT
            if books.products.ids.count[0] >= SLOTS_MAX:
                return at, TOO_MANY_PRODUCTS
            slot = add(books.products.ids, text, e[0] >> SPAN_BITS, e[0] & _SPAN_MASK)
        if not facts[slot].touched:
            facts[slot].touched = True
            books.products.touched[books.products.touched_count[0]] = slot
            books.products.touched_count[0] += 1
        if kind == _SALE:
            _sale(books, text, slot, e)
        elif kind == _SHIPMENT:
            count(books.counters, SHIPPED, slot, e[1], 1)
            if e[2]:
                count(books.counters, ON_TIME, slot, e[1], 1)
        elif kind == _DELIVERY:
            count(books.counters, DELIVERED, slot, e[1], 1)
        elif kind == _VIEWS:
            count(books.counters, VIEWS, slot, e[1], e[2] - e[3])
        elif kind == _REVIEW:
            count(books.counters, REVIEWS, slot, e[1], 1)
            if e[2] <= 2:
                count(books.counters, BAD_REVIEWS, slot, e[1], 1)
        elif kind == _REFUND:
            _refund(books, text, slot, e)
        elif kind == _CORRECTION:
            _correct(books, text, slot, e[1], e[3], e[4], e[5], e[6], -1)
            _correct(books, text, slot, e[2], e[3], e[7], e[8], e[9], 1)
        else:
            _set_fact(books, text, facts, slot, kind, e)
    return last, 0


@compiled
def _creator(books: Books, text: AnyArray, span: int) -> int:
    return add(books.creators, text, span >> SPAN_BITS, span & _SPAN_MASK) if span >= 0 else -1


@compiled
def _sale(books: Books, text: AnyArray, slot: int, e: Ints) -> None:
    creator, day = _creator(books, text, e[1]), e[2]
    if e[7] >= 0:
        count(books.counters, KNOWN, slot, day, 1)
    if e[7] > 0:
        count(books.counters, REPEATS, slot, day, 1)
    count(books.counters, ORDERS, slot, day, 1)
    count(books.counters, NET_ORDERS, slot, day, 1)
    count(books.counters, DUE, slot, e[3], 1)
    if creator >= 0:
        count(books.counters, NET_MINOR, slot, day, e[5])
        add_pair(books.products.facts, books.pairs, slot, creator, day, 1)
    add_price(books.products.facts, books.prices, slot, e[6], day, e[4])


@compiled
def _refund(books: Books, text: AnyArray, slot: int, e: Ints) -> None:
    creator, day, closes = _creator(books, text, e[1]), e[2], e[8] > 0
    if e[9]:
        count(books.counters, ORDERS, slot, day, -1)
    if closes:
        count(books.counters, NET_ORDERS, slot, day, -1)
    if e[11]:
        count(books.counters, QUALITY_RETURNS, slot, day, 1)
    if e[7] != FAULT_UNKNOWN:
        count(books.counters, EXPLAINED_REFUNDS, slot, day, 1)
    if e[10]:
        count(books.counters, DUE, slot, e[3], -1)
    if creator >= 0:
        count(books.counters, NET_MINOR, slot, day, -e[5])
        if closes:
            add_pair(books.products.facts, books.pairs, slot, creator, day, -1)
    add_price(books.products.facts, books.prices, slot, e[6], day, -e[4])


@compiled
def _correct(
    books: Books,
    text: AnyArray,
    slot: int,
    creator_span: int,
    day: int,
    quantity: int,
    minor: int,
    price: int,
    sign: int,
) -> None:
    creator = _creator(books, text, creator_span)
    if creator >= 0:
        count(books.counters, NET_MINOR, slot, day, sign * minor)
        if quantity > 0:
            add_pair(books.products.facts, books.pairs, slot, creator, day, sign)
    add_price(books.products.facts, books.prices, slot, price, day, sign * quantity)


@compiled
def _set_fact(books: Books, text: AnyArray, facts: AnyArray, slot: int, kind: int, e: Ints) -> None:
    """Facts of a product, of which the last one wins."""
    if kind == _REGISTERED:
        facts[slot].category = add(books.categories, text, e[1] >> SPAN_BITS, e[1] & _SPAN_MASK)
        facts[slot].price_minor = e[2]
        _set_authority(facts, slot, e[3], e[4], e[5])
    elif kind == _AUTHORITY:
        _set_authority(facts, slot, e[1], e[2], e[3])
    elif kind == _PRICE:
        facts[slot].price_minor = e[1]
    elif kind == _LISTING:
        facts[slot].listed = e[1] > 0
        facts[slot].held = e[2] > 0
    elif kind == _VIOLATION:
        facts[slot].minor_day = e[1] if e[1] >= 0 else NEVER
        facts[slot].serious_day = e[2] if e[2] >= 0 else NEVER
    elif kind == _PLAN:
        facts[slot].open_commission_bps = e[1]


@compiled
def _set_authority(facts: AnyArray, slot: int, level: int, until_day: int, fallback: int) -> None:
    facts[slot].authority = level
    facts[slot].authority_until_day = until_day if until_day >= 0 else ALWAYS
    facts[slot].authority_fallback = fallback
