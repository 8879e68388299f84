"""All partitions of the log from zero, through the scorer's core, as the services would fold them had they just begun.

A partition waits at the close of a day for the others' posts of the day before; nothing else holds it up. No I/O.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from fenxiao_schemas.events import CalendarStarted, DayClosed
from fenxiao_schemas.policy import Policy
from fenxiao_scorer.core import (
    KINDS,
    Curves,
    Events,
    LogError,
    ScorerState,
    Step,
    fold,
    merge_posts,
    missing_curves,
    missing_policy,
    put_curves,
    put_policy,
)
from fenxiao_tools.errors import ToolError

MESSAGES_MAX: Final = 10_000
"""Of a step; no result depends on it."""
_SUPPLIED: Final = tuple(KINDS.index(kind) for kind in (CalendarStarted, DayClosed))

type Policies = Callable[[int], Policy]
"""Gives a policy by its version."""
type Watch = Callable[[int, Step], None]
"""Is shown each step of a partition as it comes."""
type Look = Callable[[ScorerState], None]
"""Looks at a state on the way."""


class Half(NamedTuple):
    """A control record that the service has committed only so many steps of, none of them larger than `size`."""

    record: Events
    steps: int
    size: int


@dataclass(slots=True)
class Progress:
    """How far a partition is."""

    events: int = 0
    closes: int = 0
    messages: int = 0
    seconds: float = 0


@dataclass(slots=True)
class _Partition:
    state: ScorerState
    progress: Progress = field(default_factory=Progress)
    queue: deque[Events | Half | Look] = field(default_factory=deque)
    done: bool = False


class Rebuild:
    """The fold of all partitions.

    Args:
        partitions: How many there are.
        policies: Gives the policies that the log names.
        watch: Is shown what is published.
        until_day: The last day to close; what comes after it is left alone.
        tell_all: At the close of that day, publish every product, also where nothing new is to be said.
    """

    def __init__(
        self,
        partitions: int,
        policies: Policies,
        *,
        watch: Watch | None = None,
        until_day: int | None = None,
        tell_all: bool = False,
    ) -> None:
        self._partitions = [_Partition(ScorerState.empty(number)) for number in range(partitions)]
        self._policies, self._watch = policies, watch
        self._until_day, self._tell_all = until_day, tell_all
        self._posts: dict[int, list[bytes]] = {}
        self._curves: tuple[int, Curves] | None = None

    @property
    def states(self) -> list[ScorerState]:
        """Of each partition."""
        return [each.state for each in self._partitions]

    @property
    def progress(self) -> list[Progress]:
        """Of each partition."""
        return [each.progress for each in self._partitions]

    def wants(self, partition: int) -> bool:
        """Whether more of this partition is of use now: it is not done, and waits for no other."""
        return not (self._partitions[partition].done or self._partitions[partition].queue)

    def waits(self, partition: int) -> bool:
        """Whether it has been given what it could not fold yet."""
        return bool(self._partitions[partition].queue)

    def is_done(self, partition: int) -> bool:
        """Whether nothing more is to come of it."""
        return self._partitions[partition].done

    def take(self, partition: int, item: Events | Half | Look) -> None:
        """Fold what comes next in a partition, now or when what it waits for is there.

        Raises:
            ToolError: The log cannot be folded.
        """
        self._partitions[partition].queue.append(item)
        known = self._curves
        try:
            self._advance(partition)
            while known is not self._curves:
                known = self._curves
                for number in range(len(self._partitions)):
                    self._advance(number)
        except LogError as error:
            raise ToolError(f"the log cannot be folded: {error}") from error

    def _advance(self, number: int) -> None:
        partition, start = self._partitions[number], time.perf_counter()
        while partition.queue and not partition.done:
            item = partition.queue[0]
            if isinstance(item, Events):
                left = self._fold_some(number, item)
                if len(left):
                    partition.queue[0] = left
                    break
            elif isinstance(item, Half):
                if not self._supplied(number, item.record):
                    break
                self._fold_half(number, item)
            else:
                item(partition.state)
            partition.queue.popleft()
        if partition.done:
            partition.queue.clear()
        partition.progress.seconds += time.perf_counter() - start

    def _fold_some(self, number: int, events: Events) -> Events:
        """Fold up to the first close that must wait; gives what is left."""
        while len(events) and not self._partitions[number].done:
            opening = np.flatnonzero(np.isin(events.kinds, _SUPPLIED))
            end = int(opening[0]) if len(opening) else len(events)
            if end == 0:
                if not self._supplied(number, events):
                    return events
                self._fold_control(number, events[:1])
                end = 1
            else:
                self._fold(number, events[:end])
            events = events[end:]
        return events[:0] if self._partitions[number].done else events

    def _supplied(self, number: int, events: Events) -> bool:
        """Give the first record what it needs; False if that is not there yet."""
        state, event = self._partitions[number].state, events.message(0)
        if not isinstance(event, CalendarStarted | DayClosed):
            return True
        version = missing_policy(state, event)
        if version is not None:
            put_policy(state, version, self._policies(version))
        day = missing_curves(state, event) if isinstance(event, DayClosed) else None
        if day is None:
            return True
        if self._curves is None or self._curves[0] != day:
            return False
        put_curves(state, day, self._curves[1])
        return True

    def _fold_control(self, number: int, record: Events) -> None:
        partition, event = self._partitions[number], record.message(0)
        last = isinstance(event, DayClosed) and event.day == self._until_day
        if last and self._tell_all and partition.state.policy is not None:
            policy = partition.state.policy
            partition.state.set_policy(replace(policy, tiers=replace(policy.tiers, materiality_bps=0)))
        self._fold(number, record)
        partition.progress.closes += isinstance(event, DayClosed)
        partition.done = last

    def _fold(self, number: int, events: Events) -> None:
        partition = self._partitions[number]
        for step in fold(partition.state, events, MESSAGES_MAX):
            self._see(number, step)
        partition.progress.events += len(events)

    def _fold_half(self, number: int, half: Half) -> None:
        """The state is in the middle of a record then: it is done."""
        steps = fold(self._partitions[number].state, half.record, half.size)
        for _, step in zip(range(half.steps), steps, strict=False):
            self._see(number, step)
        self._partitions[number].done = True

    def _see(self, number: int, step: Step) -> None:
        self._partitions[number].progress.messages += len(step.keys)
        if self._watch is not None:
            self._watch(number, step)
        if step.post is None:
            return
        day, post = step.post
        posts = self._posts.setdefault(day, [])
        posts.append(post)
        if len(posts) == len(self._partitions):
            self._curves = day, merge_posts(self._posts.pop(day))  # nobody waits for those of the day before any more
