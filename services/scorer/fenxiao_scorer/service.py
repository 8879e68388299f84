"""The scorer as the partition processor sees it: the fold runs ahead in memory, its steps are committed behind it."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import structlog

from fenxiao_runtime.errors import Halt, TemporaryFault
from fenxiao_runtime.ports import Batch, Log, Outputs, Position, StepResult, Store
from fenxiao_runtime.ports import Step as Commit
from fenxiao_schemas.codec import Rejected
from fenxiao_schemas.events import CalendarStarted, DayClosed
from fenxiao_schemas.policy import Policy, PolicyError, parse_policy
from fenxiao_schemas.topics import EVENTS, TIERS, codec_of
from fenxiao_scorer.core import (
    KINDS,
    Captured,
    Curves,
    Events,
    LogError,
    ScorerState,
    SnapshotError,
    Step,
    capture,
    fold,
    merge_posts,
    missing_curves,
    missing_policy,
    put_curves,
    put_policy,
    read_events,
    restore,
)
from fenxiao_scorer.store import ScorerStore, Snapshot

CURVES_KEPT_DAYS = 4
"""How many days' merged curves the partitions of this process share; nearly always they are within a day of each other."""

IDLE_SHARE = 20
"""An idle partition is snapshot after this share of the events that make a busy one wait for its snapshot."""

_LOG = structlog.get_logger("scorer")
_TIERS = codec_of(TIERS)
Supplied = CalendarStarted | DayClosed
_SUPPLIED: Final = tuple(KINDS.index(kind) for kind in (CalendarStarted, DayClosed))


