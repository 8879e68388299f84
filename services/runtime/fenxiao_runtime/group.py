"""All partitions that the group gives to this process: starts and stops their workers, and hands records out."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition

from fenxiao_runtime.kafka import Fetched, KafkaAssignment
from fenxiao_runtime.worker import Worker

_LOG = structlog.get_logger("group")


class PartitionGroup(ConsumerRebalanceListener):
    """The workers of one service in this process.

    A worker outlives a rebalance: what it has in memory is good for as long as its lease stands.
    """

    def __init__(
        self, service: str, assignment: KafkaAssignment, make_worker: Callable[[int], Worker[Any]], stall_after_ms: int
    ) -> None:
        self._service = service
        self._assignment = assignment
        self._make_worker = make_worker
        self._stall_after_ms = stall_after_ms
        self._workers: dict[int, Worker[Any]] = {}
        self._held: set[int] = set()
        self._assigned_once = False
        self._stopped = False

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Let the batches finish, then let go."""
        partitions = {tp.partition for tp in revoked}
        self._held -= partitions
        await asyncio.gather(*(self._workers[p].stop() for p in partitions if p in self._workers))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Hold all fetching until each worker says from where."""
        if self._stopped:
            return
        self._assigned_once = True
        for tp in assigned:
            self._held.add(tp.partition)
            self._assignment.pause(tp.partition)
            worker = self._workers.get(tp.partition)
            if worker is None:
                worker = self._workers[tp.partition] = self._make_worker(tp.partition)
            worker.start()

    async def handle(self, fetched: Fetched) -> None:
        """Hand fetched records to their workers; never raises for what is in them."""
        for tp, records in fetched.items():
            worker = self._workers.get(tp.partition)
            if worker is not None:
                worker.offer(records)
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Stop all workers."""
        self._stopped = True
        self._held.clear()
        await asyncio.gather(*(worker.stop() for worker in self._workers.values()))

    def report(self) -> Mapping[str, Any]:
        """Health: ready when every partition held runs and none stalls; live while the loop turns enough to answer."""
        partitions = {p: self._workers[p].report() for p in sorted(self._held)}
        phases = [report["phase"] for report in partitions.values()]
        stalled = [p for p in self._held if self._workers[p].idle_ms > self._stall_after_ms]
        running = all(phase == "running" for phase in phases)
        return {
            "service": self._service,
            "ready": self._assigned_once and running and not stalled,
            "live": True,
            "halted": {p: r["halted"] for p, r in partitions.items() if r["halted"]},
            "stalled": stalled,
            "partitions": partitions,
        }
