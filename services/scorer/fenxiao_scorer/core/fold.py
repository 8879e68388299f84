"""The fold: a partition's events in, tier messages out. Section 1 of the norm.

Events between control records are collected by type (`collect`) and booked at once; a control record assesses products
(`assess`), moves their tiers (`ladder`) and publishes what is worth it (`messages`). No batch boundary changes a result.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from fenxiao_schemas.events import (
    Barrier,
    BrandAuthorised,
    CalendarStarted,
    CreatorRegistered,
    DayClosed,
    MerchantRegistered,
)
from fenxiao_schemas.policy import ALGORITHM_VERSION, Policy
from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.assess import Assessment, assess
from fenxiao_scorer.core.collect import Collector
from fenxiao_scorer.core.curves import Curves
from fenxiao_scorer.core.errors import CalendarError, LogError, NotSuppliedError, SequenceError
from fenxiao_scorer.core.facts import FACTS
from fenxiao_scorer.core.histograms import Histograms
from fenxiao_scorer.core.ladder import apply_barrier, apply_close, worth_publishing
from fenxiao_scorer.core.messages import Occasion, publish
from fenxiao_scorer.core.state import ScorerState
from fenxiao_scorer.core.steps import Step

BLOCK: Final = 32_768
"""How many products a close looks at at once: their columns stay in the cache, whatever the number of products."""
_CONTROLS: Final = frozenset({CalendarStarted, Barrier, DayClosed})
_PEOPLE: Final = frozenset({MerchantRegistered, BrandAuthorised, CreatorRegistered})


def missing_curves(state: ScorerState, event: DayClosed) -> int | None:
    """The day whose curves must be put before this close can be folded; None if there is none to wait for."""
    day = event.day - 1
    if state.first_day is None or day < state.first_day or day in state.supplied_curves:
        return None
    return day


def put_curves(state: ScorerState, day: int, curves: Curves) -> None:
    """Supply the curves of a day, merged from all partitions' posts."""
    state.supplied_curves[day] = curves


def missing_policy(state: ScorerState, event: CalendarStarted | DayClosed) -> int | None:
    """The version of the policy that must be put before this record can be folded; None if it is known."""
    version = event.policy_version if isinstance(event, CalendarStarted) else event.next_policy_version
    if version in state.supplied_policies or (state.policy is not None and state.policy.version == version):
        return None
    return version


def put_policy(state: ScorerState, version: int, policy: Policy) -> None:
    """Supply a policy; raises `NotSuppliedError` if it is another version's."""
    if policy.version != version:
        raise NotSuppliedError(f"the policy put as version {version} calls itself {policy.version}")
    state.supplied_policies[version] = policy


def fold(state: ScorerState, events: Sequence[Any], messages_max: int) -> Iterator[Step]:
    """Fold events into the state, lazily; the steps must be exhausted before the state is used again.

    Args:
        state: What the events before these left behind; after a `LogError` it is of no use any more.
        events: The next ones, whose `seq` must follow the state's without a gap.
        messages_max: How many messages a step may have. A close begins a step of its own, so that its parts are the same
            however the events were batched.

    Raises:
        LogError: The log is not what the catalog promises.
    """
    _check_sequence(state, events)
    collector = Collector(state)
    pending = Step()
    for index, event in enumerate(events):
        kind = type(event)
        append = collector.appends.get(kind)
        if append is not None:
            append(event)
        elif kind in _CONTROLS:
            collector.flush()
            pending = yield from _control(state, event, index, pending, messages_max)
        elif kind not in _PEOPLE:
            _fact(state, event, collector)
    if events:
        state.in_force()
        collector.flush()
        state.last_event_seq = events[-1].seq
    if pending.messages or pending.events < len(events):
        pending.events = len(events)
        yield pending


def _check_sequence(state: ScorerState, events: Sequence[Any]) -> None:
    start = state.last_event_seq + 1
    found = [event.seq for event in events]
    if found == list(range(start, start + len(found))):
        return
    expected, seq = next((i, seq) for i, seq in enumerate(found, start) if i != seq)
    raise SequenceError(f"partition {state.partition}: event {seq} came where {expected} was due")


def _fact(state: ScorerState, event: Any, collector: Collector) -> None:
    state.in_force()
    setter = FACTS.get(type(event))
    if setter is None:
        raise LogError(f"event {event.seq} is a {type(event).__name__}, which this scorer does not know")
    state.touched.append([setter(state, event)])
    collector.note_product(event.seq)


def _control(state: ScorerState, event: Any, index: int, pending: Step, messages_max: int) -> Iterator[Step]:
    if isinstance(event, CalendarStarted):
        _start(state, event)
        return pending
    state.in_force()
    if isinstance(event, Barrier):
        return (yield from _barrier(state, event, index, pending, messages_max))
    return (yield from _close(state, event, index, pending, messages_max))
