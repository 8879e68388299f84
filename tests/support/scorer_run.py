"""Runs of the scorer's core over a whole log: all partitions in lockstep by day, as their processors would."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, zip_longest
from typing import NamedTuple

from fenxiao_schemas.codec import encode
from fenxiao_schemas.events import AnyEvent, DayClosed
from fenxiao_scorer.core import (
    Curves,
    Events,
    ScorerState,
    TierRows,
    fold,
    merge_posts,
    missing_curves,
    put_curves,
    put_policy,
    read_events,
)
from support.random_log import RandomLog

Batcher = Callable[[Sequence[AnyEvent]], list[Sequence[AnyEvent]]]


class Sent(NamedTuple):
    """A record of the tiers topic."""

    key: bytes
    value: bytes
    seq: int


@dataclass
class Run:
    """What a run published."""

    states: list[ScorerState]
    messages: list[list[Sent]]
    rows: list[TierRows]
    posts: dict[int, dict[int, bytes]] = field(default_factory=dict)
    curves: dict[int, Curves] = field(default_factory=dict)


def events_of(events: Sequence[AnyEvent]) -> Events:
    """Structs as the scorer reads them: from their bytes."""
    return read_events([encode(event) for event in events])


def days_of(events: Sequence[AnyEvent]) -> list[list[AnyEvent]]:
    """The events in stretches that end with a day close each, but for the last."""
    stretches: list[list[AnyEvent]] = [[]]
    for event in events:
        stretches[-1].append(event)
        if isinstance(event, DayClosed):
            stretches.append([])
    return stretches


def whole(events: Sequence[AnyEvent]) -> list[Sequence[AnyEvent]]:
    """One batch."""
    return [events]


def run(
    log: RandomLog,
    *,
    batches: Batcher = whole,
    messages_max: int = 10_000,
    between: Callable[[ScorerState], ScorerState] = lambda state: state,
) -> Run:
    """Fold a log, `between` standing between any two batches."""
    partitions = range(len(log.partitions))
    result = Run([ScorerState.empty(p) for p in partitions], [[] for _ in partitions], [TierRows() for _ in partitions])
    for stretches in zip_longest(*(days_of(events) for events in log.partitions), fillvalue=[]):
        for partition, events in enumerate(stretches):
            for batch in batches(_ready(result.states[partition], events)):
                _fold(log, result, partition, batch, messages_max)
                result.states[partition] = between(result.states[partition])
        _merge(result)
    return result


def _ready(state: ScorerState, events: Sequence[AnyEvent]) -> Sequence[AnyEvent]:
    """The events up to a close that waits for a partition that is behind: of nothing after it is there any more to fold."""
    last = events[-1] if events else None
    if not events or events[0].seq != state.last_event_seq + 1:
        return []
    return events[:-1] if isinstance(last, DayClosed) and missing_curves(state, last) is not None else events


def _fold(log: RandomLog, result: Run, partition: int, batch: Sequence[AnyEvent], messages_max: int) -> None:
    state = result.states[partition]
    for version, policy in log.policies.items():
        put_policy(state, version, policy)
    done = 0
    for step in fold(state, events_of(batch), messages_max):
        assert len(step.keys) <= messages_max
        assert done <= step.events
        done = step.events
        result.messages[partition] += map(Sent, step.keys, step.values, count(step.first_seq))
        result.rows[partition].extend(step.rows)
        if step.post is not None:
            result.posts.setdefault(step.post[0], {})[partition] = step.post[1]
    assert done == len(batch)


def _merge(result: Run) -> None:
    for day, posts in result.posts.items():
        if day not in result.curves and len(posts) == len(result.states):
            result.curves[day] = merge_posts(posts.values())
            for state in result.states:
                put_curves(state, day, result.curves[day])
