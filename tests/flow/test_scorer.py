"""The scorer behind the processor, whole but for the servers: the same bytes whatever the batches, crashes and snapshots."""

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from fenxiao_runtime import relay, worker
from fenxiao_runtime.errors import TemporaryFault
from fenxiao_runtime.memory import MemoryBroker, MemoryStore
from fenxiao_runtime.worker import Worker
from fenxiao_schemas.codec import encode
from fenxiao_schemas.policy import Policy
from fenxiao_schemas.topics import EVENTS, TIERS, codec_of
from fenxiao_scorer.core import ScorerState, restore
from fenxiao_scorer.memory import MemoryScorerStore
from fenxiao_scorer.service import IDLE_SHARE, ScorerService
from fenxiao_scorer.store import Snapshot
from support.random_log import RandomLog, random_log
from support.scorer_run import run


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((worker, "BACKOFF_S"), (worker, "FENCED_BACKOFF_S"), (relay, "BACKOFF_S")):
        monkeypatch.setattr(module, name, 0.0)


class MemoryScorer:
    """A scorer over memory, fed from a random log."""

    def __init__(self, log: RandomLog, *, batch_max: int, step_messages_max: int, snapshot_events: int) -> None:
        self.log = log
        self.partitions = len(log.partitions)
        self.broker = MemoryBroker()
        for partition, events in enumerate(log.partitions):
            for event in events:
                self.broker.append(EVENTS.name, partition, b"k", encode(event))
        self.tables = MemoryScorerStore({version: to_toml(policy) for version, policy in log.policies.items()})
        self.store = MemoryStore(outputs=1)
        self._options = (batch_max, step_messages_max, snapshot_events)
        self.workers: dict[int, Worker[ScorerState]] = {}
        self.services: list[ScorerService] = []

    def restart(self, partition: int, *, step_messages_max: int | None = None) -> None:
        """A new process takes the partition, perhaps with other steps: nothing of the old one's memory is left."""
        batch_max, usual, snapshot_events = self._options
        service = ScorerService(
            self.partitions,
            self.tables,
            self.store,
            step_messages_max=step_messages_max or usual,
            snapshot_events=snapshot_events,
        )
        self.services.append(service)
        self.workers[partition] = Worker(
            service,
            partition,
            store=self.store,
            log=self.broker,
            sender=self.broker,
            assignment=self.broker,
            owner="test",
            batch_max=batch_max,
            idle_s=0.0005,
        )
        self.workers[partition].start()

    async def stop(self) -> None:
        """As a process ends: what is being written of snapshots is written."""
        await asyncio.gather(*(each.stop() for each in self.workers.values()))
        for service in self.services:
            await service.snapshots_written()

    def is_done(self) -> bool:
        for each in self.workers.values():
            assert each.halted is None, str(each.halted)
        for partition, each in self.workers.items():
            end = len(self.log.partitions[partition])
            if each.position is None or each.position.next_offset < end or each.report()["relay_backlog"]:
                return False
        return True

    def published(self, partition: int) -> list[bytes]:
        """As a reader with a high-water mark sees it."""
        seen: list[bytes] = []
        codec = codec_of(TIERS)
        for value in self.broker.values(TIERS.name, partition):
            seq = codec.decode(value).seq
            assert seq <= len(seen) + 1, "a gap"
            if seq == len(seen) + 1:
                seen.append(value)
            else:
                assert seen[seq - 1] == value, "one seq, two contents"
        return seen


def to_toml(policy: Policy) -> str:
    def lines(table: dict[str, Any], path: str) -> Iterator[str]:
        for name, value in table.items():
            if isinstance(value, dict):
                yield from lines(value, f"{path}{name}.")
            else:
                yield f"{path}{name} = {json.dumps(value)}"

    return "\n".join(lines(msgspec.to_builtins(policy), ""))


@pytest.mark.parametrize("seed", range(8))
async def test_crashes_batches_and_snapshots_change_no_byte(seed: int) -> None:
    """Kill partitions at random, lose commits and sends, tear snapshots, with steps so small that every close has several."""
    log = random_log(seed)
    chaos = random.Random(seed)
    scorer = MemoryScorer(
        log,
        batch_max=chaos.choice([1, 7, 50, 1000]),
        step_messages_max=chaos.choice([1, 3, 1000]),
        snapshot_events=chaos.choice([1, 40, 10**9]),
    )
    expected = [[message.value for message in messages] for messages in run(log).messages]
    for partition in range(scorer.partitions):
        scorer.restart(partition)
    with scorer.broker.feeding(EVENTS.name, lambda p, records: scorer.workers[p].offer(records), scorer.partitions):
        async with asyncio.timeout(60):
            faults = 12
            while not scorer.is_done():
                await asyncio.sleep(chaos.random() * 0.01)
                if faults and not scorer.is_done():
                    faults -= 1
                    await disturb(scorer, chaos)
    await scorer.stop()
    assert [scorer.published(partition) for partition in range(scorer.partitions)] == expected


