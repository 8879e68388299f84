"""What halts a partition, what refuses a snapshot, and what a step says of its progress."""

from typing import Any

import msgspec
import pytest

from fenxiao_schemas import events as ev
from fenxiao_schemas.codec import encode
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.policy import default_policy
from fenxiao_scorer.core import (
    CalendarError,
    CapacityError,
    Curves,
    LogError,
    NotSuppliedError,
    ScorerState,
    SequenceError,
    SnapshotError,
    Step,
    TierRows,
    UnknownProductError,
    fold,
    merge_posts,
    missing_curves,
    missing_policy,
    put_curves,
    put_policy,
    read_events,
    restore,
    snapshot,
)
from fenxiao_scorer.core.book import Books
from fenxiao_scorer.core.cells import SLOTS_MAX
from support.random_log import Shape, random_log
from support.scorer_run import events_of, run

DAY = 20_000
SMALL = Shape(days=3)
PRODUCT: dict[str, Any] = {"merchant_id": "m", "category": "home", "title": "t", "price_minor": 100}


def calendar(seq: int = 1) -> ev.CalendarStarted:
    facts = {"first_day": DAY, "policy_version": 1, "algorithm_version": 1, "utc_offset_minutes": 480}
    return ev.CalendarStarted(seq=seq, **facts, currency="CNY", partitions=1)


def closed(seq: int, day: int = DAY, version: int = 1) -> ev.DayClosed:
    return ev.DayClosed(seq=seq, day=day, next_policy_version=version, next_algorithm_version=1)


def registered(seq: int, product_id: str = "p") -> ev.ProductRegistered:
    return ev.ProductRegistered(seq=seq, product_id=product_id, **PRODUCT)


def viewed(seq: int, product_id: str = "p") -> ev.ViewsRecorded:
    return ev.ViewsRecorded(seq=seq, product_id=product_id, day=DAY, views=1)


def begun() -> ScorerState:
    state = ScorerState.empty(0)
    put_policy(state, 1, default_policy())
    return state


def steps(state: ScorerState, *events: AnyEvent, messages_max: int = 100) -> list[Step]:
    return list(fold(state, events_of(events), messages_max))


@pytest.mark.parametrize(
    ("error", "events"),
    [
        (SequenceError, [calendar(), registered(3)]),
        (SequenceError, [calendar(), registered(1)]),
        (CalendarError, [registered(1)]),
        (CalendarError, [ev.Barrier(seq=1)]),
        (CalendarError, [calendar(), calendar(2)]),
        (CalendarError, [calendar(), closed(2, DAY + 1)]),
        (CalendarError, [msgspec.structs.replace(calendar(), algorithm_version=2)]),
        (UnknownProductError, [calendar(), viewed(2)]),
        (UnknownProductError, [calendar(), viewed(2), registered(3)]),
        (UnknownProductError, [calendar(), ev.PriceChanged(seq=2, product_id="p", price_minor=1)]),
        (NotSuppliedError, [calendar(), closed(2), closed(3, DAY + 1)]),
        (NotSuppliedError, [calendar(), closed(2, version=2)]),
    ],
)
def test_a_broken_log_halts_with_one_line(error: type[LogError], events: list[AnyEvent]) -> None:
    with pytest.raises(error) as caught:
        steps(begun(), *events)
    assert "\n" not in str(caught.value)


def test_an_event_that_cannot_be_read_halts_with_one_line() -> None:
    bodies = [encode(calendar()), encode(registered(2)), b"{", encode(viewed(4))]
    with pytest.raises(LogError) as caught:
        list(fold(begun(), read_events(bodies), 100))
    assert "\n" not in str(caught.value)


def test_a_partition_that_is_full_halts_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    state = begun()
    steps(state, calendar(), registered(2))
    roomy = ScorerState.books

    def full(self: ScorerState, events: int, products: int, text: int) -> Books:
        books = roomy(self, events, products, text)
        books.products.ids.count[0] = SLOTS_MAX
        return books

    monkeypatch.setattr(ScorerState, "books", full)
    with pytest.raises(CapacityError, match="'q'") as caught:
        steps(state, viewed(3), registered(4, "q"), viewed(5, "q"))
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_asked_for() -> None:
    state = ScorerState.empty(0)
    assert missing_policy(state, calendar()) == 1
    put_policy(state, 1, default_policy())
    assert missing_policy(state, calendar()) is None
    *_, step = steps(state, calendar(), closed(2))
    assert (state.open_day, state.closed_day, missing_policy(state, closed(3))) == (DAY + 1, DAY, None)
    assert missing_curves(state, closed(3, DAY + 1)) == DAY
    assert step.post is not None
    put_curves(state, DAY, merge_posts([step.post[1]]))
    assert missing_curves(state, closed(3, DAY + 1)) is None
    with pytest.raises(NotSuppliedError):
        put_policy(state, 2, default_policy())


def test_a_close_is_cut_into_steps_that_count_it_last() -> None:
    events: list[AnyEvent] = [
        calendar(),
        *(registered(i, f"p{9 - i}") for i in range(2, 7)),
        closed(7),
        ev.Barrier(seq=8),
    ]
    found = steps(begun(), *events, messages_max=2)
    assert [(step.first_seq, len(step.keys), step.events, step.post is not None) for step in found] == [
        (0, 0, 6, False),
        (1, 2, 6, False),
        (3, 2, 6, False),
        (5, 1, 7, True),
        (0, 0, 8, False),
    ]
    assert [len(step.values) for step in found] == [len(step.keys) for step in found]
    rows = TierRows()
    for step in found:
        assert [key.decode() for key in step.keys] == step.rows.product_ids
        rows.extend(step.rows)
    assert rows.product_ids == ["p3", "p4", "p5", "p6", "p7"]
    assert (rows.causes, rows.days, rows.revisions) == (["close"] * 5, [DAY] * 5, [1] * 5)


def test_an_empty_batch_has_no_step() -> None:
    assert steps(begun()) == []


def test_posts_of_two_days_do_not_merge() -> None:
    result = run(random_log(1, SMALL))
    with pytest.raises(ValueError, match="several days"):
        merge_posts([posts[0] for posts in list(result.posts.values())[:2]])


def test_posts_merge_in_any_order() -> None:
    result = run(random_log(1, SMALL))
    posts = list(list(result.posts.values())[-1].values())
    assert merge_posts(posts).dump() == merge_posts(posts[::-1]).dump()
    assert Curves.load(merge_posts(posts).dump()).dump() == merge_posts(posts).dump()
    assert merge_posts([]).paths == {}


def test_a_torn_snapshot_is_refused_with_one_line() -> None:
    data = snapshot(run(random_log(1, SMALL)).states[0])
    other = bytearray(data)
    other[24] += 1
    for broken in (b"", data[:30], data[:-1], data + b"x", bytes(other), b"x" + data, data[:-9] + b"123456789"):
        with pytest.raises(SnapshotError) as caught:
            restore(broken)
        assert "\n" not in str(caught.value)
