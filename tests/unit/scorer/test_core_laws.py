"""Laws of the score: of two markets that differ in one event of one product, which one the product stands better in.

Within the curves in force, those of the day before last, the laws hold without exception: nothing that happens today is in
them. From the second close on the product's own value is in the curve it is measured by. Then they hold

- if priors are 0: a prior pulls every peer's rate towards the mean, the product's own good deeds raise the mean, and a peer may
  be lifted by it over the edge of the product's bin;
- up to one place, its own: a product that was better yesterday than it is today (a window has moved on) is one of the
  peers that are now better. Where its values stand still nothing is lost, for then it is in its own bin or below.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenxiao_schemas import events as ev
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.policy import FORCE_INDICATORS, Policy, default_policy
from fenxiao_schemas.tiers import FORCES, INDICATORS
from fenxiao_scorer.core import ScorerState, fold, restore, snapshot
from fenxiao_scorer.core.assess import assessed
from fenxiao_scorer.core.layout import (
    COMMISSION,
    CONVERSION,
    DISPATCH,
    INTEGRITY,
    NEGATIVE,
    PRICE,
    REPEAT,
    RETURNS,
    SALES,
)
from fenxiao_scorer.core.tables import DONE, FORCE, NULL, POINTS, SCORE
from support.random_log import RandomLog, Shape
from support.scorer_run import events_of, run
from support.transform import redealt, renamed, with_events

DAY: Final = 20_000
DAYS: Final = 5
CHANGE_DAY: Final = DAY + 1
PEERS: Final = 16
TARGET: Final = "target"
BPS: Final = 10_000
SEEDS = st.integers(0, 2**32)
quick = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])

type Fields = dict[str, Any]
type Rows = dict[str, list[int]]
"""Of each product, a row of `tables`."""


class Law(NamedTuple):
    """One thing that is better than another, or than nothing.

    Attributes:
        indicators: Whose points must not be lower; their force neither, if they are all of it that changes.
        better: The event of the better market, of the target, on an open day.
        worse: That of the other one.
    """

    indicators: tuple[int, ...]
    better: Callable[[int], AnyEvent | None]
    worse: Callable[[int], AnyEvent | None]


def line(day: int, **fields: Any) -> Fields:
    common: Fields = {"seq": 1, "product_id": TARGET, "order_line_id": "law", "order_day": day, "due_day": day - 1}
    return common | {"quantity": 1, "unit_price_minor": 900, "creator_id": "c0"} | fields


def sale(day: int, **fields: Any) -> ev.SaleRecorded:
    return ev.SaleRecorded(**line(day, order_id="o", at_ms=0, paid_minor=900, repeat=True) | fields)


def many(day: int, **fields: Any) -> ev.SaleRecorded:
    return sale(day, quantity=50, **fields)


def refund(day: int, **fields: Any) -> ev.RefundRecorded:
    known: Fields = {"refund_id": "r", "amount_minor": 500, "fault": "buyer"} | fields
    return ev.RefundRecorded(**line(day, **known))


def correction(day: int, net_minor: int) -> ev.SaleCorrected:
    old: Fields = {"old_net_quantity": 1, "old_net_minor": 900, "old_unit_price_minor": 900, "old_creator_id": "c0"}
    new: Fields = {"net_quantity": 1, "net_minor": net_minor, "unit_price_minor": 900, "creator_id": "c0"}
    return ev.SaleCorrected(seq=1, product_id=TARGET, order_line_id="law", order_day=day, **old, **new)


def shipment(day: int, *, on_time: bool) -> ev.ShipmentRecorded:
    facts: Fields = {"order_line_id": "law", "order_day": day, "due_day": day - 1}
    return ev.ShipmentRecorded(seq=1, product_id=TARGET, **facts, on_time=on_time)


def review(day: int, stars: int) -> ev.ReviewRecorded:
    return ev.ReviewRecorded(seq=1, product_id=TARGET, order_line_id="law", order_day=day, stars=stars)


def delivery(day: int) -> ev.DeliveryRecorded:
    return ev.DeliveryRecorded(seq=1, product_id=TARGET, order_line_id="law", order_day=day)


def views(day: int, count: int) -> ev.ViewsRecorded:
    return ev.ViewsRecorded(seq=1, product_id=TARGET, day=day, views=count, previous_views=0)


def price(minor: int) -> ev.PriceChanged:
    return ev.PriceChanged(seq=1, product_id=TARGET, price_minor=minor)


def plan(bps: int) -> ev.PlanChanged:
    facts: Fields = {"plan_id": "x", "kind": "open"}
    return ev.PlanChanged(seq=1, product_id=TARGET, **facts, commission_bps=bps, open_commission_bps=bps)


LAWS: Final[dict[str, Law]] = {
    "a sale with a creator": Law((SALES, CONVERSION), sale, lambda _: None),
    "a sale of more money": Law((SALES, CONVERSION), lambda d: sale(d, paid_minor=4000), sale),
    "no refund": Law((SALES, CONVERSION), lambda _: None, refund),
    "no refund of a whole line": Law((SALES, CONVERSION), lambda _: None, lambda d: refund(d, closes_line=True)),
    "a smaller refund": Law((SALES, CONVERSION), lambda d: refund(d, amount_minor=1), refund),
    "a correction upwards": Law((SALES, CONVERSION), lambda d: correction(d, 3000), lambda _: None),
    "a buyer who comes again": Law((REPEAT,), sale, lambda d: sale(d, repeat=False)),
    "a good review": Law((NEGATIVE,), lambda d: review(d, 5), lambda d: review(d, 1)),
    "no bad review": Law((NEGATIVE,), lambda _: None, lambda d: review(d, 2)),
    "a delivery without complaint": Law((NEGATIVE, RETURNS), delivery, lambda _: None),
    "no quality return": Law((RETURNS,), refund, lambda d: refund(d, quality_return=True, fault="seller")),
    "shipped on time": Law((DISPATCH,), lambda d: shipment(d, on_time=True), lambda d: shipment(d, on_time=False)),
    # Views below the net orders count as so many net orders, and a prior then makes more of them the better rate.
    "as many orders from fewer views": Law((CONVERSION,), lambda d: views(d, 1), lambda d: views(d, 400)),
    # What is paid stays, so the list price is nearer to it; and what nobody has paid yet is cheaper.
    "a lower list price": Law((PRICE, INTEGRITY), lambda _: price(700), lambda _: price(1200)),
    # Of one indicator alone, for the same sale makes the other one of its force worse.
    "paid nearer to the list price": Law((INTEGRITY,), many, lambda d: many(d, unit_price_minor=100)),
    "paid less for it": Law((PRICE,), lambda d: many(d, unit_price_minor=100), many),
    "a higher commission": Law((COMMISSION,), lambda _: plan(3000), lambda _: plan(300)),
}
_PART_OF_A_FORCE: Final = ("paid nearer to the list price", "paid less for it")


class Market(NamedTuple):
    """Peers that live from day to day, and a target among them."""

    policy: Policy
    events: list[list[AnyEvent]]
    """By day, the last one open."""


def market(seed: int, *, priors: int, window: int, target_lives_on: bool) -> Market:
    random = Random(seed)
    names = [TARGET, *(f"p{number}" for number in range(PEERS))]
    skills = {name: (random.random(), random.randint(1, 4), random.randint(300, 3000)) for name in names}
    days: list[list[AnyEvent]] = [[] for _ in range(DAYS)]
    for name in names:
        days[0] += listing(name, skills[name][2], random)
    for number, today in enumerate(days):
        for name in names:
            if name != TARGET or target_lives_on or DAY + number < CHANGE_DAY:
                today.extend(a_day(name, DAY + number, *skills[name], random))
    return Market(policy_of(priors, window), days)


def policy_of(priors: int, window: int) -> Policy:
    data: Fields = msgspec.to_builtins(default_policy())
    data["windows"] = dict.fromkeys(data["windows"], window)
    data["priors"] = dict.fromkeys(data["priors"], priors)
    data["curves"] |= {"peers_min": 2, "peers_floor": 2}
    data["delivery"]["auto_confirm_days"] = 0
    data["tiers"]["materiality_bps"] = 1
    return msgspec.convert(data, Policy)


def listing(name: str, minor: int, random: Random) -> list[AnyEvent]:
    facts: Fields = {"merchant_id": "m", "category": "home", "title": "t", "price_minor": minor}
    open_bps = random.choice([500, 1000, 2000])
    plan_facts: Fields = {"plan_id": "x", "kind": "open", "commission_bps": open_bps, "open_commission_bps": open_bps}
    return [
        ev.ProductRegistered(seq=1, product_id=name, **facts),
        ev.ListingChanged(seq=1, product_id=name, listed=True, held=False),
        ev.PlanChanged(seq=1, product_id=name, **plan_facts),
    ]


def a_day(name: str, day: int, skill: float, sales: int, minor: int, random: Random) -> list[AnyEvent]:
    events: list[AnyEvent] = [
        ev.ViewsRecorded(seq=1, product_id=name, day=day, views=random.randint(50, 300), previous_views=0)
    ]
    for number in range(1 + random.randint(0, sales)):
        known: Fields = {"order_line_id": f"{name}.{day}.{number}", "order_day": day}
        paid, creator = random.randint(minor // 2, minor), random.choice([None, "c0", "c1", "c2"])
        lines: Fields = {"due_day": day, "quantity": 1, "unit_price_minor": paid, "creator_id": creator}
        repeat = random.random() < skill
        money: Fields = {"order_id": "o", "at_ms": 0, "paid_minor": paid, "repeat": repeat}
        late, bad, returned = (random.random() > 0.4 + 0.6 * skill for _ in range(3))
        events += [
            ev.SaleRecorded(seq=1, product_id=name, **known, **lines, **money),
            ev.ShipmentRecorded(seq=1, product_id=name, **known, due_day=day, on_time=not late),
            ev.DeliveryRecorded(seq=1, product_id=name, **known),
            ev.ReviewRecorded(seq=1, product_id=name, **known, stars=1 if bad else 5),
        ]
        if returned:
            facts: Fields = {"refund_id": "r", "amount_minor": paid // 4, "fault": "seller", "quality_return": True}
            events.append(ev.RefundRecorded(seq=1, product_id=name, **known, **lines | {"quantity": 0}, **facts))
    return events


def log_of(place: Market, extra: AnyEvent | None = None) -> RandomLog:
    """The market, with an event more at the end of the day of the change."""
    calendar: Fields = {"first_day": DAY, "policy_version": 1, "algorithm_version": 1, "utc_offset_minutes": 480}
    events: list[AnyEvent] = [ev.CalendarStarted(seq=1, **calendar, currency="CNY", partitions=1)]
    for number, today in enumerate(place.events):
        events += today
        if extra is not None and DAY + number == CHANGE_DAY:
            events.append(extra)
        if number < DAYS - 1:
            events.append(ev.DayClosed(seq=1, day=DAY + number, next_policy_version=1, next_algorithm_version=1))
    return with_events(RandomLog(Shape(partitions=1), [], {1: place.policy}), [events])


def looked_at(state: ScorerState) -> Rows:
    """What a barrier would find now."""
    slots = np.arange(state.products.count)
    return dict(zip(state.products.ids.names(slots), assessed(state.sight(), slots).tolist(), strict=True))


class Seen(NamedTuple):
    """What the first barrier of a day would find: rows, and of each indicator the peers in the curve in force."""

    rows: Rows
    peers: list[int]


def days_of(log: RandomLog) -> list[Seen]:
    """Each day but the first."""
    found: list[Seen] = []

    def look(state: ScorerState) -> ScorerState:
        curves = state.curves
        peers = [0] * len(INDICATORS) if curves is None else [int(each.sizes[curves.paths[""]]) for each in curves.rows]
        found.append(Seen(looked_at(state), peers))
        return state

    run(log, between=look)
    return found[: DAYS - 1]


def both(name: str, place: Market) -> list[tuple[list[int], list[int], list[int]]]:
    """The target on each day, in the better and in the worse market; and the peers, where they are fewer."""
    days = (days_of(log_of(place, event(CHANGE_DAY))) for event in (LAWS[name].better, LAWS[name].worse))
    return [
        (better.rows[TARGET], worse.rows[TARGET], list(map(min, better.peers, worse.peers)))
        for better, worse in zip(*days, strict=True)
    ]


def after(data: bytes, extra: AnyEvent | None) -> Rows:
    state = restore(data)
    if extra is not None:
        event = msgspec.structs.replace(extra, seq=state.last_event_seq + 1)
        list(fold(state, events_of([event]), 100))
    return looked_at(state)


def forces_of(name: str) -> list[int]:
    """The columns of the forces to which a law's indicators belong."""
    if name in _PART_OF_A_FORCE:
        return []
    members = {INDICATORS[indicator] for indicator in LAWS[name].indicators}
    return [FORCE + FORCES.index(force) for force, rows in FORCE_INDICATORS.items() if members & set(rows)]