@pytest.mark.parametrize("nth", range(1, 40, 3))
async def test_a_lost_commit_within_a_barrier_of_many_steps(nth: int) -> None:
    """With steps of one message, wherever the answer of a commit is lost, the rest of the record's steps still follow."""
    log = random_log(3)
    scorer = MemoryScorer(log, batch_max=50, step_messages_max=1, snapshot_events=10**9)
    expected = [[message.value for message in messages] for messages in run(log).messages]
    save, commits = scorer.store.save, 0

    async def save_and_lose(tx: Any, partition: int, position: Any, row: Any) -> None:
        nonlocal commits
        await save(tx, partition, position, row)
        commits += partition == 0
        if partition == 0 and commits == nth:
            scorer.store.break_commit(applied=True)

    scorer.store.save = save_and_lose  # type: ignore[method-assign]
    await run_to_the_end(scorer)
    await scorer.stop()
    assert [scorer.published(partition) for partition in range(scorer.partitions)] == expected


async def run_to_the_end(scorer: MemoryScorer) -> None:
    for partition in range(scorer.partitions):
        scorer.restart(partition)
    with scorer.broker.feeding(EVENTS.name, lambda p, records: scorer.workers[p].offer(records), scorer.partitions):
        async with asyncio.timeout(60):
            while not scorer.is_done():
                await asyncio.sleep(0.002)


async def test_no_batch_waits_for_a_snapshot() -> None:
    """A snapshot that is never done being written holds nothing up, and none is begun beside it."""
    log = random_log(4)
    scorer = MemoryScorer(log, batch_max=20, step_messages_max=1000, snapshot_events=1)
    expected = [[message.value for message in messages] for messages in run(log).messages]
    save, may_go_on = scorer.tables.save_snapshot, asyncio.Event()
    writing: list[int] = []

    async def save_late(tx: Any, partition: int, snapshot: Snapshot) -> None:
        writing.append(partition)
        await may_go_on.wait()
        await save(tx, partition, snapshot)

    scorer.tables.save_snapshot = save_late  # type: ignore[method-assign]
    await run_to_the_end(scorer)
    assert [scorer.published(partition) for partition in range(scorer.partitions)] == expected
    assert sorted(writing) == sorted(set(writing))
    assert writing
    assert not [partition for partition in writing if await snapshot_offsets(scorer, partition)]
    may_go_on.set()
    await scorer.stop()
    for partition in writing:
        kept = await scorer.tables.snapshots(None, partition, 10**9)
        assert [restore(each.content).last_event_seq for each in kept] == [each.next_offset for each in kept]
        assert kept


async def test_a_snapshot_that_cannot_be_written_halts_nothing() -> None:
    log = random_log(4)
    scorer = MemoryScorer(log, batch_max=20, step_messages_max=1000, snapshot_events=1)
    expected = [[message.value for message in messages] for messages in run(log).messages]
    tried = 0

    async def refuse(tx: Any, partition: int, snapshot: Snapshot) -> None:
        nonlocal tried
        tried += 1
        raise TemporaryFault("PostgreSQL: no")

    scorer.tables.save_snapshot = refuse  # type: ignore[method-assign]
    await run_to_the_end(scorer)
    await scorer.stop()
    assert tried > 1
    assert [scorer.published(partition) for partition in range(scorer.partitions)] == expected


async def test_an_idle_partition_is_snapshot_before_a_busy_one_would_be() -> None:
    """What is left to replay then is less than `IDLE_SHARE` of it; and the next process publishes nothing twice."""
    log = random_log(4)
    ends = [len(events) for events in log.partitions]
    scorer = MemoryScorer(log, batch_max=1000, step_messages_max=1000, snapshot_events=10 * max(ends))
    await run_to_the_end(scorer)
    share = 10 * max(ends) // IDLE_SHARE
    async with asyncio.timeout(60):
        for partition, end in enumerate(ends):
            while end - max(await snapshot_offsets(scorer, partition), default=0) >= share:
                await asyncio.sleep(0.002)
    await scorer.stop()
    assert any([await snapshot_offsets(scorer, partition) for partition in range(scorer.partitions)])
    before = [scorer.broker.values(TIERS.name, partition) for partition in range(scorer.partitions)]
    await run_to_the_end(scorer)
    await scorer.stop()
    assert [scorer.broker.values(TIERS.name, partition) for partition in range(scorer.partitions)] == before


async def snapshot_offsets(scorer: MemoryScorer, partition: int) -> list[int]:
    return [kept.next_offset for kept in await scorer.tables.snapshots(None, partition, 10**9)]


async def disturb(scorer: MemoryScorer, chaos: random.Random) -> None:
    partition = chaos.randrange(scorer.partitions)
    match chaos.randrange(4):
        case 0:
            await scorer.workers[partition].stop()
            scorer.restart(partition, step_messages_max=chaos.choice([1, 2, 5, 1000]))
        case 1:
            scorer.store.break_commit(applied=chaos.random() < 0.5)
        case 2:
            scorer.broker.break_send(applied=chaos.random() < 0.5)
        case _:
            scorer.tables.tear(partition)
            await scorer.workers[partition].stop()
            scorer.restart(partition)
