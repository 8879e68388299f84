"""Sends commands fast and closes business days: the ingest, the demo and the bench stand on it.

Commands come in, records in the right partition of the commands topic go out, and `close_day` writes into the calendar
where in each partition the day ends. `caught_up` waits for what the services make of it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from asyncpg.exceptions import PostgresError

from fenxiao_schemas.codec import encode
from fenxiao_schemas.commands import Command
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.topics import COMMANDS
from fenxiao_tools.calendar_rows import insert_close
from fenxiao_tools.caught_up import await_caught_up
from fenxiao_tools.connect import kafka_errors, postgres
from fenxiao_tools.errors import ToolError
from fenxiao_tools.install import Deployment, read_deployment

BATCH_BYTES_MAX = 256 * 1024
IN_FLIGHT_MAX = 64
"""How many batches wait for their acknowledgement before the sender does: a bound on memory."""
KEYS_MAX = 1_000_000
"""How many keys' partitions are remembered."""


class Feed:
    """The commands topic of one installed deployment, to write to; an async context manager.

    Attributes:
        sent: How many records were handed over, acknowledged or not yet.
    """

    def __init__(self, bootstrap_servers: str, postgres_dsn: str) -> None:
        self._servers, self._dsn = bootstrap_servers, postgres_dsn
        self._producer: AIOKafkaProducer
        self._consumer: AIOKafkaConsumer
        self._postgres = postgres(postgres_dsn)
        self._connection: asyncpg.Connection
        self._deployment: Deployment
        self._filling: list[BatchBuilder | None] = []
        self._in_flight: deque[asyncio.Future[object]] = deque()
        self._partition_of: dict[str, int] = {}
        self.sent = 0

    @property
    def deployment(self) -> Deployment:
        """The installed deployment's fixed numbers."""
        return self._deployment

    async def __aenter__(self) -> Self:
        """Connect; raises `ToolError` if nothing is installed there or a server can't be reached."""
        self._connection = await self._postgres.__aenter__()
        try:
            self._deployment = await _installed(self._connection)
            self._filling = [None] * self._deployment.partitions
            await self._connect_kafka()
        except BaseException:
            await self._postgres.__aexit__(None, None, None)
            raise
        return self

    async def _connect_kafka(self) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._servers, enable_idempotence=True, acks="all", max_batch_size=BATCH_BYTES_MAX
        )
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self._servers)
        async with kafka_errors(self._servers, "connecting"):
            try:
                await self._producer.start()
                await self._consumer.start()
            except BaseException:
                await self._disconnect_kafka()
                raise

    async def _disconnect_kafka(self) -> None:
        await self._consumer.stop()
        await self._producer.stop()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Flush, unless the block failed, and disconnect."""
        try:
            if kind is None:
                await self.flush()
        finally:
            for future in self._in_flight:
                future.cancel()
            await self._disconnect_kafka()
            await self._postgres.__aexit__(None, None, None)

    async def send(self, command: Command) -> None:
        """Hand over one command; it leaves when its batch is full, or at the next `flush`."""
        await self.send_raw(getattr(command, command.KEY_FIELD), encode(command))

    async def send_raw(self, key: str, body: bytes) -> None:
        """Hand over bytes as they are, even if they are no command at all."""
        partition = self._partition_of.get(key)
        encoded = key.encode()
        if partition is None:
            partition = partition_of(encoded, self._deployment.partitions)
            if len(self._partition_of) < KEYS_MAX:
                self._partition_of[key] = partition
        # An empty batch takes a record of any length, so that this ends; another task may fill it meanwhile.
        while self._batch(partition).append(timestamp=None, key=encoded, value=body) is None:
            await self._submit(partition)
        self.sent += 1

    def _batch(self, partition: int) -> BatchBuilder:
        batch = self._filling[partition]
        if batch is None:
            batch = self._filling[partition] = self._producer.create_batch()
        return batch

    async def _submit(self, partition: int) -> None:
        batch, self._filling[partition] = self._filling[partition], None
        if batch is None:
            return
        async with kafka_errors(self._servers, "sending"):
            batch.close()
            self._in_flight.append(await self._producer.send_batch(batch, COMMANDS.name, partition=partition))
            while len(self._in_flight) > IN_FLIGHT_MAX:
                await self._in_flight.popleft()

    async def flush(self) -> None:
        """Wait until the cluster has acknowledged all that was sent.

        Raises:
            ToolError: It did not take a batch.
        """
        for partition in range(self._deployment.partitions):
            await self._submit(partition)
        async with kafka_errors(self._servers, "sending"):
            while self._in_flight:
                await self._in_flight.popleft()

    async def end_offsets(self, topic: str = COMMANDS.name) -> list[int]:
        """The end of each partition of a topic that has the deployment's count of them."""
        partitions = [TopicPartition(topic, number) for number in range(self._deployment.partitions)]
        async with kafka_errors(self._servers, "reading the end of the log"):
            ends = await self._consumer.end_offsets(partitions)
        return [ends[partition] for partition in partitions]

    async def last_closed_day(self) -> int | None:
        """The newest day of the calendar, or None before the first close."""
        day: int | None = await self._connection.fetchval("SELECT max(day) FROM catalog.calendar")
        return day

    async def close_day(self, day: int) -> None:
        """Close a business day at the present end of the log.

        Raises:
            ToolError: It is not the day after the last closed one (or the first), or something was not sent.
        """
        await self.flush()
        closes = await self.end_offsets()
        try:
            await insert_close(self._connection, day, closes)
        except PostgresError as error:
            raise ToolError(f"day {day} could not be closed: {error}") from error

    async def wait_until_caught_up(self, timeout_s: float, progress: Callable[[str], None]) -> None:
        """Wait until catalog and scorer have taken in and given out all that was sent and closed.

        Args:
            timeout_s: For how long at the most.
            progress: Takes a line that says what is waited for, whenever it changes.

        Raises:
            ToolError: The time is over, or nothing has moved for long.
        """
        await self.flush()
        await await_caught_up(self._connection, self.end_offsets, timeout_s, progress)


async def _installed(connection: asyncpg.Connection) -> Deployment:
    deployment = await read_deployment(connection)
    if deployment is None:
        raise ToolError("nothing is installed in this database: run the installation first")
    return deployment
