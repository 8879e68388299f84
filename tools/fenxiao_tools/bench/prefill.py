"""Puts chunks of a `ZipfLog` into the events topic, each into its partition: the bench in the catalog's place."""

from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from fenxiao_schemas.topics import EVENTS
from fenxiao_tools.bench.zipf_log import Chunk
from fenxiao_tools.connect import kafka_errors

BATCH_BYTES_MAX = 512 * 1024
"""As the catalog's relay batches."""
REQUEST_BYTES_MAX = 4 * 1024 * 1024
IN_FLIGHT_MAX = 32


class Writer:
    """A producer to the events topic; an async context manager."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._producer: AIOKafkaProducer

    async def __aenter__(self) -> Self:
        """Connect; raises `ToolError` if there is no broker."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=REQUEST_BYTES_MAX,
        )
        async with kafka_errors(self._servers, "connecting"):
            await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def write(self, chunks: Iterable[Chunk]) -> None:
        """Write them, and wait for all acknowledgements.

        Raises:
            ToolError: The broker did not take one.
        """
        in_flight: deque[Any] = deque()
        async with kafka_errors(self._servers, "writing events"):
            for chunk in chunks:
                start = 0
                while start < len(chunk.bodies):
                    start, sent = await self._send(chunk, start)
                    in_flight.append(sent)
                    while len(in_flight) > IN_FLIGHT_MAX:
                        await in_flight.popleft()
            while in_flight:
                await in_flight.popleft()

    async def _send(self, chunk: Chunk, start: int) -> tuple[int, Any]:
        """One batch, as many of the chunk's records as fit; gives where the next one starts."""
        batch = self._producer.create_batch()
        end = start
        while end < len(chunk.bodies):
            if batch.append(timestamp=None, key=chunk.keys[end], value=chunk.bodies[end]) is None:
                break
            end += 1
        batch.close()
        return end, await self._producer.send_batch(batch, EVENTS.name, partition=chunk.partition)
