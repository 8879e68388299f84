"""The `Log`, `Sender` and `Assignment` ports on Kafka, and the FastStream subscriber that feeds the group."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from fenxiao_runtime import plain_fetch
from fenxiao_runtime.errors import TemporaryFault
from fenxiao_runtime.ports import Record
from fenxiao_runtime.settings import Settings

SEND_BATCH_BYTES_MAX = 512 * 1024
REQUEST_BYTES_MAX = 4 * 1024 * 1024
REQUEST_TIMEOUT_MS = 30_000
READ_STALL_S = 30.0
UNREACHABLE = (OSError, ValueError, OverflowError)
"""How a connection fails; the latter two: the address is none."""

Fetched = Mapping[TopicPartition, Sequence[Record]]
FetchedHandler = Callable[[Fetched], Coroutine[Any, Any, None]]


class KafkaLog:
    """Reads logs outside any group."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect; raises `TemporaryFault`."""
        self._consumer = await self._connect()

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        """How many partitions each topic has; 0: there is no such topic."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
        try:
            await admin.start()
            described = await admin.describe_topics(list(topics))
        except (KafkaError, *UNREACHABLE) as error:
            raise TemporaryFault(f"Kafka at {self._servers}: {error}") from error
        finally:
            await admin.close()
        return {entry["topic"]: len(entry["partitions"]) for entry in described}

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset and the next one to be written."""
        tp = TopicPartition(topic, partition)
        try:
            begin = await self._started().beginning_offsets([tp])
            end = await self._started().end_offsets([tp])
        except (KafkaError, OSError) as error:
            raise TemporaryFault(f"Kafka: {topic}-{partition}: {error}") from error
        return begin[tp], end[tp]

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """The records from `start` up to, not including, `end`, in batches."""
        if start >= end:
            return
        tp = TopicPartition(topic, partition)
        consumer = await self._connect()
        try:
            consumer.assign([tp])
            consumer.seek(tp, start)
            while await consumer.position(tp) < end:
                fetched = await asyncio.wait_for(_some(consumer, tp), READ_STALL_S)
                if fetched and fetched[-1].offset >= end:
                    fetched = [record for record in fetched if record.offset < end]
                yield fetched
        except (KafkaError, OSError) as error:
            raise TemporaryFault(f"Kafka: {topic}-{partition}: {error}") from error
        finally:
            await consumer.stop()

    async def _connect(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
        except (KafkaError, *UNREACHABLE) as error:
            await consumer.stop()
            raise TemporaryFault(f"Kafka at {self._servers}: {error}") from error
        return consumer

    def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise TemporaryFault("Kafka: not connected yet")
        return self._consumer


async def _some(consumer: AIOKafkaConsumer, tp: TopicPartition) -> list[Any]:
    while True:
        fetched = await consumer.getmany(tp, timeout_ms=500)
        if fetched:
            return list(fetched[tp])
        if await consumer.position(tp) >= (await consumer.end_offsets([tp]))[tp]:
            return []


class KafkaSender:
    """An idempotent producer, made anew after any error (it may be stuck on its sequence numbers for good)."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    async def stop(self) -> None:
        """Flush and disconnect."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def send(self, topic: str, partition: int, pairs: Sequence[tuple[bytes, bytes]]) -> int:
        """Write (key, value) pairs in order, wait for all acks, and give the next offset."""
        producer = await self._ready()
        try:
            return await self._send(producer, topic, partition, pairs)
        except (KafkaError, OSError, TimeoutError) as error:
            await self._discard(producer)
            raise TemporaryFault(f"Kafka: {topic}-{partition}: {type(error).__name__} {error}") from error

    async def _send(
        self, producer: AIOKafkaProducer, topic: str, partition: int, pairs: Sequence[tuple[bytes, bytes]]
    ) -> int:
        next_offset = 0
        index = 0
        while index < len(pairs):
            batch = producer.create_batch()
            count = 0
            while index < len(pairs):
                key, value = pairs[index]
                if batch.append(key=key, value=value, timestamp=None) is None:
                    break
                index += 1
                count += 1
            if not count:
                raise ValueError(f"{topic}-{partition}: a message of {len(pairs[index][1])} bytes fits no batch")
            batch.close()
            sent = await producer.send_batch(batch, topic, partition=partition)
            next_offset = (await sent).offset + count
        return next_offset

    async def _ready(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._servers,
                    enable_idempotence=True,
                    acks="all",
                    max_batch_size=SEND_BATCH_BYTES_MAX,
                    max_request_size=REQUEST_BYTES_MAX,
                    request_timeout_ms=REQUEST_TIMEOUT_MS,
                )
                try:
                    await producer.start()
                except (KafkaError, OSError) as error:
                    await producer.stop()
                    raise TemporaryFault(f"Kafka at {self._servers}: {error}") from error
                self._producer = producer
            return self._producer

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        async with self._lock:
            if self._producer is producer:
                self._producer = None
                # Its pending batches may still land: readers drop them by their seq.
                task = asyncio.create_task(producer.stop(), name="discarded-producer")
                task.add_done_callback(_log_end)


def _log_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logging.getLogger("fenxiao").warning("a discarded producer ended with %s", task.exception())


class KafkaAssignment:
    """What the subscriber's consumer lets a worker do; quiet about partitions that it no longer has."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._subscriber: Any = None

    def bind(self, subscriber: Any) -> None:
        """Say whose consumer it is; FastStream makes the consumer itself when it starts."""
        self._subscriber = subscriber

    def seek(self, partition: int, offset: int) -> None:
        """Fetch from `offset` on."""
        if (consumer := self._holder(partition)) is not None:
            consumer.seek(TopicPartition(self._topic, partition), offset)

    def pause(self, partition: int) -> None:
        """Fetch nothing of it."""
        if (consumer := self._holder(partition)) is not None:
            consumer.pause(TopicPartition(self._topic, partition))

    def resume(self, partition: int) -> None:
        """Fetch it again."""
        if (consumer := self._holder(partition)) is not None:
            consumer.resume(TopicPartition(self._topic, partition))

    def holds(self, partition: int) -> bool:
        """Whether the group gives it to this process."""
        return self._holder(partition) is not None

    def _holder(self, partition: int) -> AIOKafkaConsumer | None:
        consumer: AIOKafkaConsumer | None = None if self._subscriber is None else self._subscriber.consumer
        if consumer is None or TopicPartition(self._topic, partition) not in consumer.assignment():
            return None
        return consumer


def make_broker(bootstrap_servers: str) -> KafkaBroker:
    """A FastStream broker that keeps its hands off: no types applied, no log line a message."""
    return KafkaBroker(bootstrap_servers, apply_types=False, logger=logging.getLogger("faststream"))


def subscribe(
    broker: KafkaBroker,
    topic: str,
    group: str,
    settings: Settings,
    listener: ConsumerRebalanceListener,
    handler: FetchedHandler,
) -> Any:
    """A batch subscriber that hands raw records to `handler`, commits nothing, and starts where it is told to seek.

    The parser and the decoder are overridden, because FastStream's own decodes every header, and one that is not
    UTF-8 would cost the whole batch; the fetch, because it would mix up the partitions that aiokafka keeps apart.
    """

    async def fetch(consumer: AIOKafkaConsumer) -> Fetched:
        fetched: Fetched = await consumer.getmany(timeout_ms=settings.fetch_wait_ms)
        return fetched

    async def parse(fetched: Fetched) -> KafkaMessage:
        # The raw message: where FastStream's log context looks for a topic.
        return KafkaMessage(body=fetched, headers={}, raw_message=tuple(fetched), consumer=subscriber.consumer)  # type: ignore[arg-type]

    async def decode(message: KafkaMessage) -> Any:
        return message.body

    async def handle(fetched: Any) -> None:  # untyped: FastStream makes a pydantic model of a handler's annotations
        await handler(fetched)

    subscriber = broker.subscriber(
        topic,
        batch=True,
        group_id=group,
        group_instance_id=settings.instance_id or None,
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=max(100, settings.session_timeout_ms // 5),
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.MANUAL,
        listener=listener,
        parser=parse,
        decoder=decode,
        no_reply=True,
    )
    subscriber(handle)
    subscriber.get_msg = fetch  # type: ignore[method-assign,assignment]
    plain_fetch.install()
    return subscriber
