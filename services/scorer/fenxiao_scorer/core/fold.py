"""The fold: a partition's events in, tier messages out. Section 1 of the norm.

Events between control records are collected by type (`collect`) and booked at once; a control record (`controls`) assesses
products, moves their tiers and publishes what is worth it. No batch boundary changes a result.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from fenxiao_schemas.events import (
    AnyEvent,
    Barrier,
    BrandAuthorised,
    CalendarStarted,
    CreatorRegistered,
    DayClosed,
    MerchantRegistered,
)
from fenxiao_scorer.core import controls
from fenxiao_scorer.core.collect import Collector
from fenxiao_scorer.core.controls import Steps, flushed
from fenxiao_scorer.core.errors import LogError, SequenceError
from fenxiao_scorer.core.facts import FACTS
from fenxiao_scorer.core.state import ScorerState
from fenxiao_scorer.core.steps import Step

_CONTROLS: Final = (CalendarStarted, Barrier, DayClosed)
_PEOPLE: Final = (MerchantRegistered, BrandAuthorised, CreatorRegistered)
"""What a product gets from them comes with events of its own."""


def fold(state: ScorerState, events: Sequence[AnyEvent], messages_max: int) -> Iterator[Step]:
    """Fold events into the state, lazily; the steps must be exhausted before the state is used for anything else.

    Args:
        state: What the events before these left behind; after a `LogError` it is of no use any more.
        events: The next ones, whose `seq` must follow the state's without a gap.
        messages_max: How many messages a step may have. A close begins with a step of its own, so that its parts are the
            same however the events were batched.

    Raises:
        LogError: The log is not what the catalog promises.
    """
    _check_sequence(state, events)
    collector = Collector(state)
    appends = collector.appends
    pending = Step()
    for index, event in enumerate(events):
        append = appends.get(type(event))
        if append is not None:
            append(event)
        elif isinstance(event, _CONTROLS):
            collector.flush()
            pending = yield from _control(state, event, index, pending, messages_max)
        elif not isinstance(event, _PEOPLE):
            _set_fact(state, event, collector)
    if events:
        state.in_force()
        collector.flush()
        state.last_event_seq = events[-1].seq
    yield from flushed(pending, len(events))


def _check_sequence(state: ScorerState, events: Sequence[AnyEvent]) -> None:
    start = state.last_event_seq + 1
    found = [event.seq for event in events]
    if found == list(range(start, start + len(found))):
        return
    expected, seq = next((due, seq) for due, seq in enumerate(found, start) if due != seq)
    raise SequenceError(f"partition {state.partition}: event {seq} came where {expected} was due")


def _set_fact(state: ScorerState, event: AnyEvent, collector: Collector) -> None:
    state.in_force()
    setter = FACTS.get(type(event))
    if setter is None:
        raise LogError(f"event {event.seq} is a {type(event).__name__}, which this scorer does not know")
    state.touched.append([setter(state, event)])
    collector.note_product(event.seq)


def _control(
    state: ScorerState, event: CalendarStarted | Barrier | DayClosed, index: int, pending: Step, messages_max: int
) -> Steps:
    if isinstance(event, CalendarStarted):
        controls.start(state, event)
        return pending
    state.in_force()
    if isinstance(event, Barrier):
        return (yield from controls.barrier(state, event, index, pending, messages_max))
    return (yield from controls.close(state, event, index, pending, messages_max))
