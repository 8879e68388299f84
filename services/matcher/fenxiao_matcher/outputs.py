"""Reads the two output topics back: what is published, and whether anybody else has written there. `publisher` asks it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from fenxiao_matcher.core.book import Book
from fenxiao_matcher.core.lists import Direction, rows_of
from fenxiao_matcher.marks import Positions, readable
from fenxiao_runtime.errors import TemporaryFault
from fenxiao_schemas.topics import INVITATIONS, RECOMMENDATIONS, codec_of

DIRECTIONS: dict[str, Direction] = {RECOMMENDATIONS.name: "recommendations", INVITATIONS.name: "invitations"}
TOPICS: dict[Direction, str] = {direction: topic for topic, direction in DIRECTIONS.items()}
READ_RECORDS_MAX = 2_000
STALL_S = 30.0


class Outputs:
    """The output logs as far as they are known.

    Attributes:
        book: What they hold, by key.
    """

    def __init__(self, bootstrap_servers: str, partitions: int) -> None:
        self.book = Book()
        self._servers = bootstrap_servers
        self._partitions = partitions
        self._codecs = {RECOMMENDATIONS.name: codec_of(RECOMMENDATIONS), INVITATIONS.name: codec_of(INVITATIONS)}
        self._next = {TopicPartition(topic, p): 0 for topic in DIRECTIONS for p in range(partitions)}
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect; raises `TemporaryFault`."""
        self._consumer = await self._connect()

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    def sent(self, topic: str, partition: int, next_offset: int, count: int) -> None:
        """Our own records are there; what lies between the last known offset and them is somebody else's."""
        tp = TopicPartition(topic, partition)
        if self._next[tp] == next_offset - count:
            self._next[tp] = next_offset

    async def strangers(self) -> bool:
        """Whether the logs hold anything that is not in the book: another matcher's, or late arrivals of our own."""
        ends = await self._ends(list(self._next))
        return any(ends[tp] != at for tp, at in self._next.items())

    async def measure(self, *inputs: Positions) -> None:
        """Look up the ends of input topics."""
        for positions in inputs:
            ends = await self._ends([TopicPartition(positions.topic, p) for p in range(self._partitions)])
            for tp, end in ends.items():
                positions.end_offsets[tp.partition] = end

    async def learn(self) -> Book:
        """Read what is new, to the ends as they are now; raises `TemporaryFault`, or `Halt` on what can't be ours."""
        ends = await self._ends(list(self._next))
        behind = [tp for tp, at in self._next.items() if at < ends[tp]]
        if not behind:
            return self.book
        consumer = await self._connect()
        try:
            consumer.assign(behind)
            for tp in behind:
                consumer.seek(tp, self._next[tp])
            while any(self._next[tp] < ends[tp] for tp in behind):
                for tp, records in (await asyncio.wait_for(self._some(consumer), STALL_S)).items():
                    self._put(tp, records)
        except (KafkaError, OSError, TimeoutError) as error:
            raise TemporaryFault(f"Kafka: own outputs: {type(error).__name__} {error}") from error
        finally:
            await consumer.stop()
        return self.book

    async def _connect(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
        except (KafkaError, OSError) as error:
            await consumer.stop()
            raise TemporaryFault(f"Kafka at {self._servers}: {error}") from error
        return consumer

    async def _some(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, list[Any]]:
        while True:
            fetched: dict[TopicPartition, list[Any]] = await consumer.getmany(
                timeout_ms=500, max_records=READ_RECORDS_MAX
            )
            if fetched:
                return fetched

    def _put(self, tp: TopicPartition, records: Sequence[Any]) -> None:
        messages = self._codecs[tp.topic].decode_own_batch([record.value for record in records])
        where = f"{tp.topic}-{tp.partition}"
        for message in readable(messages, [record.offset for record in records], where):
            if tp.topic == RECOMMENDATIONS.name:
                self.book.put(("recommendations", message.creator_id), message.revision, rows_of(message.products))
            else:
                self.book.put(("invitations", message.product_id), message.revision, rows_of(message.creators))
        self._next[tp] = records[-1].offset + 1

    async def _ends(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        try:
            ends: dict[TopicPartition, int] = await self._started().end_offsets(partitions)
        except (KafkaError, OSError) as error:
            raise TemporaryFault(f"Kafka: ends: {type(error).__name__} {error}") from error
        return ends

    def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise TemporaryFault("Kafka: not connected yet")
        return self._consumer