def columns_of(name: str) -> list[int]:
    return [*(POINTS + indicator for indicator in LAWS[name].indicators), *forces_of(name)]


def assert_law_holds(name: str, better: Sequence[int], worse: Sequence[int]) -> None:
    law = LAWS[name]
    for indicator in law.indicators:
        assert better[NULL + indicator] == worse[NULL + indicator], "no law joins a value and none"
    for column in columns_of(name):
        assert better[column] >= worse[column], (name, column)
    mine = [POINTS + indicator for indicator in law.indicators]
    if all(better[at] == worse[at] for at in range(POINTS, POINTS + len(INDICATORS)) if at not in mine):
        assert better[SCORE] >= worse[SCORE]


@quick
@given(SEEDS, st.sampled_from([0, 3, 1000]), st.integers(2, DAYS))
@pytest.mark.parametrize("name", LAWS)
def test_within_the_curves_in_force_better_is_never_worse(name: str, seed: int, priors: int, window: int) -> None:
    """Whatever the priors and the windows, at any barrier; and nobody else is touched."""
    state = run(log_of(market(seed, priors=priors, window=window, target_lives_on=True))).states[0]
    data, law = snapshot(state), LAWS[name]
    assert state.open_day is not None
    better, worse = after(data, law.better(state.open_day)), after(data, law.worse(state.open_day))
    assert_law_holds(name, better[TARGET], worse[TARGET])
    assert {peer: row for peer, row in better.items() if peer != TARGET} == {
        peer: row for peer, row in worse.items() if peer != TARGET
    }


