"""One partition's life: take the lease, load, then batch after batch through transaction and relay, until told to stop.

Records come in from `group` by `offer`; committed outputs go out to `relay`. Whatever goes wrong ends in one of three ways
(`errors`): memory is dropped and the partition starts again from PostgreSQL, or it idles because another holds the lease,
or it halts aloud.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import structlog

from fenxiao_runtime.bell import Bell
from fenxiao_runtime.checks import check_logs
from fenxiao_runtime.errors import Fenced, Halt, TemporaryFault
from fenxiao_runtime.health import Progress
from fenxiao_runtime.intake import Intake
from fenxiao_runtime.ports import (
    Assignment,
    Batch,
    Log,
    OutboxRow,
    Outputs,
    Position,
    Record,
    Sender,
    Service,
    Step,
    StepResult,
    Store,
)
from fenxiao_runtime.relay import Relay, pack

BACKOFF_S = 1.0
IDLE_TURNS_MAX = 20
"""After so many turns without a record, look whether there really is none."""
LEAVE_WAIT_S = 5.0
"""How long a partition that is taken away may take to finish its batch."""
FENCED_BACKOFF_S = 4.0
"""Over a heartbeat, so that a member that the group has dropped knows it by then."""


Phase = Literal["starting", "running", "fenced", "retrying", "halted", "stopped"]
_LOG = structlog.get_logger("worker")


class Worker[S]:
    """One partition of one service.

    Args:
        service: The fold.
        partition: Its number, of input and outputs alike.
        assignment: The group's consumer, to seek, pause and resume this partition.
        owner: Who this process is, for people who look at the lease.
        batch_max: How many records at the most are folded in one transaction.
        idle_s: How often to look around when no record comes.
        bell: Shared by the workers of a process.
        loads: How many of them may load at once: each holds a connection while it replays, and the others need some to commit.
    """

    def __init__(
        self,
        service: Service[S],
        partition: int,
        *,
        store: Store,
        log: Log,
        sender: Sender,
        assignment: Assignment,
        owner: str,
        batch_max: int,
        idle_s: float,
        bell: Bell | None = None,
        loads: asyncio.Semaphore | None = None,
    ) -> None:
        self.partition = partition
        self.phase: Phase = "starting"
        self.halted: Halt | None = None
        self.position: Position | None = None
        self._service = service
        self._store = store
        self._log = log
        self._sender = sender
        self._assignment = assignment
        self._owner = owner
        self._idle_s = idle_s
        self._bell = bell or Bell()
        self._loads = loads or asyncio.Semaphore()
        self._state: S | None = None
        self._relay: Relay | None = None
        self._wake = asyncio.Event()
        self._intake = Intake(service.input, partition, assignment=assignment, batch_max=batch_max, wake=self._wake)
        self._batch: Batch[Any] | None = None
        self._ahead: asyncio.Task[Batch[Any]] | None = None
        self._idle_turns = 0
        self._task: asyncio.Task[None] | None = None
        self._leaving = False
        self._folding = False
        self._progress = Progress()

    # What the group calls

    def start(self) -> None:
        """The partition is ours (again). Halted, it folds nothing more, but what was committed before must still go out."""
        self._leaving = False
        self._task = asyncio.create_task(self._live(), name=f"{self._service.name}-{self.partition}")

    async def stop(self) -> None:
        """The partition may no longer be ours: finish the batch, or abandon it if that takes long.

        The state is kept for as long as the lease stands, see `_resume`.
        """
        self._intake.close()
        self._leaving = True
        self._wake.set()
        task, self._task = self._task, None
        if task is not None:
            await asyncio.wait({task}, timeout=LEAVE_WAIT_S)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._folding:
            self._state = None
            self._folding = False
        relay, self._relay = self._relay, None
        if relay is not None:
            await relay.stop()
        self._drop_batches()
        if self.halted is None:
            self.phase = "stopped"

    def offer(self, records: Sequence[Record]) -> None:
        """Take fetched records, or have them fetched again later; never blocks."""
        self._intake.offer(records)

    def report(self) -> Mapping[str, Any]:
        """How this partition is, for health."""
        next_offset = self.position.next_offset if self.position else None
        return {
            "phase": self.phase,
            "next_offset": next_offset,
            "lease_epoch": self.position.epoch if self.position else None,
            "buffered": len(self._intake) + len(self._batch or ()),
            "relay_backlog": self._relay.backlog if self._relay else 0,
            "idle_ms": self.idle_ms,
            "halted": str(self.halted) if self.halted else None,
        }

    @property
    def idle_ms(self) -> int:
        """Since when it, or its relay, made no progress though it had something to do."""
        return max(self._progress.idle_ms(), self._relay.idle_ms if self._relay else 0)

    # Its life

    async def _live(self) -> None:
        while not self._leaving:
            try:
                await self._begin()
                if self.halted is not None:
                    _LOG.error("still halted", partition=self.partition, reason=self.halted.reason)
                    return
                self.phase = "running"
                while not self._leaving:
                    await self._turn()
            except Fenced as fenced:
                self._forget("fenced")
                _LOG.warning("fenced", partition=self.partition, detail=str(fenced))
                await asyncio.sleep(FENCED_BACKOFF_S)
                if not self._assignment.holds(self.partition):
                    return
            except TemporaryFault as fault:
                self._forget("retrying")
                _LOG.warning("will retry", partition=self.partition, error=str(fault))
                await asyncio.sleep(BACKOFF_S)
            except Halt as halt:
                self._halt(halt)
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - a bug of ours: halting is the one safe thing
                _LOG.exception("handler error", partition=self.partition)
                self._halt(Halt("handler_error", f"{type(error).__name__}: {error}"))
                return

    def _forget(self, phase: Phase) -> None:
        self.phase = "halted" if self.halted is not None else phase
        self._state = None
        self._folding = False
        self._drop_batches()

    def _drop_batches(self) -> None:
        """Drop what was fetched and not folded: the next start fetches it again."""
        self._intake.close()
        self._batch = None
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()

    def _halt(self, halt: Halt) -> None:
        self.halted = self.halted or halt
        self._forget("halted")
        _LOG.error("halted", partition=self.partition, reason=halt.reason, detail=halt.detail)

    async def _begin(self) -> None:
        if self._relay is not None:
            await self._relay.stop()
        kept = await self._resume()
        if not kept:
            # Forgotten before the position moves on: if this start is cut short, the two must not seem to belong together.
            self._state = None
            self.position = await self._store.take_lease(self.partition, self._owner)
        position = self._at()
        await check_logs(self._service, self.partition, position, store=self._store, log=self._log)
        self._relay = Relay(self._store, self._sender, topics=self._service.outputs, partition=self.partition)
        await self._relay.start()
        if self.halted is not None:
            return
        if not kept:
            async with self._loads, self._store.transaction() as tx:
                self._state = await self._service.load(tx, self.partition, position, self._log)
        self._intake.open(position.next_offset)
        _LOG.info("assigned", partition=self.partition, epoch=position.epoch, offset=position.next_offset, kept=kept)

    async def _resume(self) -> bool:
        """Whether memory still equals what PostgreSQL holds under the same lease, so that nothing need be loaded."""
        if self._state is None or self.position is None:
            return False
        return await self._store.read_position(self.partition) == self.position

    # A turn

    async def _turn(self) -> None:
        self._intake.refill()
        if self._relay is not None:
            self._relay.check()
        batch = await self._next_batch()
        await self._intake.check_gap(self._log)
        self._idle_turns = 0 if batch else self._idle_turns + 1
        if self._idle_turns >= IDLE_TURNS_MAX:
            await self._look_at_end()
        state = self._loaded()
        count = self._service.ready(state, batch)
        if batch and not count:
            self._wake.clear()
            self._bell.listen(self._wake)
            async with self._store.transaction() as tx:
                await self._service.prepare(tx, state, batch)
            count = self._service.ready(state, batch)
        if batch and not count:
            await self._wait_for_wake()
            return
        folded = await self._fold(state, batch if count == len(batch) else batch[:count])
        if batch:
            self._bell.ring()
        self._batch = batch[folded:] if folded < len(batch) else None
        self._progress.moved()

    async def _look_at_end(self) -> None:
        """Nothing came for a while: if nothing but markers is left, say so."""
        self._idle_turns = 0
        end = await self._intake.end_behind_markers(self._log)
        if end is not None:
            await self._move_to(end)

    async def _next_batch(self) -> Batch[Any]:
        """What is to be folded next: decoded once, however many turns it takes; empty if nothing came for a while."""
        if self._batch is None:
            ahead = self._ahead
            if ahead is None and not self._intake:
                await self._wait()
            self._batch = await (ahead or self._take())
            self._ahead = None
            if self._service.own_input:
                self._check_readable(self._batch)
        return self._batch

    async def _take(self) -> Batch[Any]:
        records = self._intake.take()
        batch = Batch(records, self._service.decode([record.value for record in records]))
        await asyncio.sleep(0)  # decoding takes long, and folding will: between them, heartbeats have their turn
        return batch

    def _look_ahead(self) -> None:
        """Decode the next batch while PostgreSQL commits. Only a full one: of less, more may have come by then."""
        if self._ahead is None and self._intake.is_batch_full:
            self._ahead = asyncio.create_task(self._take(), name=f"ahead-{self.partition}")

    async def _wait(self) -> None:
        self._wake.clear()
        await self._wait_for_wake()

    async def _wait_for_wake(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), self._idle_s)
        except TimeoutError:
            return

    def _check_readable(self, batch: Batch[Any]) -> None:
        found = self._service.rejected(batch.messages)
        if found is not None:
            index, rejected = found
            raise Halt("unreadable_own_record", f"{self._where(batch.records[index])}: {rejected.error}")

    def _where(self, record: Record) -> str:
        return f"{self._service.input}-{self.partition} offset {record.offset}"

    async def _fold(self, state: S, batch: Batch[Any]) -> int:
        """Fold what is not folded yet; returns how many records are done with."""
        skip, end = self._unseen(batch) if self._service.own_input else (0, len(batch))
        fresh = batch if end - skip == len(batch) else batch[skip:end]
        if batch and not fresh:
            await self._move_to(batch.records[-1].offset + 1)
            return len(batch)
        done = 0
        # Steps of the first record that were committed already, by a worker whose memory died between two steps.
        committed = self._at().step
        self._folding = True
        for number, step in enumerate(self._service.steps(state, fresh, self._at())):
            if number >= committed:
                done = await self._commit(step, fresh, done)
        self._folding = False
        told = self._service.committed(state, self._at())
        if told is not None:
            await told
        return end

    def _unseen(self, batch: Batch[Any]) -> tuple[int, int]:
        """The first run of what is above the mark, in a batch in which repeats are dropped.

        A gap above the mark is a forged or lost record; it halts before anything of the batch is folded.
        """
        expected = self._at().mark + 1
        seqs = self._service.seqs(batch.messages)
        if seqs == list(range(expected, expected + len(seqs))):
            return 0, len(seqs)
        fresh = []
        for index, seq in enumerate(seqs):
            if seq > expected:
                raise Halt("seq_gap", f"{self._where(batch.records[index])}: seq {seq}, expected {expected}")
            if seq == expected:
                fresh.append(index)
                expected += 1
        if not fresh:
            return len(seqs), len(seqs)
        start = fresh[0]
        run = next((n for n, index in enumerate(fresh) if index != start + n), len(fresh))
        return start, start + run

    async def _commit(self, step: Step, batch: Batch[Any], done_before: int) -> int:
        """Run one step in a transaction; returns how many records of the batch are wholly folded now."""
        before = self._at()
        async with self._store.transaction() as tx:
            await self._store.lock(tx, self.partition, before)
            result = await step(tx, before)
            after = self._advance(before, batch, done_before, result)
            outputs = [each for each in result.outputs if len(each.keys)]
            row = None
            if outputs:
                row = OutboxRow(before.outbox_id + 1, pack(outputs))
                after = replace(after, out_seqs=_count_on(before.out_seqs, outputs), outbox_id=row.id)
            if after != before:
                await self._store.save(tx, self.partition, after, row)
            self._look_ahead()
        self.position = after
        if row is not None and self._relay is not None:
            await self._relay.put(row.id, outputs)
        return result.done

    def _advance(self, before: Position, batch: Batch[Any], done_before: int, result: StepResult) -> Position:
        if not batch:
            return before
        done = result.done
        if done == done_before and done < len(batch):
            return replace(before, step=before.step + 1, step_size=result.step_size)
        records = batch.records
        next_offset = records[-1].offset + 1 if done == len(batch) else records[done].offset
        mark = before.mark + done - done_before if self._service.own_input else before.mark
        return replace(before, next_offset=next_offset, step=0, step_size=0, mark=mark)

    async def _move_to(self, next_offset: int) -> None:
        """Commit that there is nothing to fold before this offset."""
        before = self._at()
        after = replace(before, next_offset=next_offset, step=0, step_size=0)
        async with self._store.transaction() as tx:
            await self._store.lock(tx, self.partition, before)
            await self._store.save(tx, self.partition, after, None)
        self.position = after

    def _at(self) -> Position:
        if self.position is None:
            raise Halt("handler_error", "the partition has no position yet")
        return self.position

    def _loaded(self) -> S:
        if self._state is None:
            raise Halt("handler_error", "the partition has no state yet")
        return self._state


def _count_on(out_seqs: Sequence[int], outputs: Sequence[Outputs]) -> tuple[int, ...]:
    """The last `seq` of each output topic after these."""
    counted = list(out_seqs)
    for each in outputs:
        if each.first_seq != counted[each.topic] + 1:
            raise Halt("fold_seq_gap", f"output seq {each.first_seq} after {counted[each.topic]}")
        if len(each.keys) != len(each.values):
            raise Halt("handler_error", f"{len(each.keys)} keys for {len(each.values)} values")
        counted[each.topic] += len(each.keys)
    return tuple(counted)
