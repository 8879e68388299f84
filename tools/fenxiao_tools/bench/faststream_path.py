"""The second ceiling: FastStream's own batch subscriber on the same records, whose handler does nothing but count.

It parses and decodes as FastStream does unless told otherwise; types are not applied and nothing is logged a message,
which is the quickest that it can be made by its settings alone. Run as `python -m fenxiao_tools.bench.faststream_path
SECONDS`, prints a `Ceiling` as JSON. The first batch starts the clock, so that connecting does not count.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict
from typing import Any

from faststream.kafka import KafkaBroker, TopicPartition

from fenxiao_schemas.topics import EVENTS
from fenxiao_tools.bench.ceiling import FETCH_BYTES_MAX, RECORDS_MAX, WAIT_MS, own_core
from fenxiao_tools.bench.figures import Ceiling, percent
from fenxiao_tools.bench.usage import busy_s
from fenxiao_tools.connect import kafka_errors
from fenxiao_tools.errors import ToolError
from fenxiao_tools.logs import open_logs
from fenxiao_tools.stack.environment import KAFKA_VARIABLE

SILENCE_S_MAX = 15.0
LOOK_S = 0.2


class _Counter:
    """Counts records from the end of the first batch on, until all are there or the time is over."""

    def __init__(self, total: int, seconds: float) -> None:
        self._total, self._seconds, self._core = total, seconds, own_core()
        self.seen, self.first, self.moved_at = 0, 0, time.perf_counter()
        self.done = asyncio.Event()
        self.ceiling: Ceiling | None = None

    async def handle(self, bodies: list[Any]) -> None:
        """A batch."""
        now = self.moved_at = time.perf_counter()
        self.seen += len(bodies)
        if not self.first:
            self.first, self._start = self.seen, now
            self._cpu, self._busy = time.process_time(), busy_s(self._core)
        elif not self.done.is_set() and (self.seen >= self._total or now - self._start >= self._seconds):
            self.ceiling = self._measured(now - self._start)
            self.done.set()

    def _measured(self, took: float) -> Ceiling:
        busy = busy_s(self._core)
        share = None if self._busy is None or busy is None else percent(busy - self._busy, took)
        return Ceiling(
            passes=1,
            records=self.seen - self.first,
            seconds=round(took, 3),
            cpu_s=round(time.process_time() - self._cpu, 2),
            core_busy_pct=share,
        )


async def measure(bootstrap_servers: str, seconds: float) -> Ceiling:
    """Read the topic once through, or for as long as the time lasts.

    Raises:
        ToolError: Kafka can't be read.
    """
    async with kafka_errors(bootstrap_servers, "reading the events with FastStream"):
        async with open_logs(bootstrap_servers, [EVENTS]) as reader:
            ends = await reader.ends(EVENTS)
        counter = _Counter(sum(ends), seconds)
        broker = KafkaBroker(bootstrap_servers, apply_types=False, logger=None)
        broker.subscriber(
            partitions=[TopicPartition(EVENTS.name, number) for number in range(len(ends))],
            batch=True,
            auto_offset_reset="earliest",
            max_records=RECORDS_MAX,
            batch_timeout_ms=WAIT_MS,
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
        )(counter.handle)
        try:
            await broker.start()
            return await _counted(counter)
        finally:
            await broker.stop()


async def _counted(counter: _Counter) -> Ceiling:
    while counter.ceiling is None:
        if time.perf_counter() - counter.moved_at > SILENCE_S_MAX:
            raise ToolError(f"FastStream gave {counter.seen:,} events and no more")
        try:
            await asyncio.wait_for(counter.done.wait(), LOOK_S)
        except TimeoutError:
            continue
    return counter.ceiling


def main() -> None:
    """Measure and print."""
    try:
        measured = asyncio.run(measure(os.environ[KAFKA_VARIABLE], float(sys.argv[1])))
    except ToolError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(asdict(measured)) + "\n")


if __name__ == "__main__":
    main()
