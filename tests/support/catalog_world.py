"""A small catalog for tests: worlds with one deployment, and the fold over them, all in memory."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from fenxiao_catalog.core.world import Deployment
from fenxiao_catalog.memory import MemoryCatalogStore
from fenxiao_catalog.service import CatalogService
from fenxiao_runtime.memory import MemoryBroker, MemoryStore
from fenxiao_runtime.worker import Worker
from fenxiao_schemas import commands as c
from fenxiao_schemas.codec import encode
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.topics import CATALOG_DLQ, COMMANDS, EVENTS, OUTCOMES, codec_of

FIRST_DAY = 20_000
DAY_MS = 86_400_000
PARTITIONS = 3
DEPLOYMENT = Deployment(
    partitions=PARTITIONS,
    first_day=FIRST_DAY,
    utc_offset_minutes=0,
    currency="CNY",
    policy_version=1,
    algorithm_version=1,
    repeat_window_days=90,
    orphan_days=3,
    parked_max=4,
)


def at(day: int = 0, hour: int = 12) -> int:
    """A time on the n-th day of the calendar."""
    return (FIRST_DAY + day) * DAY_MS + hour * 3_600_000


class MemoryCatalog:
    """The real catalog service behind the real processor, over memory."""

    def __init__(self, batch_max: int = 5) -> None:
        self.broker = MemoryBroker()
        self.tables = MemoryCatalogStore(PARTITIONS)
        service = CatalogService(DEPLOYMENT, [b"new-key-new-key-", b"old-key-old-key-"], self.tables)
        self._runtime = MemoryStore(outputs=len(service.outputs))
        self.workers = {
            p: Worker(
                service,
                p,
                store=self._runtime,
                log=self.broker,
                sender=self.broker,
                assignment=self.broker,
                owner="test",
                batch_max=batch_max,
                idle_s=0.001,
            )
            for p in range(PARTITIONS)
        }

    def send(self, *commands: c.Command) -> None:
        for command in commands:
            key = getattr(command, command.KEY_FIELD).encode()
            self.broker.append(COMMANDS.name, partition_of(key, PARTITIONS), key, encode(command))

    def send_raw(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        self.broker.append(COMMANDS.name, partition, key, value)

    async def close_day(self, day: int, policy_version: int = 1) -> None:
        """Close the n-th day where the commands end now."""
        closes = [(await self.broker.bounds(COMMANDS.name, p))[1] for p in range(PARTITIONS)]
        self.tables.days.append((FIRST_DAY + day, closes, policy_version))

    async def settle(self, closed_day: int = -1, *, only_first: int | None = None) -> None:
        """Run until every command has its outcome, every decided day is closed, and nothing is left to tell.

        Args:
            closed_day: The n-th day, which must be closed by then.
            only_first: Let this partition work alone, until its own commands are done.
        """
        if only_first is not None:
            await self._run_alone(only_first)
            return
        for worker in self.workers.values():
            worker.start()
        offer: Callable[[int, list[Any]], Any] = lambda p, records: self.workers[p].offer(records)  # noqa: E731
        with self.broker.feeding(COMMANDS.name, offer, PARTITIONS):
            async with asyncio.timeout(20):
                while not await self._is_settled(closed_day):
                    for worker in self.workers.values():
                        if worker.halted is not None:
                            raise AssertionError(str(worker.halted))
                    await asyncio.sleep(0.002)
        await asyncio.gather(*(worker.stop() for worker in self.workers.values()))

    async def _run_alone(self, partition: int) -> None:
        worker = self.workers[partition]
        end = (await self.broker.bounds(COMMANDS.name, partition))[1]
        worker.start()
        with self.broker.feeding(COMMANDS.name, lambda p, records: self.workers[p].offer(records), PARTITIONS):
            async with asyncio.timeout(20):
                while worker.position is None or worker.position.next_offset < end:
                    await asyncio.sleep(0.002)
        await worker.stop()

    async def _is_settled(self, closed_day: int) -> bool:
        for p, worker in self.workers.items():
            end = (await self.broker.bounds(COMMANDS.name, p))[1]
            progress = await self.tables.progress(None, p)
            if worker.position is None or worker.position.next_offset < end or progress is None:
                return False
            if progress.closed_day < FIRST_DAY + closed_day or worker.report()["relay_backlog"]:
                return False
        return not self.tables.inbox_size()

    def events(self, partition: int | None = None) -> list[Any]:
        return self._read(EVENTS, partition)

    def outcomes(self) -> list[Any]:
        return self._read(OUTCOMES, None)

    def dead_letters(self) -> list[Any]:
        return self._read(CATALOG_DLQ, None)

    def verdicts(self) -> dict[str, list[tuple[str, str]]]:
        """Each command's outcomes, in order, as (status, reason)."""
        found: dict[str, list[tuple[str, str]]] = {}
        for outcome in self.outcomes():
            found.setdefault(outcome.command_id, []).append((outcome.status, outcome.reason))
        return found

    def _read(self, topic: Any, partition: int | None) -> list[Any]:
        codec = codec_of(topic)
        chosen: Sequence[int] = range(PARTITIONS) if partition is None else [partition]
        return [codec.decode(value) for p in chosen for value in self.broker.values(topic.name, p)]
