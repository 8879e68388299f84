"""Equal states have one fingerprint, however they were come by; and a state that will do something else has another."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenxiao_schemas import events as ev
from fenxiao_schemas.events import AnyEvent
from fenxiao_scorer.core import Portrait, ScorerState, fingerprint, restore, snapshot
from support.random_log import RandomLog, Shape, random_log
from support.scorer_run import run

SHAPE = Shape(partitions=2, products=12, creators=4, days=4, actions_per_day=40, idle_days_max=2)
SEEDS = st.integers(0, 2**32)
quick = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def fingerprints(log: RandomLog, **how: Any) -> list[str]:
    return [fingerprint(state) for state in run(log, **how).states]


def cut_by(random: Random) -> Callable[[Sequence[AnyEvent]], list[Sequence[AnyEvent]]]:
    def cut(events: Sequence[AnyEvent]) -> list[Sequence[AnyEvent]]:
        cuts = sorted(random.choices(range(len(events) + 1), k=random.randint(0, 12)))
        return [events[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)]

    return cut


@quick
@given(SEEDS)
def test_batches_settling_and_snapshots_leave_it_alone(seed: int) -> None:
    log, random = random_log(seed, SHAPE), Random(seed)

    def disturbed(state: ScorerState) -> ScorerState:
        if random.random() < 0.3:
            state.settle()
        return restore(snapshot(state)) if random.random() < 0.3 else state

    expected = fingerprints(log)
    assert fingerprints(log, batches=cut_by(random), messages_max=random.randint(1, 9), between=disturbed) == expected
    assert fingerprints(log, between=lambda state: fingerprint(state) and state) == expected, "asking changes nothing"


def swapped(log: RandomLog, partition: int, place: int, event: AnyEvent) -> RandomLog:
    """The log with another event in the place of one."""
    partitions = [list(events) for events in log.partitions]
    partitions[partition][place] = msgspec.structs.replace(event, seq=place + 1)
    return replace(log, partitions=partitions)


NOTHING = ev.CreatorRegistered(seq=1, creator_id="c0", name="x", categories=("home",))
CHANGES: dict[type[AnyEvent], Callable[[Any], dict[str, Any]]] = {
    ev.SaleRecorded: lambda e: {"paid_minor": e.paid_minor + 1, "creator_id": e.creator_id or "c0"},
    ev.DeliveryRecorded: lambda e: {"order_day": e.order_day - 1},
    ev.ViewsRecorded: lambda e: {"views": e.views + 1},
    ev.ShipmentRecorded: lambda e: {"on_time": not e.on_time},
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", CHANGES)
def test_one_event_less_or_other_is_another_state(seed: int, kind: type[AnyEvent]) -> None:
    """The last one of its kind on a day that still counts; in its place an event that says nothing of products."""
    log = random_log(seed, SHAPE)
    before = fingerprints(log)
    last_day = log.shape.first_day + 30
    found = [
        (partition, place, event)
        for partition, events in enumerate(log.partitions)
        for place, event in enumerate(events)
        if type(event) is kind and _day(event) in range(log.shape.first_day - 2, last_day) and _says_something(event)
    ]
    assert found
    partition, place, event = found[-1]
    assert fingerprints(swapped(log, partition, place, NOTHING))[partition] != before[partition]
    changed = msgspec.structs.replace(event, **CHANGES[kind](event))
    assert fingerprints(swapped(log, partition, place, changed))[partition] != before[partition]


def _day(event: Any) -> int:
    day: int = getattr(event, "due_day", None) or getattr(event, "order_day", None) or event.day
    return day


def _says_something(event: Any) -> bool:
    return not isinstance(event, ev.ViewsRecorded) or event.views != event.previous_views


def test_events_in_another_order_give_the_same_state() -> None:
    """Products, creators and categories come in another order, so they lie elsewhere; they are the same."""
    log = random_log(5, SHAPE)
    partitions = []
    for events in log.partitions:
        registered = [event for event in events if isinstance(event, ev.ProductRegistered)]
        first = list({event.product_id: event for event in registered}.values())
        partitions.append([events[0], *(other for other in reversed(first)), *events[1:]])
    forwards = [
        [events[0], *reversed(events[1 : _stretch(events)]), *events[_stretch(events) :]] for events in partitions
    ]
    one, other = (
        run(replace(log, partitions=[_numbered(events) for events in each])).states for each in (partitions, forwards)
    )
    assert [list(state.products.ids.names(np.arange(3))) for state in one] != [
        list(state.products.ids.names(np.arange(3))) for state in other
    ]
    assert [fingerprint(state) for state in one] == [fingerprint(state) for state in other]


def _stretch(events: Sequence[AnyEvent]) -> int:
    """Where the registrations that were put first end."""
    return next(place for place, event in enumerate(events[1:], 1) if not isinstance(event, ev.ProductRegistered))


def _numbered(events: Sequence[AnyEvent]) -> list[AnyEvent]:
    return [msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(events, 1)]


def meddle(state: ScorerState, what: str) -> None:
    facts = state.products.facts
    match what:
        case "dispatch_day":
            state.dispatch_day += 1
        case "curves":
            state.curves = None
        case "category":
            facts["category"][0] = (facts["category"][0] + 1) % len(state.categories.texts)
        case "digest":
            state.products.digests[0, 3] ^= 1
        case "net_orders in the window":
            state.counters.total("net_orders")[0] += 1
        case _:
            facts[what][0] ^= 1


@pytest.mark.parametrize(
    "what",
    [
        "dispatch_day",
        "curves",
        "category",
        "digest",
        "net_orders in the window",
        "touched",
        "tier",
        "below",
        "active",
        "published_score",
        "revision",
    ],
)
def test_whatever_a_state_goes_on_from_is_in_it_and_told_by_name(what: str) -> None:
    state = run(random_log(3, SHAPE)).states[0]
    other = restore(snapshot(state))
    first = other.products.ids.name(0)
    meddle(other, what)
    assert fingerprint(other) != fingerprint(state)
    one, two = Portrait(state), Portrait(other)
    plain = [name for name, value in one.plain().items() if two.plain()[name] != value]
    theirs = {facet.name: two.entries(facet) for facet in two.facets()}
    apart = {
        (facet.name, key)
        for facet in one.facets()
        for key, value in one.entries(facet).items()
        if theirs[facet.name].get(key) != value
    }
    assert plain == [what] if not apart else apart == {(what, (first, ""))}


def test_the_empty_state_has_one_too() -> None:
    assert fingerprint(ScorerState.empty(0)) == fingerprint(ScorerState.empty(1))