@quick
@given(SEEDS)
@pytest.mark.parametrize("name", LAWS)
def test_a_product_that_stands_still_is_never_worse_off_for_better(name: str, seed: int) -> None:
    """At every close, with its own value in the curves: without priors, and with windows that lose nothing."""
    for better, worse, _ in both(name, market(seed, priors=0, window=60, target_lives_on=False)):
        assert_law_holds(name, better, worse)


@quick
@given(SEEDS, st.integers(1, 3))
@pytest.mark.parametrize("name", LAWS)
def test_better_never_costs_more_than_the_place_that_the_product_itself_takes(
    name: str, seed: int, window: int
) -> None:
    """At every close, whatever leaves the windows: a product loses to nobody but to what it was itself the day before."""
    for better, worse, peers in both(name, market(seed, priors=0, window=window, target_lives_on=True)):
        for indicator in LAWS[name].indicators:
            one_place = -(-BPS // peers[indicator]) if peers[indicator] else 0
            assert better[POINTS + indicator] >= worse[POINTS + indicator] - one_place


@pytest.mark.parametrize(
    ("name", "indicator", "seed", "priors", "window", "target_lives_on"),
    [("shipped on time", DISPATCH, 3, 0, 2, True), ("a good review", NEGATIVE, 2, 1000, 60, False)],
    ids=["itself the day before", "a mean that it raised"],
)
def test_the_exceptions_are_real(
    name: str, indicator: int, seed: int, priors: int, window: int, target_lives_on: bool
) -> None:
    """Both ways in which better can cost a place, so that no stricter law is believed to hold."""
    days = both(name, market(seed, priors=priors, window=window, target_lives_on=target_lives_on))
    assert any(better[POINTS + indicator] < worse[POINTS + indicator] for better, worse, _ in days)


@pytest.mark.parametrize("name", LAWS)
def test_every_law_has_something_to_say(name: str) -> None:
    """In some market the better one is better indeed: at once, and after the closes."""

    def is_better(ours: Sequence[int], theirs: Sequence[int]) -> bool:
        return any(ours[column] > theirs[column] for column in columns_of(name))

    law, at_once, later = LAWS[name], False, False
    for seed in range(12):
        place = market(seed, priors=3, window=60, target_lives_on=False)
        if not at_once:
            before = run(log_of(place)).states[0]
            data, today = snapshot(before), DAY + DAYS - 1
            assert before.open_day == today
            at_once = is_better(after(data, law.better(today))[TARGET], after(data, law.worse(today))[TARGET])
        later = later or is_better(*both(name, place)[-1][:2])
        if at_once and later:
            break
    assert (at_once, later) == (True, True)


@quick
@given(SEEDS, st.sampled_from([1, 2, 4]), st.sampled_from([0, 3, 1000]))
def test_what_a_product_is_called_and_where_it_lies_is_all_one(seed: int, partitions: int, priors: int) -> None:
    """Every product with a new name, in another partition: each has the assessment it had, every day."""
    log = log_of(market(seed, priors=priors, window=3, target_lives_on=True))
    random = Random(seed)
    names = [TARGET, *(f"p{number}" for number in range(PEERS))]
    others = random.sample([*names, "0", "Z:z", "zz.zz", "a" * 64], len(names))
    new = dict(zip(names, others, strict=True))
    found: list[dict[str, list[int]]] = []
    for each in (log, redealt(renamed(log, new), partitions, random)):
        rows: dict[str, list[int]] = {}

        def look(state: ScorerState, rows: dict[str, list[int]] = rows) -> ScorerState:
            for name, row in looked_at(state).items():
                rows[f"{state.closed_day} {name}"] = row[SCORE:]
            return state

        run(each, between=look)
        found.append(rows)
    assert {f"{key.split()[0]} {new[key.split()[1]]}": row for key, row in found[0].items()} == found[1]
    assert len(found[1]) == (DAYS - 1) * len(names)


def copies_of(event: AnyEvent, twins: Sequence[str]) -> list[AnyEvent]:
    if getattr(event, "product_id", None) != TARGET:
        return []
    return [msgspec.structs.replace(event, product_id=twin) for twin in twins]


@quick
@given(SEEDS, st.integers(2, 4), st.sampled_from([0, 3]))
def test_equal_products_score_equally(seed: int, copies: int, priors: int) -> None:
    """To each of several products the same happens, in whatever partition: their assessments are equal, every day."""
    place = market(seed, priors=priors, window=3, target_lives_on=True)
    twins = [f"{'zA0'[copy % 3]}.{copy}" for copy in range(copies)]
    doubled = [[same for event in events for same in (event, *copies_of(event, twins))] for events in place.events]
    log = redealt(log_of(place._replace(events=doubled)), 3, Random(seed))
    rows: dict[int, dict[str, list[int]]] = {}

    def look(state: ScorerState) -> ScorerState:
        assert state.closed_day is not None
        rows.setdefault(state.closed_day, {}).update({name: row[SCORE:] for name, row in looked_at(state).items()})
        return state

    run(log, between=look)
    assert len(rows) == DAYS - 1
    for found in rows.values():
        assert [found[twin] for twin in twins] == [found[TARGET]] * copies
        assert found[TARGET][DONE - SCORE] > 0
