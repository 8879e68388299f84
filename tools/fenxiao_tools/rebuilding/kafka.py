"""Reads a topic from given offsets on, each partition as it is asked for: what `rebuild` folds need not fit in memory.

`logs` is for those who take whole topics.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from fenxiao_schemas.topics import Topic
from fenxiao_scorer.core import Events, read_events
from fenxiao_tools.connect import kafka_errors
from fenxiao_tools.errors import ToolError
from fenxiao_tools.logs import BATCH_RECORDS_MAX, FETCH_BYTES_MAX, FETCH_WAIT_MS, SILENCE_ROUNDS_MAX


class Records(NamedTuple):
    """Some records of a partition, in order."""

    offsets: list[int]
    values: list[bytes | None]


class Tape:
    """A topic being read; `open_tape` makes one.

    Attributes:
        starts: The first offset of each partition that the broker still has.
        ends: The offset after the last one, when it was opened.
    """

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, starts: list[int], ends: list[int]) -> None:
        self._consumer, self._topic, self.starts, self.ends = consumer, topic, starts, ends
        self._silence = 0

    async def position(self, partition: int) -> int:
        """The offset that comes next."""
        return int(await self._consumer.position(TopicPartition(self._topic, partition)))

    async def read(self, partitions: Collection[int]) -> dict[int, Records]:
        """What comes next in some of these partitions, which are not at their end."""
        parts = [TopicPartition(self._topic, number) for number in partitions]
        fetched = await self._consumer.getmany(*parts, timeout_ms=FETCH_WAIT_MS, max_records=BATCH_RECORDS_MAX)
        self._silence = 0 if fetched else self._silence + 1
        if self._silence > SILENCE_ROUNDS_MAX:
            raise ToolError(f"Kafka gave no more records of {self._topic} before its end")
        return {
            part.partition: Records([record.offset for record in records], [record.value for record in records])
            for part, records in fetched.items()
        }

    async def chunks(self) -> AsyncIterator[tuple[int, Records]]:
        """All partitions up to `ends`."""
        left = set(range(len(self.ends)))
        while left := {number for number in left if await self.position(number) < self.ends[number]}:
            for number, records in (await self.read(left)).items():
                inside = sum(offset < self.ends[number] for offset in records.offsets)
                yield number, Records(records.offsets[:inside], records.values[:inside])


@asynccontextmanager
async def open_tape(
    bootstrap_servers: str, topic: Topic, partitions: int, starts: Sequence[int] | None = None
) -> AsyncIterator[Tape]:
    """A topic from its beginning, or from `starts`.

    Raises:
        ToolError: No broker answers, or it has no such topic, or one with another number of partitions.
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
            if topic.name not in await consumer.topics():
                raise ToolError(f"Kafka has no topic {topic.name}: is Fenxiao installed there?")
            parts = [TopicPartition(topic.name, number) for number in range(partitions)]
            consumer.assign(parts)
            first, end = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
            for part in parts:
                consumer.seek(part, first[part] if starts is None else starts[part.partition])
            yield Tape(consumer, topic.name, [first[part] for part in parts], [end[part] for part in parts])
        finally:
            await consumer.stop()


def new_events(records: Records, last_seq: int, where: str) -> tuple[Events, list[int]]:
    """The events of some records and their offsets, without those that a relay sent twice.

    Args:
        records: The records.
        last_seq: The `seq` of the last event before them.
        where: For the line that says what is wrong.

    Raises:
        ToolError: One of them cannot be read.
    """
    events = read_events(records.values)
    if events.rejected is not None:
        at, why = events.rejected
        raise ToolError(f"{where}, offset {records.offsets[at]} can't be read: {why.error}")
    before = np.maximum.accumulate(np.concatenate(([last_seq], events.seqs[:-1])))
    new = np.flatnonzero(events.seqs > before).tolist()
    if len(new) == len(events):
        return events, records.offsets
    return read_events([records.values[at] for at in new]), [records.offsets[at] for at in new]
