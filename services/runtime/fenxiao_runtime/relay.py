"""From the outbox to the logs, in order, one send in flight a topic and partition; then the mark. Ends the walk of a batch.

The relay never invents anything: it sends committed bytes. After an error, or under a new owner, it sends again from the
first unmarked row, so a row reaches the log at least once and, by its `seq`, counts once.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

import cramjam
import msgspec
import structlog

from fenxiao_runtime.errors import TemporaryFault
from fenxiao_runtime.health import Progress
from fenxiao_runtime.ports import Outputs, Sender, Store

BACKLOG_ROWS_MAX = 64
"""How many rows may wait in memory; then the worker waits too."""
BACKLOG_MESSAGES_MAX = 20_000
"""How many messages they may have together: a kilobyte and more each, in each partition."""
MARK_EVERY_ROWS = 16
MARK_AFTER_S = 0.05
"""Fewer rows are marked once nothing has followed them for so long: a mark costs as much as a commit."""
READ_ROWS = 32
BACKOFF_S = 0.5

_LOG = structlog.get_logger("relay")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Outputs])


def pack(outputs: Sequence[Outputs]) -> bytes:
    """Outputs as an outbox row's payload, compressed: messages are much alike, and PostgreSQL writes all bytes twice."""
    return bytes(cramjam.lz4.compress_block(_ENCODER.encode(outputs)))


def unpack(payload: bytes) -> list[Outputs]:
    """What `pack` packed."""
    return _DECODER.decode(bytes(cramjam.lz4.decompress_block(payload)))


def _count(outputs: Sequence[Outputs]) -> int:
    return sum(len(each.keys) for each in outputs)


class Relay:
    """One partition's relay, from `start` until `stop`."""

    def __init__(self, store: Store, sender: Sender, *, topics: Sequence[str], partition: int) -> None:
        self._store = store
        self._sender = sender
        self._topics = topics
        self._partition = partition
        self._rows: deque[tuple[int, Sequence[Outputs]]] = deque()
        self._messages = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._task: asyncio.Task[None] | None = None
        self._next_offsets: list[int] = []
        self._unmarked = 0
        self._progress = Progress()

    @property
    def idle_ms(self) -> int:
        """Since when it has sent nothing though something waits."""
        return self._progress.idle_ms() if self._rows else 0

    @property
    def backlog(self) -> int:
        """How many rows wait, or are not marked yet."""
        return len(self._rows) + self._unmarked

    async def start(self) -> None:
        """Send what an earlier owner left, then take rows."""
        relayed_id, offsets = await self._store.read_relay(self._partition)
        self._next_offsets = list(offsets)
        while rows := await self._store.read_outbox(self._partition, relayed_id, READ_ROWS):
            for row in rows:
                await self._send(unpack(row.payload))
            relayed_id = rows[-1].id
            await self._store.mark_relayed(self._partition, relayed_id, self._next_offsets)
        self._task = asyncio.create_task(self._run(), name=f"relay-{self._partition}")

    async def put(self, row_id: int, outputs: Sequence[Outputs]) -> None:
        """Hand over what a committed row holds; waits while the backlog is full."""
        if not self._rows:
            self._progress.moved()
        self._rows.append((row_id, outputs))
        self._messages += _count(outputs)
        self._wake.set()
        if len(self._rows) >= BACKLOG_ROWS_MAX or self._messages >= BACKLOG_MESSAGES_MAX:
            self._room.clear()
            self.check()  # if it has ended already, nobody will make room
            await self._room.wait()
            self.check()

    def check(self) -> None:
        """Raise what ended the relay, if anything did."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    async def stop(self) -> None:
        """Stop at once. Rows not marked are sent again by the next owner."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._room.set()

    async def _run(self) -> None:
        try:
            await self._relay()
        finally:
            self._room.set()  # whoever waits in `put` must learn how this ended

    async def _relay(self) -> None:
        last_id = 0
        while True:
            while not self._rows:
                self._wake.clear()
                try:
                    await asyncio.wait_for(self._wake.wait(), MARK_AFTER_S if self._unmarked else None)
                except TimeoutError:
                    await self._patiently_mark(last_id)
            last_id, outputs = self._rows[0]
            await self._patiently_send(last_id, outputs)
            self._rows.popleft()
            self._messages -= _count(outputs)
            self._progress.moved()
            self._unmarked += 1
            if len(self._rows) < BACKLOG_ROWS_MAX // 2 and self._messages < BACKLOG_MESSAGES_MAX // 2:
                self._room.set()
            if self._unmarked >= MARK_EVERY_ROWS:
                await self._patiently_mark(last_id)

    async def _patiently_send(self, row_id: int, outputs: Sequence[Outputs]) -> None:
        while True:
            try:
                return await self._send(outputs)
            except TemporaryFault as fault:
                _LOG.warning("relay waits", partition=self._partition, row=row_id, error=str(fault))
                await asyncio.sleep(BACKOFF_S)

    async def _patiently_mark(self, row_id: int) -> None:
        while True:
            try:
                await self._store.mark_relayed(self._partition, row_id, self._next_offsets)
            except TemporaryFault as fault:
                _LOG.warning("relay cannot mark", partition=self._partition, row=row_id, error=str(fault))
                await asyncio.sleep(BACKOFF_S)
            else:
                self._unmarked = 0
                return

    async def _send(self, outputs: Sequence[Outputs]) -> None:
        by_topic: dict[int, list[tuple[bytes, bytes]]] = {}
        for each in outputs:
            by_topic.setdefault(each.topic, []).extend(zip(each.keys, each.values, strict=True))
        sends = (self._sender.send(self._topics[t], self._partition, pairs) for t, pairs in by_topic.items())
        results = await asyncio.gather(*sends, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        for topic, next_offset in zip(by_topic, results, strict=True):
            self._next_offsets[topic] = next_offset  # type: ignore[assignment]
