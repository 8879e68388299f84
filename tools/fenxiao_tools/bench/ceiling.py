"""What reading alone costs: aiokafka's `getmany` and msgspec's decode into the scorer's own Structs, and nothing kept.

No Python process that reads these records from Kafka into these Structs can be quicker on this core, which makes its
rate the measure of the scorer's. Run as `python -m fenxiao_tools.bench.ceiling SECONDS`, prints a `Ceiling` as JSON.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from fenxiao_schemas.topics import EVENTS
from fenxiao_tools.bench.figures import Ceiling, percent
from fenxiao_tools.bench.usage import busy_s
from fenxiao_tools.connect import kafka_errors
from fenxiao_tools.errors import ToolError
from fenxiao_tools.stack.environment import KAFKA_VARIABLE

RECORDS_MAX = 10_000
FETCH_BYTES_MAX = 8 * 1024 * 1024
"""Of a partition in one go, so that no fetch is waited for."""
WARM_RECORDS = 50_000
"""Read before the clock starts."""
WAIT_MS = 1_000
SILENCE_MAX = 10
"""After so many waits in a row that gave nothing, the rest will not come."""


async def measure(bootstrap_servers: str, seconds: float) -> Ceiling:
    """Read and decode the whole topic, again and again until the time is over; never less than once.

    Raises:
        ToolError: Kafka can't be read.
    """
    async with kafka_errors(bootstrap_servers, "reading the events"):
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
        )
        try:
            await consumer.start()
            return await _measure(consumer, seconds)
        finally:
            await consumer.stop()


async def _measure(consumer: AIOKafkaConsumer, seconds: float) -> Ceiling:
    consumer.assign([TopicPartition(EVENTS.name, 0)])  # a consumer keeps metadata of assigned topics alone
    await consumer.end_offsets([TopicPartition(EVENTS.name, 0)])
    parts = [TopicPartition(EVENTS.name, number) for number in sorted(consumer.partitions_for_topic(EVENTS.name) or ())]
    total = sum((await consumer.end_offsets(parts)).values())
    consumer.assign(parts)
    core = own_core()
    await _read(consumer, min(total, WARM_RECORDS))
    start, cpu, busy, records, passes = time.perf_counter(), time.process_time(), busy_s(core), 0, 0
    while not passes or time.perf_counter() - start < seconds:
        await consumer.seek_to_beginning(*parts)
        records += await _read(consumer, total)
        passes += 1
    took = time.perf_counter() - start
    cpu_s, busy_now = time.process_time() - cpu, busy_s(core)
    share = None if busy is None or busy_now is None else percent(busy_now - busy, took)
    return Ceiling(passes=passes, records=records, seconds=round(took, 3), cpu_s=round(cpu_s, 2), core_busy_pct=share)


def own_core() -> int | None:
    """The core that this process is pinned to, if it is."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return next(iter(cores)) if len(cores) == 1 else None


async def _read(consumer: AIOKafkaConsumer, total: int) -> int:
    """One pass."""
    # A record at a time, which is quicker than all joined into one array.
    decode: Callable[[Any], Any] = msgspec.json.Decoder(EVENTS.message).decode
    count, silence = 0, 0
    while count < total:
        fetched = await consumer.getmany(timeout_ms=WAIT_MS, max_records=RECORDS_MAX)
        silence = 0 if fetched else silence + 1
        if silence > SILENCE_MAX:
            raise ToolError(f"Kafka gave {count:,} of {total:,} events and no more")
        for records in fetched.values():
            count += len([decode(record.value) for record in records])
    return count


def main() -> None:
    """Measure and print."""
    try:
        measured = asyncio.run(measure(os.environ[KAFKA_VARIABLE], float(sys.argv[1])))
    except ToolError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(asdict(measured)) + "\n")


if __name__ == "__main__":
    main()
