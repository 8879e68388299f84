"""Reads a topic from its start to where it ended when we came, in batches, outside any group."""

from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition

from fenxiao_schemas.topics import Topic
from fenxiao_tools.connect import kafka_errors
from fenxiao_tools.errors import ToolError

BATCH_RECORDS_MAX = 20_000
FETCH_BYTES_MAX = 8 * 1024 * 1024
FETCH_WAIT_MS = 100
SILENCE_ROUNDS_MAX = 300
"""After so many fetches in a row without a record (30 s), the rest will not come."""


async def read_bodies(bootstrap_servers: str, topic: Topic, partitions: int) -> AsyncIterator[list[bytes]]:
    """The bodies of all records that are there now, tombstones left out; of one partition in their order.

    Args:
        bootstrap_servers: Kafka's, as aiokafka takes them.
        topic: Which one.
        partitions: The deployment's shared count.

    Raises:
        ToolError: No broker answers, there is no such topic, or the broker stops giving records.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
    )
    async with kafka_errors(bootstrap_servers, f"reading {topic.name}"):
        try:
            await consumer.start()
            ends = await _take_all(consumer, topic.name, topic.partition_count(partitions))
            async for bodies in _read_to(consumer, ends):
                yield bodies
        finally:
            await consumer.stop()


async def _take_all(consumer: AIOKafkaConsumer, name: str, count: int) -> dict[TopicPartition, int]:
    """Assign every partition, and pin the ends: what comes later is another report's."""
    if name not in await consumer.topics():
        raise ToolError(f"Kafka has no topic {name}: is Fenxiao installed there?")
    partitions = [TopicPartition(name, number) for number in range(count)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    return ends


async def _read_to(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> AsyncIterator[list[bytes]]:
    left, silence = dict(ends), 0
    while left := {part: end for part, end in left.items() if await consumer.position(part) < end}:
        fetched = await consumer.getmany(*left, timeout_ms=FETCH_WAIT_MS, max_records=BATCH_RECORDS_MAX)
        silence = 0 if fetched else silence + 1
        if silence > SILENCE_ROUNDS_MAX:
            raise ToolError(f"Kafka gave no more records of {next(iter(left)).topic} before its end")
        for part, records in fetched.items():
            yield [record.value for record in records if record.value is not None and record.offset < ends[part]]
