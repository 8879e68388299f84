"""The fold: a partition's events in, tier messages out. Section 1 of the norm.

Events between control records are booked in one compiled loop (`book`); a control record (`controls`) assesses products,
moves their tiers and publishes what is worth it. No batch boundary changes a result.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from fenxiao_schemas.events import Barrier, CalendarStarted, DayClosed, ProductRegistered
from fenxiao_scorer.core import controls
from fenxiao_scorer.core.book import TOO_MANY_PRODUCTS, book
from fenxiao_scorer.core.cells import SLOTS_MAX
from fenxiao_scorer.core.controls import Steps, flushed
from fenxiao_scorer.core.errors import CapacityError, LogError, SequenceError, UnknownProductError
from fenxiao_scorer.core.scan import KINDS, Events
from fenxiao_scorer.core.state import ScorerState
from fenxiao_scorer.core.steps import Step

CONTROLS: Final = tuple(KINDS.index(kind) for kind in (CalendarStarted, Barrier, DayClosed))
_REGISTERED: Final = KINDS.index(ProductRegistered)


def fold(state: ScorerState, events: Events, messages_max: int) -> Iterator[Step]:
    """Fold events into the state, lazily; the steps must be exhausted before the state is used for anything else.

    Args:
        state: What the events before these left behind; after a `LogError` it is of no use any more.
        events: The next ones, whose `seq` must follow the state's without a gap.
        messages_max: How many messages a step may have. A close begins with a step of its own, so that its parts are the
            same however the events were batched.

    Raises:
        LogError: The log is not what the catalog promises.
    """
    if events.rejected is not None:
        raise LogError(f"partition {state.partition}: {events.rejected[1].error}")
    _check_sequence(state, events)
    pending, done = Step(), 0
    for index in np.flatnonzero(np.isin(events.kinds, CONTROLS)).tolist():
        _book(state, events, done, index)
        pending = yield from _control(state, events, index, pending, messages_max)
        done = index + 1
    if len(events):
        _book(state, events, done, len(events))
        state.in_force()
        state.last_event_seq = int(events.seqs[-1])
    yield from flushed(pending, len(events))


def _check_sequence(state: ScorerState, events: Events) -> None:
    due = np.arange(state.last_event_seq + 1, state.last_event_seq + 1 + len(events))
    wrong = np.flatnonzero(events.seqs != due)
    if len(wrong):
        at = int(wrong[0])
        raise SequenceError(f"partition {state.partition}: event {events.seqs[at]} came where {due[at]} was due")


def _book(state: ScorerState, events: Events, first: int, last: int) -> None:
    if first == last:
        return
    state.in_force()
    kinds = events.kinds[first:last]
    text = int((events.ends[first:last] - events.starts[first:last]).sum())
    books = state.books(last - first, int(np.count_nonzero(kinds == _REGISTERED)), text)
    at, code = book(books, events.text, events.kinds, events.fields, first, last)
    if code:
        raise _error(events, at, code)


def _error(events: Events, at: int, code: int) -> LogError:
    event = events.message(at)
    product_id = getattr(event, "product_id", "")
    if code == TOO_MANY_PRODUCTS:
        return CapacityError(f"product {product_id!r} is one more than the {SLOTS_MAX} that a partition can hold")
    what = type(event).__name__
    return UnknownProductError(f"event {event.seq} ({what}) is of product {product_id!r}, which is not registered")


def _control(state: ScorerState, events: Events, index: int, pending: Step, messages_max: int) -> Steps:
    event = events.message(index)
    if isinstance(event, CalendarStarted):
        controls.start(state, event)
        return pending
    state.in_force()
    if isinstance(event, Barrier):
        return (yield from controls.barrier(state, event, index, pending, messages_max))
    if isinstance(event, DayClosed):
        return (yield from controls.close(state, event, index, pending, messages_max))
    raise LogError(f"event {event.seq} is a {type(event).__name__}, which is no control record")
