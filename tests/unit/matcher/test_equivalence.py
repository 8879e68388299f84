"""However the log arrives and whenever lists are made, the lists are the same: those of a plain recomputation."""

from collections import defaultdict
from collections.abc import Iterator
from math import isqrt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenxiao_matcher.core import pools, rank
from fenxiao_matcher.core.lists import rows_of
from fenxiao_matcher.core.matcher import Matcher
from fenxiao_matcher.core.walk import walk
from support.matcher_town import FIRST_DAY, Town, all_lists, drain, fold, matcher_of, matching, shown

CREATORS = [f"C{number}" for number in range(6)]
PRODUCTS = [f"P{number}" for number in range(7)]
CATEGORIES = ["a", "a/b", "a/b/c", "a/d", "e"]
EXACT = matching(materiality_bps=0, list_length=3, merchant_cap=2, category_cap=2, half_life_days=5)

creators = st.sampled_from(CREATORS)
products = st.sampled_from(PRODUCTS)
money = st.integers(0, 50_000)
days = st.integers(FIRST_DAY - 20, FIRST_DAY + 1)
operations = st.one_of(
    st.tuples(st.just("sale"), creators, products, money, days),
    st.tuples(st.just("sale"), creators, products, money, days),
    st.tuples(st.just("refund"), creators, products, money, days),
    st.tuples(st.just("correction"), creators, creators, products, money, days),
    st.tuples(st.just("listing"), products, st.booleans(), st.booleans()),
    st.tuples(st.just("plan"), products, st.integers(0, 5_000)),
    st.tuples(st.just("tier"), products, st.integers(0, 5)),
    st.tuples(st.just("product"), products, st.sampled_from(CATEGORIES), st.sampled_from(["M1", "M2"])),
    st.tuples(st.just("creator"), creators, st.sampled_from(CATEGORIES), st.integers(0, 10**9)),
    st.tuples(st.just("close")),
)


def perform(town: Town, operation: tuple[Any, ...]) -> None:
    name, *arguments = operation
    if name == "listing":
        town.listing(arguments[0], listed=arguments[1], held=arguments[2])
    elif name == "creator":
        town.creator(arguments[0], arguments[1], followers=arguments[2])
    elif name == "close":
        closed = sum(type(message).__name__ == "DayClosed" for _, message in town.log) // town.partitions
        town.close(FIRST_DAY + closed)
    else:
        getattr(town, name)(*arguments)


def town_of(steps: list[tuple[Any, ...]]) -> Town:
    town = Town()
    for one in PRODUCTS[:5]:
        town.product(one, CATEGORIES[int(one[1:]) % 5], tier=5)
    for number, creator in enumerate(CREATORS[:4]):
        town.sale(creator, PRODUCTS[number])
        town.sale(creator, PRODUCTS[number + 1])
    for step in steps:
        perform(town, step)
    return town


@pytest.fixture(params=["small pools", "pools as they are"])
def pool_sizes(request: pytest.FixtureRequest) -> Iterator[None]:
    """In so small a town, pools of full size hold everybody, and hide what a walk should have found."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "small pools":
            patch.setattr(pools, "POOL_MAX", 1)
            patch.setattr(rank, "CANDIDATES_PER_ENTRY", 0)
        yield


@pytest.mark.usefixtures("pool_sizes")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(operations, max_size=40), st.lists(st.integers(1, 30), max_size=8), st.integers(1, 4))
def test_ranking_only_dirty_lists_loses_nothing(steps: list[Any], pauses: list[int], limit: int) -> None:
    """A matcher that published now and then, in small rounds, ends with what one that ranks all at the end has."""
    log = town_of(steps).log
    matcher = Matcher(2)
    at = 0
    for pause in pauses:
        fold(matcher, log[at : at + pause])
        at += pause
        drain(matcher, EXACT, limit) if matcher.state.calendar.open_day else None
    fold(matcher, log[at:])
    drain(matcher, EXACT, limit)
    whole = Matcher(2)
    fold(whole, log)
    drain(whole, EXACT)
    expected = {key: rows_of(entries) for key, entries in all_lists(whole).items()}
    assert shown(matcher) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(operations, max_size=40), st.randoms(use_true_random=False))
def test_the_order_across_aggregates_does_not_matter(steps: list[Any], dice: Any) -> None:
    """Records of different products, creators and topics commute; so do sales."""
    town = town_of(steps)
    queues: dict[Any, list[Any]] = defaultdict(list)
    for position, (partition, message) in enumerate(town.log):
        kind = type(message).__name__
        key: Any = (kind, getattr(message, "product_id", getattr(message, "creator_id", partition)))
        if kind in {"SaleRecorded", "RefundRecorded", "SaleCorrected"}:
            key = position
        queues[key].append((partition, message))
    order = [key for key, queue in queues.items() for _ in queue]
    dice.shuffle(order)
    shuffled = Town(2)
    shuffled.log = [queues[key].pop(0) for key in order]
    calendar = [entry for entry in shuffled.log if type(entry[1]).__name__ in {"CalendarStarted", "DayClosed"}]
    calendar.sort(key=lambda entry: entry[1].seq)
    shuffled.log = [entry for entry in shuffled.log if entry not in calendar] + calendar
    assert all_lists(matcher_of(shuffled, EXACT)) == all_lists(matcher_of(town, EXACT))


def plain_walk(sales: dict[tuple[str, str], int], start: str) -> dict[str, int]:
    """The walk from a creator, written from its definition."""
    strength = {pair: isqrt(net * 10_000) for pair, net in sales.items() if net > 0}
    of_creator = {c: sum(s for (a, _), s in strength.items() if a == c) for c, _ in strength}
    of_product = {p: sum(s for (_, b), s in strength.items() if b == p) for _, p in strength}
    alike: dict[str, int] = defaultdict(int)
    for (creator, product), s in strength.items():
        if creator != start and (start, product) in strength:
            alike[creator] += 10**12 * strength[start, product] // of_product[product] * s
    found: dict[str, int] = defaultdict(int)
    for (creator, product), s in strength.items():
        if creator in alike:
            found[product] += alike[creator] // of_creator[creator] * s
    scored = {product: value // isqrt(of_product[product]) for product, value in found.items()}
    return {product: value for product, value in scored.items() if value}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(creators, products, st.integers(1, 10**7)), min_size=1, max_size=40))
def test_the_walk_equals_its_definition(sold: list[tuple[str, str, int]]) -> None:
    town = Town(1)
    sales: dict[tuple[str, str], int] = defaultdict(int)
    for creator, product, net_minor in sold:
        town.sale(creator, product, net_minor)
        sales[creator, product] += net_minor
    graph = matcher_of(town).state.graph
    for creator in CREATORS:
        assert walk(graph, graph.creators, creator).found == plain_walk(sales, creator)
