"""However the log arrives and whenever lists are made, the lists are the same: those of a plain recomputation."""

from collections import defaultdict
from collections.abc import Iterator
from math import isqrt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenxiao_matcher.core import pools, rank
from fenxiao_matcher.core import snapshot as snapshot_module
from fenxiao_matcher.core import walk as walk_module
from fenxiao_matcher.core.lists import rows_of
from fenxiao_matcher.core.matcher import Matcher
from fenxiao_matcher.core.walk import walk
from support.matcher_town import FIRST_DAY, Town, all_lists, drain, fold, matcher_of, matching, publish, shown

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


@pytest.fixture(params=["everything small", "small pools", "pools as they are"])
def pool_sizes(request: pytest.FixtureRequest) -> Iterator[None]:
    """In so small a town, pools of full size hold everybody, and hide what a walk should have found; and no walk is cut."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "pools as they are":
            patch.setattr(pools, "POOL_MAX", 1)
            patch.setattr(rank, "CANDIDATES_PER_ENTRY", 0)
        if request.param == "everything small":
            patch.setattr(snapshot_module, "NEIGHBOURS_MAX", 2)
            patch.setattr(walk_module, "PEERS_MAX", 2)
            patch.setattr(rank, "FOUND_MAX", 2)
        yield


def catch_up_in_part(matcher: Matcher, log: list[Any], dice: Any, limit: int) -> int:
    """Fold between the steps of settling, publish a few lists or all; returns how much of the log was folded."""
    at = 0
    wanted = matcher.policy_wanted
    if wanted is not None:
        matcher.use_policy(wanted, EXACT)
    for _ in matcher.settle():
        step = dice.choice([0, 0, 0, 1, 3])
        fold(matcher, log[at : at + step])
        at += step
    for _ in range(dice.randint(0, 4)):
        if dice.random() < 0.5:
            matcher.withdraw()
        publish(matcher, limit, urgent=dice.random() < 0.3)
    return min(at, len(log))


@pytest.mark.usefixtures("pool_sizes")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(operations, max_size=40),
    st.lists(st.integers(1, 30), max_size=8),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_folding_while_lists_are_made_loses_nothing(steps: list[Any], pauses: list[int], limit: int, dice: Any) -> None:
    """The same when settling and publishing are never waited for: between any two steps of them more is folded."""
    log = town_of(steps).log
    matcher = Matcher(2)
    at = 0
    for pause in pauses:
        fold(matcher, log[at : at + pause])
        at = min(at + pause, len(log))
        at += catch_up_in_part(matcher, log[at:], dice, limit)
    fold(matcher, log[at:])
    drain(matcher, EXACT, limit)
    whole = Matcher(2)
    fold(whole, log)
    drain(whole, EXACT)
    assert shown(matcher) == {key: rows_of(entries) for key, entries in all_lists(whole).items()}


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


def plain_walk(sales: dict[tuple[str, str], int], start: str, neighbours_max: int, peers_max: int) -> dict[str, int]:
    """The walk from the first of a pair, written from its definition, with plain integers and dictionaries."""
    strength = {pair: isqrt(net * 10_000) for pair, net in sales.items() if net > 0}
    near: list[dict[str, dict[str, int]]] = [{}, {}]
    degrees: list[dict[str, int]] = [defaultdict(int), defaultdict(int)]
    for side in (0, 1):
        edges: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for pair, s in strength.items():
            edges[pair[side]].append((-s, pair[1 - side]))
            degrees[side][pair[side]] += s
        for one, others in edges.items():
            kept = sorted(others)[:neighbours_max]
            near[side][one] = {other: -s * 2**30 // degrees[side][one] for s, other in kept}
    alike: dict[str, int] = defaultdict(int)
    for other, share in near[0].get(start, {}).items():
        for peer, back in near[1][other].items():
            alike[peer] += share * back
    alike.pop(start, None)
    weights = [(-(value // 2**30), peer) for peer, value in alike.items() if value // 2**30]
    found: dict[str, int] = defaultdict(int)
    for weight, peer in sorted(weights)[:peers_max]:
        for other, share in near[0][peer].items():
            found[other] += -weight * share
    scored = {}
    for other, value in found.items():
        root = isqrt(degrees[1][other])
        coarse = root >> max(root.bit_length() - 5, 0) << max(root.bit_length() - 5, 0)
        scored[other] = value // 2**12 // max(coarse, 1)
    return {other: value for other, value in scored.items() if value}


many = st.integers(0, 29)
graphs = st.one_of(
    st.lists(st.tuples(many, many, st.integers(1, 10**12)), min_size=1, max_size=300),
    st.lists(st.tuples(many, many, st.integers(1, 3)), min_size=1, max_size=300),
)


@pytest.mark.parametrize("sizes", [(64, 256), (3, 4), (1, 1)])
@settings(max_examples=100, deadline=None)
@given(graphs)
def test_the_walk_equals_its_definition(sizes: tuple[int, int], sold: list[tuple[int, int, int]]) -> None:
    """Both ways, whole and cut off, with ties and with any amounts."""
    town = Town(1)
    sales: dict[tuple[str, str], int] = defaultdict(int)
    for creator, product, net_minor in sold:
        town.sale(f"C{creator}", f"P{product}", net_minor)
        sales[f"C{creator}", f"P{product}"] += net_minor
    swapped = {(product, creator): net for (creator, product), net in sales.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot_module, "NEIGHBOURS_MAX", sizes[0])
        patch.setattr(walk_module, "PEERS_MAX", sizes[1])
        matcher = matcher_of(town)
        assert matcher._view is not None
        snapshot, graph = matcher._view.snapshot, matcher.state.graph
        ways = ((graph.creators, snapshot.creators, sales), (graph.products, snapshot.products, swapped))
        for way, (names, side, pairs) in enumerate(ways):
            others, other_side, _ = ways[1 - way]
            for start in names.ids:
                found = walk(side, other_side, names.number(start)).found.tolist()
                told = {others.ids[number]: value for number, value in enumerate(found) if value}
                assert told == plain_walk(pairs, start, *sizes)