class ScorerService:
    """Folds `catalog.events` into `scorer.tiers`.

    Args:
        partitions: The deployment's count: a day's curves need so many posts.
        store: The tables.
        runtime_store: For transactions outside the processor's own (snapshots).
        step_messages_max: How many tier messages one transaction holds at the most.
        snapshot_events: After how many events a partition is snapshot.
        snapshot_products: How many more events that takes for each product, so that a large state is not written too often.
    """

    name = "scorer"
    input = EVENTS.name
    outputs: tuple[str, ...] = (TIERS.name,)
    own_input = True

    def __init__(
        self,
        partitions: int,
        store: ScorerStore,
        runtime_store: Store,
        *,
        step_messages_max: int,
        snapshot_events: int,
        snapshot_products: int = 0,
    ) -> None:
        self._partitions = partitions
        self._store = store
        self._runtime_store = runtime_store
        self._step_messages_max = step_messages_max
        self._snapshot_events = snapshot_events
        self._snapshot_products = snapshot_products
        self._curves: dict[int, Curves] = {}
        self._policies: dict[int, Policy] = {}
        self._snapshot_seqs: dict[int, int] = {}
        self._idle: set[int] = set()
        self._snapshots: set[asyncio.Task[None]] = set()

    def decode(self, values: Sequence[bytes | None]) -> Events:
        """Into columns."""
        return read_events(values)

    def rejected(self, messages: Events) -> tuple[int, Rejected] | None:
        """The first event that cannot be read."""
        return messages.rejected

    def seqs(self, messages: Events) -> list[int]:
        """The events'."""
        seqs: list[int] = messages.seqs.tolist()
        return seqs

    def output_seq(self, topic: int, value: bytes) -> int:
        """A tier message's."""
        del topic
        return int(_TIERS.decode(value).seq)

    # Start

    async def load(self, tx: Any, partition: int, position: Position, log: Log) -> ScorerState:
        """The last good snapshot, and the log from there to `position`, folded without a word."""
        offset, state = await self._restore(tx, partition, position.next_offset)
        async for records in log.read(self.input, partition, offset, position.next_offset):
            await self._replay(tx, state, [record.value for record in records])
        if state.last_event_seq != position.mark:
            raise Halt("replay_differs", f"the log ends at seq {state.last_event_seq}, PostgreSQL at {position.mark}")
        if position.step == 0 and state.tier_seq != position.out_seqs[0]:
            raise Halt(
                "replay_differs", f"{state.tier_seq} tier messages by replay, {position.out_seqs[0]} by PostgreSQL"
            )
        return state

    async def _restore(self, tx: Any, partition: int, until_offset: int) -> tuple[int, ScorerState]:
        for kept in await self._store.snapshots(tx, partition, until_offset):
            try:
                state = restore(kept.content)
            except SnapshotError as error:
                _LOG.error("snapshot is no good", partition=partition, offset=kept.next_offset, error=str(error))
                continue
            self._snapshot_seqs[partition] = state.last_event_seq
            return kept.next_offset, state
        self._snapshot_seqs[partition] = 0
        return 0, ScorerState.empty(partition)

    async def _replay(self, tx: Any, state: ScorerState, values: Sequence[bytes | None]) -> None:
        events = self.decode(values)
        if events.rejected is not None:
            raise Halt("unreadable_own_record", f"partition {state.partition}: {events.rejected[1].error}")
        before = np.maximum.accumulate(np.concatenate(([state.last_event_seq], events.seqs)))[:-1]
        fresh = events.seqs > before  # a relay may have sent some twice
        if not fresh.all():
            events = self.decode([values[place] for place in np.flatnonzero(fresh).tolist()])
        start = 0
        for end in [*_supplied(events), len(events)]:
            self._fold_silently(state, events[start:end])
            if end < len(events):
                await self._supply(tx, state, events.message(end))
            await asyncio.sleep(0)
            start = end

    def _fold_silently(self, state: ScorerState, events: Events) -> None:
        try:
            for _ in fold(state, events, self._step_messages_max):
                pass
        except LogError as error:
            raise Halt("log_error", str(error)) from error

    # What a day close needs from elsewhere

    def ready(self, state: ScorerState, batch: Batch[Events]) -> int:
        """Up to the next record that opens a day: what that needs may not be there yet, so it starts a batch of its own."""
        for index in _supplied(batch.messages):
            if batch.messages.seqs[index] <= state.last_event_seq:
                continue
            if index > 0 or self._is_missing(state, batch.messages.message(index)):
                return index
        return len(batch)

    def _is_missing(self, state: ScorerState, event: Any) -> bool:
        if missing_policy(state, event) is not None:
            return True
        return isinstance(event, DayClosed) and missing_curves(state, event) is not None

    async def prepare(self, tx: Any, state: ScorerState, batch: Batch[Events]) -> None:
        """Fetch the policy and the curves that the first event waits for, if they can be had by now."""
        if 0 in _supplied(batch.messages):
            await self._supply(tx, state, batch.messages.message(0))

    async def _supply(self, tx: Any, state: ScorerState, event: Any) -> None:
        version = missing_policy(state, event)
        if version is not None:
            put_policy(state, version, await self._policy(tx, version))
        if not isinstance(event, DayClosed):
            return
        day = missing_curves(state, event)
        if day is not None:
            curves = await self._merged(tx, day)
            if curves is not None:
                put_curves(state, day, curves)

    async def _policy(self, tx: Any, version: int) -> Policy:
        if version not in self._policies:
            text = await self._store.policy(tx, version)
            if text is None:
                raise Halt("unknown_policy", f"the log asks for policy {version}, which PostgreSQL doesn't hold")
            try:
                self._policies[version] = parse_policy(text)
            except PolicyError as error:
                raise Halt("unknown_policy", f"policy {version}: {error}") from error
        return self._policies[version]

    async def _merged(self, tx: Any, day: int) -> Curves | None:
        if day not in self._curves:
            posts = await self._store.posts(tx, day, self._partitions)
            if posts is None:
                return None
            for old in sorted(self._curves)[: -CURVES_KEPT_DAYS + 1]:
                del self._curves[old]
            self._curves[day] = merge_posts(posts)
        return self._curves[day]

    # A batch

    def steps(self, state: ScorerState, batch: Batch[Events], position: Position) -> Iterable[Commit]:
        """The fold's steps, each to be committed before the next is computed."""
        if not len(batch):
            self._idle.add(state.partition)
            return
        self._idle.discard(state.partition)
        # A record that is half done goes on in steps of the size that it began with, whatever the setting is now.
        size = position.step_size if position.step else self._step_messages_max
        done = -1
        try:
            for step in fold(state, batch.messages, size):
                done = step.events
                yield self._commit(state.partition, step, size)
        except LogError as error:
            raise Halt("log_error", str(error)) from error
        if done < len(batch):
            yield self._commit(state.partition, Step(events=len(batch)), size)

    def _commit(self, partition: int, step: Step, size: int) -> Commit:
        async def commit(tx: Any, before: Position) -> StepResult:
            del before
            await self._store.write(tx, partition, step.rows, step.post)
            outputs = [Outputs(0, step.first_seq, step.keys, step.values)] if step.keys else []
            return StepResult(outputs=outputs, done=step.events, step_size=size)

        return commit

    # Snapshots

    def committed(self, state: ScorerState, position: Position) -> None:
        """Snapshot, now and then: captured here, written beside the next batches."""
        since = state.last_event_seq - self._snapshot_seqs.get(state.partition, 0)
        wanted = self._snapshot_events + self._snapshot_products * state.products.count
        if state.partition in self._idle:
            wanted //= IDLE_SHARE
        if position.step or since < max(1, wanted) or self._snapshots:
            return
        self._snapshot_seqs[state.partition] = state.last_event_seq
        task = asyncio.create_task(self._save(state.partition, position.next_offset, capture(state)))
        self._snapshots.add(task)
        task.add_done_callback(self._snapshots.discard)

    async def _save(self, partition: int, next_offset: int, captured: Captured) -> None:
        content = await asyncio.to_thread(captured.encode)
        try:
            async with self._runtime_store.transaction() as tx:
                await self._store.save_snapshot(tx, partition, Snapshot(next_offset, content))
        except TemporaryFault as fault:
            # Nothing depends on it but how long a restart takes; the next one will be tried in time.
            _LOG.warning("no snapshot", partition=partition, error=str(fault))

    async def snapshots_written(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._snapshots)


def _supplied(events: Events) -> list[int]:
    """Where control records are that need what is not in the log."""
    places: list[int] = np.flatnonzero(np.isin(events.kinds, _SUPPLIED)).tolist()
    return places
