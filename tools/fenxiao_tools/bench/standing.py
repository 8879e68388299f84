"""`bench memory`, `recovery` and `day-close`: one scorer that has caught up with a long log that the bench wrote.

Each alone or, in this order, on the same log: how much memory it has; how soon it is back after SIGKILL; what one close of
a day takes, by `close_once`, after the service was stopped.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Literal

from aiokafka import AIOKafkaConsumer, TopicPartition

from fenxiao_schemas.policy import default_policy
from fenxiao_schemas.topics import EVENTS, TIERS
from fenxiao_tools.bench.figures import (
    CloseFigures,
    Cost,
    Figures,
    LogLoad,
    MemoryFigures,
    RecoveryFigures,
    Stages,
    bytes_each,
    close_figures,
    per_second,
)
from fenxiao_tools.bench.host import Host
from fenxiao_tools.bench.prefill import Writer
from fenxiao_tools.bench.usage import Usage, usage_of
from fenxiao_tools.bench.zipf_log import LogSize, ZipfLog
from fenxiao_tools.connect import kafka_errors, postgres
from fenxiao_tools.errors import ToolError
from fenxiao_tools.processes import Services

type Part = Literal["memory", "recovery", "day_close"]

PARTS: tuple[Part, ...] = ("memory", "recovery", "day_close")
SNAPSHOT_EVENTS = 200_000
"""As the scorer's own setting; less, where the log is short."""
STEP_MESSAGES = 5_000
SETTLE_S = 2.0
BACK_S_MAX = 300.0
WAIT_MS = 5
_UNSAVED = """
SELECT coalesce(sum(next_offset - coalesce(
    (SELECT max(s.next_offset) FROM scorer.snapshots s WHERE s.partition = p.partition), 0)), 0)::bigint
FROM scorer.partitions p
"""


def measure_standing(host: Host, size: LogSize, wanted: Collection[Part]) -> Mapping[str, Figures]:
    """Write the log, and measure what is wanted."""
    return _Standing(host, size).measure(wanted)


