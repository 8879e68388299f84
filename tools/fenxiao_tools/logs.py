"""Reads whole topics as they were at one moment, outside any group: the ends are pinned first, then it reads to them.

`verify` decodes what is read here.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from fenxiao_schemas.topics import Topic
from fenxiao_tools.connect import kafka_errors
from fenxiao_tools.errors import ToolError

FETCH_BYTES_MAX: Final = 8 * 1024 * 1024
BATCH_RECORDS_MAX: Final = 20_000
FETCH_WAIT_MS: Final = 500
SILENCE_ROUNDS_MAX: Final = 60
"""After so many fetches in a row without a record (30 s), the rest will not come."""


@dataclass(slots=True, kw_only=True)
class PartitionLog:
    """The records of one partition from `start` to `end`, columns of equal length.

    Attributes:
        start: The first offset that the broker still has.
        end: The offset after the last record, when the ends were pinned.
    """

    start: int
    end: int
    offsets: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    bodies: list[bytes | None] = field(default_factory=list)


type TopicLog = list[PartitionLog]


class LogsReader:
    """Reads the partitions that a consumer was given, each topic once; `open_logs` makes one.

    Attributes:
        partitions: How many partitions each topic has, by its name.
    """

    def __init__(self, consumer: AIOKafkaConsumer, partitions: dict[str, int]) -> None:
        self._consumer, self.partitions = consumer, partitions

    async def ends(self, topic: Topic) -> list[int]:
        """The end of each partition now."""
        parts = self._parts(topic)
        ends = await self._consumer.end_offsets(parts)
        return [ends[part] for part in parts]

    async def read(self, topic: Topic, ends: Sequence[int], say: Callable[[int], None] | None = None) -> TopicLog:
        """All records of a topic up to the pinned ends.

        Args:
            topic: Which one.
            ends: The pinned end of each partition.
            say: Called with how many records have been read so far.
        """
        parts = self._parts(topic)
        starts = await self._consumer.beginning_offsets(parts)
        logs = [PartitionLog(start=starts[part], end=end) for part, end in zip(parts, ends, strict=True)]
        await self._read_to_ends(parts, logs, say)
        return logs

    def _parts(self, topic: Topic) -> list[TopicPartition]:
        return [TopicPartition(topic.name, number) for number in range(self.partitions[topic.name])]

    async def _read_to_ends(
        self, parts: list[TopicPartition], logs: TopicLog, say: Callable[[int], None] | None
    ) -> None:
        silence = 0
        while left := [part for part in parts if await self._consumer.position(part) < logs[part.partition].end]:
            fetched = await self._consumer.getmany(*left, timeout_ms=FETCH_WAIT_MS, max_records=BATCH_RECORDS_MAX)
            silence = 0 if fetched else silence + 1
            if silence > SILENCE_ROUNDS_MAX:
                raise ToolError(f"Kafka gave no more records of {left[0].topic} before its end")
            for part, records in fetched.items():
                _append(logs[part.partition], records)
            if say:
                say(sum(len(log.offsets) for log in logs))


def _append(log: PartitionLog, records: Sequence[object]) -> None:
    kept = [(r.offset, r.key, r.value) for r in records if r.offset < log.end]  # type: ignore[attr-defined]
    log.offsets.extend(offset for offset, _, _ in kept)
    log.keys.extend(key for _, key, _ in kept)
    log.bodies.extend(body for _, _, body in kept)


@asynccontextmanager
async def open_logs(bootstrap_servers: str, topics: Sequence[Topic]) -> AsyncIterator[LogsReader]:
    """A reader of some topics for the length of the block.

    A consumer is given its partitions once and for all, because one that is stopped right after it was given others
    may never end (aiokafka swallows the cancellation of its fetcher).

    Raises:
        ToolError: No broker answers, a topic does not exist, or the broker fails within the block.
    """
    async with kafka_errors(bootstrap_servers, "reading the logs"):
        async with _consumer(bootstrap_servers) as consumer:
            partitions = await _partition_counts(consumer, topics)
        async with _consumer(bootstrap_servers) as consumer:
            parts = [TopicPartition(name, number) for name, count in partitions.items() for number in range(count)]
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            yield LogsReader(consumer, partitions)


@asynccontextmanager
async def _consumer(bootstrap_servers: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _partition_counts(consumer: AIOKafkaConsumer, topics: Sequence[Topic]) -> dict[str, int]:
    existing = await consumer.topics()
    for topic in topics:
        if topic.name not in existing:
            raise ToolError(f"Kafka has no topic {topic.name}: is Fenxiao installed there?")
    first = [TopicPartition(topic.name, 0) for topic in topics]
    consumer.assign(first)  # a consumer keeps metadata of assigned topics alone
    await consumer.end_offsets(first)
    return {topic.name: len(consumer.partitions_for_topic(topic.name) or ()) for topic in topics}
