"""The control records: the calendar's start, a barrier and a day close, in the steps of section 1 of the norm."""

from collections.abc import Callable, Generator
from typing import Final

import numpy as np

from fenxiao_schemas.events import Barrier, CalendarStarted, DayClosed
from fenxiao_schemas.policy import ALGORITHM_VERSION, Policy
from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.assess import Assessment, assess
from fenxiao_scorer.core.errors import CalendarError
from fenxiao_scorer.core.histograms import Histograms
from fenxiao_scorer.core.ladder import apply_barrier, apply_close, worth_publishing
from fenxiao_scorer.core.messages import Occasion, publish
from fenxiao_scorer.core.state import ScorerState
from fenxiao_scorer.core.steps import Step
from fenxiao_scorer.core.supply import curves_for, policy_for

BLOCK: Final = 32_768
"""How many products a close looks at at once: bounded memory, whatever the number of products."""

type Steps = Generator[Step, None, Step]
"""Yields whole steps and returns the one that has begun."""


def start(state: ScorerState, event: CalendarStarted) -> None:
    """Open the first day."""
    if state.open_day is not None or event.seq != 1:
        raise CalendarError(f"event {event.seq} is a CalendarStarted, which only the first of a partition can be")
    policy = policy_for(state, event)
    _check_algorithm(event.seq, event.algorithm_version)
    state.first_day = state.open_day = event.first_day
    state.dispatch_day = event.first_day - 1
    state.set_policy(policy)
    state.move_windows()


def barrier(state: ScorerState, event: Barrier, index: int, pending: Step, messages_max: int) -> Steps:
    """Assess what was touched."""
    slots = state.take_touched()
    if not len(slots):
        return pending
    found = assess(state, slots)[0]
    apply_barrier(state, found)
    places = _by_id(state, slots, np.flatnonzero(worth_publishing(state, found)))
    found = found.take(places)
    if len(pending.messages) + len(places) > messages_max:
        # Its chunks must be counted from the barrier itself, whatever came before it in this batch.
        pending = yield from flushed(pending, index)
    occasion = Occasion("barrier", event.seq)
    parts = _Parts(len(places), lambda first, last: found.take(np.arange(first, last)))
    return (yield from _publish(state, parts, occasion, index, pending, messages_max))


def close(state: ScorerState, event: DayClosed, index: int, pending: Step, messages_max: int) -> Steps:
    """Assess everything, post the histograms, open the next day."""
    if event.day != state.open_day:
        raise CalendarError(f"event {event.seq} closes day {event.day}, but day {state.open_day} is open")
    next_policy, curves = policy_for(state, event), curves_for(state, event)
    _check_algorithm(event.seq, event.next_algorithm_version)
    pending = yield from flushed(pending, index)
    state.settle()
    state.take_touched()
    state.dispatch_day = event.day
    state.move_windows()
    state.set_curves(event.day - 1, curves)
    histograms = Histograms(state)
    slots = _close_tiers(state, histograms)
    parts = _Parts(len(slots), lambda first, last: assess(state, slots[first:last])[0])
    pending = yield from _publish(state, parts, Occasion("close", event.seq), index, pending, messages_max)
    pending.post = (event.day, histograms.post(event.day))
    _open_next(state, event.day + 1, next_policy)
    return (yield from flushed(pending, index + 1))


def _close_tiers(state: ScorerState, histograms: Histograms) -> Ints:
    """Decide every tier; the slots to publish, in the order of their ids.

    What is published is assessed a second time when its turn comes, for to keep it all would take far more memory.
    """
    chosen = [np.zeros(0, np.int64)]
    for first in range(0, state.products.count, BLOCK):
        slots = np.arange(first, min(first + BLOCK, state.products.count))
        found, measured = assess(state, slots)
        apply_close(state, found)
        chosen.append(slots[worth_publishing(state, found)])
        histograms.add(found, measured)
    slots = np.concatenate(chosen)
    return slots[_by_id(state, slots, np.arange(len(slots)))]


def _open_next(state: ScorerState, day: int, policy: Policy) -> None:
    state.open_day = day
    if policy is not state.policy:
        state.set_policy(policy)
    state.supplied_policies.clear()
    state.move_windows()
    state.drop_old_days()


class _Parts:
    """Assessments of `count` products in their order, made in parts as they are asked for."""

    __slots__ = ("count", "part")

    def __init__(self, count: int, part: Callable[[int, int], Assessment]) -> None:
        self.count, self.part = count, part


def _publish(
    state: ScorerState, parts: _Parts, occasion: Occasion, index: int, pending: Step, messages_max: int
) -> Steps:
    for first in range(0, parts.count, messages_max):
        if first:
            yield pending
            pending = Step(events=index)
        last = min(first + messages_max, parts.count)
        messages, rows = publish(state, parts.part(first, last), occasion)
        pending.messages += messages
        pending.rows += rows
        if last < parts.count:
            pending.events = index
    return pending


def flushed(pending: Step, events: int) -> Steps:
    """Yield the step that has begun, unless there is nothing to it; `events` are wholly folded with it."""
    if not pending.messages and pending.post is None and pending.events == events:
        return pending
    pending.events = events
    yield pending
    return Step(events=events)


def _by_id(state: ScorerState, slots: Ints, places: Ints) -> Ints:
    ids = state.products.ids
    names = [ids[slot] for slot in slots[places].tolist()]
    return places[sorted(range(len(names)), key=names.__getitem__)]


def _check_algorithm(seq: int, version: int) -> None:
    if version != ALGORITHM_VERSION:
        raise CalendarError(f"event {seq} asks for algorithm version {version}, this scorer has {ALGORITHM_VERSION}")
