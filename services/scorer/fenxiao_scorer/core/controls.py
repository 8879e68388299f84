"""The control records: the calendar's start, a barrier and a day close, in the steps of section 1 of the norm."""

from collections.abc import Generator

from fenxiao_schemas.events import Barrier, CalendarStarted, DayClosed
from fenxiao_schemas.policy import ALGORITHM_VERSION, Policy
from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.assess import assessed
from fenxiao_scorer.core.errors import CalendarError
from fenxiao_scorer.core.histograms import Histograms
from fenxiao_scorer.core.messages import Occasion, encoded_rights, publish
from fenxiao_scorer.core.state import ScorerState
from fenxiao_scorer.core.steps import Published, Step
from fenxiao_scorer.core.supply import curves_for, policy_for
from fenxiao_scorer.core.sweep import sweep_all, sweep_touched

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
    slots = sweep_touched(state.sight(), slots, state.featured_rights)
    slots = slots[state.products.ids.order(slots)]
    if len(pending.keys) + len(slots) > messages_max:
        # Its chunks must be counted from the barrier itself, whatever came before it in this batch.
        pending = yield from flushed(pending, index)
    return (yield from _publish(state, slots, Occasion("barrier", event.seq), index, pending, messages_max))


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
    sight = state.sight()
    histograms = Histograms(state.categories)
    slots = sweep_all(sight, histograms, state.products.count, state.featured_rights)
    slots = slots[state.products.ids.order(slots)]
    pending = yield from _publish(state, slots, Occasion("close", event.seq), index, pending, messages_max)
    pending.post = (event.day, histograms.post(event.day))
    _open_next(state, event.day + 1, next_policy)
    return (yield from flushed(pending, index + 1))


def _open_next(state: ScorerState, day: int, policy: Policy) -> None:
    state.open_day = day
    if policy is not state.policy:
        state.set_policy(policy)
    state.supplied_policies.clear()
    state.move_windows()
    state.drop_old_days()


def _publish(
    state: ScorerState, slots: Ints, occasion: Occasion, index: int, pending: Step, messages_max: int
) -> Steps:
    """Messages of these products in this order, in steps of no more than `messages_max`."""
    for first in range(0, len(slots), messages_max):
        if first:
            yield pending
            pending = Step(events=index)
        pending.take(_messages(state, slots[first : first + messages_max], occasion))
        if first + messages_max < len(slots):
            pending.events = index
    return pending


def _messages(state: ScorerState, slots: Ints, occasion: Occasion) -> Published:
    open_day, policy = state.in_force()
    sight, rights = state.sight(), [encoded_rights(grant) for grant in state.rights]
    rows = assessed(sight, slots)
    published = publish(
        state.products, policy, sight.rules, rows, rights, state.featured_rights, occasion, open_day, state.tier_seq
    )
    state.tier_seq += len(published.keys)
    return published


def flushed(pending: Step, events: int) -> Steps:
    """Yield the step that has begun, unless there is nothing to it; `events` are wholly folded with it."""
    if not pending.keys and pending.post is None and pending.events == events:
        return pending
    pending.events = events
    yield pending
    return Step(events=events)


def _check_algorithm(seq: int, version: int) -> None:
    if version != ALGORITHM_VERSION:
        raise CalendarError(f"event {seq} asks for algorithm version {version}, this scorer has {ALGORITHM_VERSION}")
