"""The scorer as the partition processor sees it: the fold runs ahead in memory, its steps are committed behind it."""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

import structlog

from fenxiao_runtime.errors import Halt, TemporaryFault
from fenxiao_runtime.ports import Item, Log, Output, Position, StepResult, Store
from fenxiao_runtime.ports import Step as Commit
from fenxiao_schemas.codec import Rejected
from fenxiao_schemas.events import CalendarStarted, DayClosed
from fenxiao_schemas.policy import Policy, PolicyError, parse_policy
from fenxiao_schemas.topics import EVENTS, TIERS, codec_of
from fenxiao_scorer.core import (
    Curves,
    LogError,
    ScorerState,
    SnapshotError,
    Step,
    fold,
    merge_posts,
    missing_curves,
    missing_policy,
    put_curves,
    put_policy,
    restore,
    snapshot,
)
from fenxiao_scorer.store import ScorerStore, Snapshot

CURVES_KEPT_DAYS = 4
"""How many days' merged curves the partitions of this process share; nearly always they are within a day of each other."""

_LOG = structlog.get_logger("scorer")
_EVENTS = codec_of(EVENTS)
_TIERS = codec_of(TIERS)
Supplied = CalendarStarted | DayClosed


class ScorerService:
    """Folds `catalog.events` into `scorer.tiers`.

    Args:
        partitions: The deployment's count: a day's curves need so many posts.
        store: The tables.
        runtime_store: For transactions outside the processor's own (snapshots).
        step_messages_max: How many tier messages one transaction holds at the most.
        snapshot_events: After how many events a partition is snapshot.
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
    ) -> None:
        self._partitions = partitions
        self._store = store
        self._runtime_store = runtime_store
        self._step_messages_max = step_messages_max
        self._snapshot_events = snapshot_events
        self._curves: dict[int, Curves] = {}
        self._policies: dict[int, Policy] = {}
        self._snapshot_seqs: dict[int, int] = {}

    def decode(self, values: Sequence[bytes | None]) -> list[Any]:
        """Joined, since we wrote them."""
        return _EVENTS.decode_own_batch(values)

    def seq_of(self, message: Any) -> int:
        """An event's."""
        return int(message.seq)

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
        for event in events:
            if isinstance(event, Rejected):
                raise Halt("unreadable_own_record", f"partition {state.partition}: {event.error}")
        fresh = [event for event in events if event.seq > state.last_event_seq]
        start = 0
        for end in [*(index for index, event in enumerate(fresh) if isinstance(event, Supplied)), len(fresh)]:
            self._fold_silently(state, fresh[start:end])
            if end < len(fresh):
                await self._supply(tx, state, fresh[end])
            start = end

    def _fold_silently(self, state: ScorerState, events: Sequence[Any]) -> None:
        try:
            for _ in fold(state, events, self._step_messages_max):
                pass
        except LogError as error:
            raise Halt("log_error", str(error)) from error

    # What a day close needs from elsewhere

    def ready(self, state: ScorerState, items: Sequence[Item]) -> int:
        """Up to the next record that opens a day: what that needs may not be there yet, so it starts a batch of its own."""
        for index, item in enumerate(items):
            message = item.message
            if not isinstance(message, Supplied) or message.seq <= state.last_event_seq:
                continue
            if index > 0 or self._is_missing(state, message):
                return index
        return len(items)

    def _is_missing(self, state: ScorerState, event: Supplied) -> bool:
        if missing_policy(state, event) is not None:
            return True
        return isinstance(event, DayClosed) and missing_curves(state, event) is not None

    async def prepare(self, tx: Any, state: ScorerState, items: Sequence[Item]) -> None:
        """Fetch the policy and the curves that the first item waits for, if they can be had by now."""
        event = items[0].message
        if isinstance(event, Supplied):
            await self._supply(tx, state, event)

    async def _supply(self, tx: Any, state: ScorerState, event: Supplied) -> None:
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

    def steps(self, state: ScorerState, items: Sequence[Item], position: Position) -> Iterable[Commit]:
        """The fold's steps, each to be committed before the next is computed."""
        del position
        events: list[Any] = [item.message for item in items]
        if not events:
            return
        done = -1
        try:
            for step in fold(state, events, self._step_messages_max):
                done = step.events
                yield self._commit(state.partition, step)
        except LogError as error:
            raise Halt("log_error", str(error)) from error
        if done < len(events):
            yield self._commit(state.partition, Step(events=len(events)))

    def _commit(self, partition: int, step: Step) -> Commit:
        async def commit(tx: Any, before: Position) -> StepResult:
            del before
            await self._store.write(tx, partition, step.rows, step.post)
            outputs = [Output(0, message.seq, message.key, message.value) for message in step.messages]
            return StepResult(outputs=outputs, items_done=step.events)

        return commit

    def committed(self, state: ScorerState, position: Position) -> Awaitable[None] | None:
        """Snapshot, now and then."""
        since = state.last_event_seq - self._snapshot_seqs.get(state.partition, 0)
        if position.step or since < self._snapshot_events:
            return None
        return self._snapshot(state, position)

    async def _snapshot(self, state: ScorerState, position: Position) -> None:
        self._snapshot_seqs[state.partition] = state.last_event_seq
        content = snapshot(state)
        try:
            async with self._runtime_store.transaction() as tx:
                await self._store.save_snapshot(tx, state.partition, Snapshot(position.next_offset, content))
        except TemporaryFault as fault:
            # Nothing depends on it but how long a restart takes; the next one will be tried in time.
            _LOG.warning("no snapshot", partition=state.partition, error=str(fault))
