"""The oracle's arrays against the norm read literally, on small random markets; and what must not matter."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao_oracle import LogError, expected_tiers
from fenxiao_schemas import events as ev
from fenxiao_schemas.topics import TIERS, codec_of

from .market import Market
from .naive import expected
from .policies import easy, pair

CONTROLS = (ev.CalendarStarted, ev.Barrier, ev.DayClosed)
COMMUTING = (ev.ShipmentRecorded, ev.DeliveryRecorded, ev.ReviewRecorded, ev.SaleRecorded, ev.RefundRecorded)
"""These only add to counters, so their order between two control records says nothing."""


def market(seed: int, partitions: int, days: int, versions: tuple[int, ...] = (1,), **sizes: Any) -> list[list[Any]]:
    return [
        list(Market(seed, p, partitions, days=days, policy_versions=versions, **sizes).events())
        for p in range(partitions)
    ]


def shuffled(events: Sequence[Any], seed: int) -> list[Any]:
    """The same log, with each run of commuting events in another order."""
    result: list[Any] = []
    run: list[Any] = []
    for event in events:
        if isinstance(event, COMMUTING):
            run.append(event)
            continue
        random.Random(seed).shuffle(run)
        result += [*run, event]
        run = []
    return [msgspec.structs.replace(event, seq=seq) for seq, event in enumerate([*result, *run], start=1)]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(0, 5), st.booleans(), st.integers(1, 30))
def test_equals_the_literal_norm(seed: int, partitions: int, days: int, two: bool, barrier_every: int) -> None:
    """Byte for byte, with one policy or two in turn."""
    logs = market(seed, partitions, days, (1, 2) if two else (1,), barrier_every=barrier_every)
    assert expected_tiers(logs, pair()) == expected(logs, pair())


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 400), min_size=3, max_size=3))
def test_partitions_may_end_anywhere(seed: int, ends: list[int]) -> None:
    """A partition that is ahead stops at the close for which another one's day is missing."""
    logs = [log[: max(1, end)] for log, end in zip(market(seed, 3, 6), ends, strict=True)]
    assert expected_tiers(logs, pair()) == expected(logs, pair())


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_order_between_barriers_does_not_matter(seed: int) -> None:
    logs = market(seed, 2, 4)
    assert expected_tiers([shuffled(log, seed) for log in logs], pair()) == expected_tiers(logs, pair())


def test_the_markets_reach_every_branch() -> None:
    """All tiers, evidence classes and blocks occur, or the comparisons above would say little."""
    seen: Counter[Any] = Counter()
    decode = codec_of(TIERS).decode
    sizes = {"products": 30, "events_a_day": 150, "barrier_every": 50}
    for seed in range(4):
        for messages in expected_tiers(market(seed, 2, 10, (1, 2), **sizes), pair()):
            for _, body in messages:
                tier = decode(body)
                falls = "falls" if tier.tier < tier.previous_tier else "rises"
                block = tier.gap.blocked if tier.gap else "top"
                seen.update([tier.tier, tier.evidence, falls, tier.cause, block])
                seen.update((i.name, i.value is None) for i in tier.indicators)
    assert {0, 1, 2, 3, 4, 5, "none", "thin", "rated", "falls", "rises", "barrier", "close"} <= set(seen)
    assert {"held", "not_listed", "violation", None, "top"} <= set(seen)
    nullable = [
        "repeat_purchase_rate",
        "price_competitiveness",
        "price_integrity",
        "negative_review_rate",
        "conversion",
    ]
    assert {(name, flag) for name in nullable for flag in (False, True)} <= set(seen)


def test_many_barriers_or_few_end_a_day_alike() -> None:
    """What a close says does not depend on the barriers before it, but for its seq and digest chain."""

    def closes(barrier_every: int) -> list[Any]:
        log = [e for e in market(5, 1, 6)[0] if not isinstance(e, ev.Barrier)]
        with_barriers: list[Any] = []
        for count, event in enumerate(log):
            barrier = [ev.Barrier(seq=1)] if count and count % barrier_every == 0 else []
            with_barriers += [*barrier, event]
        numbered = [msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(with_barriers, start=1)]
        last = {}
        for key, body in expected_tiers([numbered], pair())[0]:
            tier = codec_of(TIERS).decode(body)
            last[key] = tier.tier
        return sorted(last.items())

    assert closes(3) == closes(50)


START = ev.CalendarStarted(
    seq=1, first_day=100, policy_version=1, algorithm_version=1, utc_offset_minutes=480, currency="CNY", partitions=1
)


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ([ev.Barrier(seq=1)], "the calendar starts at seq 1"),
        ([START, ev.Barrier(seq=3)], "seq 3 follows 1"),
        ([START, ev.Barrier(seq=1)], "seq 1 follows 1"),
        ([START, ev.DeliveryRecorded(seq=2, product_id="p", order_line_id="l", order_day=100)], "'p', a product that"),
        ([START, ev.DayClosed(seq=2, day=101, next_policy_version=1, next_algorithm_version=1)], "100 is open"),
        ([msgspec.structs.replace(START, partitions=4)], "names 4 partitions, there are 1"),
        ([msgspec.structs.replace(START, policy_version=9), ev.DayClosed(
            seq=2, day=100, next_policy_version=1, next_algorithm_version=1)], "policy version 9 is not known"),
    ],
)  # fmt: skip
def test_a_log_that_breaks_its_rules_is_an_error(events: list[Any], error: str) -> None:
    with pytest.raises(LogError, match=error) as raised:
        expected_tiers([events], {1: easy()})
    assert "\n" not in str(raised.value)


def test_an_empty_log_expects_nothing() -> None:
    assert expected_tiers([[]], {}) == [[]]
    assert expected_tiers([], {}) == []


@pytest.mark.parametrize("late", [0, 1])
def test_the_dispatch_window_ends_where_all_windows_end(late: int) -> None:
    """At a barrier the dispatch day is a day behind, but no day before the last 120 of the head day is looked at."""
    product = {"product_id": "p"}
    register = {"merchant_id": "m", "category": "a", "title": "t", "price_minor": 1}
    due = {"order_id": "o", "order_line_id": "l", "at_ms": 0, "order_day": 100, "due_day": 100 + late}
    closes = [
        (ev.DayClosed, {"day": 100 + n, "next_policy_version": 1, "next_algorithm_version": 1}) for n in range(120)
    ]
    records: list[tuple[Any, dict[str, Any]]] = [
        (ev.ProductRegistered, product | register),
        (ev.ListingChanged, product | {"listed": False, "held": False}),
        (ev.SaleRecorded, product | due | {"quantity": 1, "paid_minor": 1, "unit_price_minor": 1}),
        *closes,
        (ev.ListingChanged, product | {"listed": True, "held": False}),
        (ev.Barrier, {}),
    ]
    log = [START, *(kind(seq=seq, **fields) for seq, (kind, fields) in enumerate(records, start=2))]
    policies = {1: easy(windows={"dispatch_days": 120})}
    messages = expected_tiers([log], policies)
    assert messages == expected([log], policies)
    assert codec_of(TIERS).decode(messages[0][-1][1]).indicators[8].evidence == late