class _Standing:
    """The parts, in the order in which they are called."""

    def __init__(self, host: Host, size: LogSize) -> None:
        self._host, self._size, self._log = host, size, ZipfLog(size, default_policy())
        # A name of its own in the group, as an operator gives it: then a start after a crash waits for nobody.
        self._settings = {
            "FENXIAO_INSTANCE_ID": "bench-scorer-0",
            "FENXIAO_SCORER_SNAPSHOT_EVENTS": str(min(SNAPSHOT_EVENTS, max(1, size.events // size.partitions // 4))),
        }

    def measure(self, wanted: Collection[Part]) -> dict[str, Figures]:
        """All that is wanted."""
        found: dict[str, Figures] = {}
        idle = self._idle() if "memory" in wanted else Usage()
        self._write()
        with self._host.running("scorer", self._settings) as services:
            with self._host.phases.phase("waiting until the scorer has caught up") as say:
                cost = self._host.watch(services, "scorer", EVENTS, say)
            if "memory" in wanted:
                found["memory"] = self._memory(idle, cost)
            if "recovery" in wanted:
                found["recovery"] = self._recovery(services)
        if "day_close" in wanted:
            found["day_close"] = self._day_close()
        return found

    @property
    def _load(self) -> LogLoad:
        size = self._size
        return LogLoad(
            products=size.products,
            events=self._log.records,
            days=size.days,
            seed=size.seed,
            partitions=size.partitions,
        )

    def _idle(self) -> Usage:
        phase = self._host.phases.phase("starting the scorer on an empty log")
        with phase, self._host.running("scorer", self._settings) as services:
            services.await_ready("scorer")
            time.sleep(SETTLE_S)
            return usage_of(services.pid("scorer"))

    def _write(self) -> None:
        async def write() -> None:
            async with Writer(self._host.servers) as writer:
                await writer.write(self._log.whole())

        size = self._size
        with self._host.phases.phase(f"writing {size.events:,} events of {size.products:,} products") as say:
            start = time.monotonic()
            with self._host.cores.on_measured():
                asyncio.run(write())
            say(f"{self._log.records:,} records, {per_second(self._log.records, time.monotonic() - start):,} a second")

    def _memory(self, idle: Usage, cost: Cost) -> MemoryFigures:
        products = self._size.products
        return MemoryFigures(
            load=self._load,
            rss_bytes_per_product=bytes_each(cost.rss_mib, products),
            rss_peak_bytes_per_product=bytes_each(cost.rss_peak_mib, products),
            rss_mib=cost.rss_mib,
            rss_peak_mib=cost.rss_peak_mib,
            idle_rss_mib=idle.rss_mib,
            events_per_s=per_second(self._log.records - cost.lead_records, cost.seconds),
        )

    def _recovery(self, services: Services) -> RecoveryFigures:
        with self._host.phases.phase("killing the scorer and starting it again") as say:
            first_s, all_s, replayed, partitions = asyncio.run(self._kill(services))
            say(f"the first message after {first_s:.2f} s, those of all partitions after {all_s:.2f} s")
        with self._host.phases.phase("waiting until all is committed") as say:
            self._host.watch(services, "scorer", EVENTS, say)
        return RecoveryFigures(
            load=self._load,
            recovery_s=round(first_s, 3),
            recovery_all_s=round(all_s, 3),
            replayed=replayed,
            partitions=partitions,
        )

    async def _kill(self, services: Services) -> tuple[float, float, int, int]:
        async with postgres(self._host.dsn) as connection:
            replayed = int(await connection.fetchval(_UNSAVED))
        async with Writer(self._host.servers) as writer, _new_tiers(self._host.servers) as consumer:
            holds = list(self._log.holds())
            start = time.monotonic()
            services.kill("scorer")
            services.launch("scorer")
            await writer.write(holds)
            waiting, first_s, took = {chunk.partition for chunk in holds}, None, 0.0
            while waiting:
                fetched = await consumer.getmany(timeout_ms=WAIT_MS)
                took = time.monotonic() - start
                services.check()
                if took > BACK_S_MAX:
                    raise ToolError(f"no tier message of {len(waiting)} partitions {BACK_S_MAX:g} s after the kill")
                seen = {part.partition for part in fetched}
                if seen and first_s is None:
                    first_s = took
                waiting -= seen
        return first_s or took, took, replayed, len(holds)

    def _day_close(self) -> CloseFigures:
        async def write() -> None:
            async with Writer(self._host.servers) as writer:
                await writer.write(self._log.close())

        size = self._size
        # At least a few steps a partition, so that little of the encoding falls into the first ones.
        step_messages = min(STEP_MESSAGES, max(1, size.products // size.partitions // 8))
        with self._host.phases.phase(f"closing a day of {size.products:,} products") as say:
            asyncio.run(write())
            stages = Stages(**self._host.child("close_once", str(step_messages)))
            found = close_figures(self._load, stages)
            say(f"{found.close_s:.2f} s, and {found.messages:,} messages")
        return found


@asynccontextmanager
async def _new_tiers(bootstrap_servers: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer at the present end of all tiers."""
    async with kafka_errors(bootstrap_servers, "reading the tiers"):
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
        try:
            await consumer.start()
            consumer.assign([TopicPartition(TIERS.name, 0)])  # a consumer keeps metadata of assigned topics alone
            await consumer.end_offsets([TopicPartition(TIERS.name, 0)])
            parts = [TopicPartition(TIERS.name, number) for number in consumer.partitions_for_topic(TIERS.name) or ()]
            ends = await consumer.end_offsets(parts)
            consumer.assign(parts)
            for part in parts:
                consumer.seek(part, ends[part])
            await consumer.getmany(timeout_ms=WAIT_MS)
            yield consumer
        finally:
            await consumer.stop()
