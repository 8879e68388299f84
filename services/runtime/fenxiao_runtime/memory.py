"""The ports in memory, for tests of what stands on them; held to the real adapters by the same contract tests.

`MemoryBroker` is log, sender and assignment in one; `MemoryStore` is PostgreSQL's rows. Neither forgets anything when a
worker dies, as the real ones don't.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from fenxiao_runtime.errors import Fenced, TemporaryFault
from fenxiao_runtime.ports import OutboxRow, Position, Record


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """The `Record` port."""

    offset: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class MemoryTransaction:
    """What a transaction will do when it commits, and the row locks that it holds until then."""

    writes: list[Callable[[], None]] = field(default_factory=list)
    held: list[asyncio.Lock] = field(default_factory=list)

    def write(self, change: Callable[[], None]) -> None:
        """Do it at the commit."""
        self.writes.append(change)


class MemoryStore:
    """The `Store` port. `break_commit` loses the next commit, or only its answer."""

    def __init__(self, *, outputs: int) -> None:
        self._outputs = outputs
        self._positions: dict[int, Position] = {}
        self._outbox: dict[int, dict[int, bytes]] = defaultdict(dict)
        self._relays: dict[int, tuple[int, tuple[int, ...]]] = {}
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._broken: list[bool] = []

    def break_commit(self, *, applied: bool) -> None:
        """Let the next commit fail with an unknown outcome: `applied` or not."""
        self._broken.append(applied)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        """All or nothing."""
        tx = MemoryTransaction()
        try:
            yield tx
            applied = self._broken.pop(0) if self._broken and tx.writes else None
            if applied is not False:
                for change in tx.writes:
                    change()
            if applied is not None:
                raise TemporaryFault("PostgreSQL: the connection was lost at COMMIT")
        finally:
            for lock in tx.held:
                lock.release()

    async def take_lease(self, partition: int, owner: str) -> Position:
        """Raise the epoch, and read the row."""
        del owner
        async with self._locks[partition]:
            zero = Position(epoch=0, next_offset=0, step=0, mark=0, out_seqs=(0,) * self._outputs, outbox_id=0)
            known = self._positions.get(partition, zero)
            self._positions[partition] = replace(known, epoch=known.epoch + 1)
        return self._positions[partition]

    async def read_position(self, partition: int) -> Position | None:
        """Read the row."""
        return self._positions.get(partition)

    async def lock(self, tx: MemoryTransaction, partition: int, position: Position) -> None:
        """The compare; raises `Fenced`."""
        lock = self._locks[partition]
        if lock not in tx.held:
            await lock.acquire()
            tx.held.append(lock)
        known = self._positions.get(partition)
        if known is None or _compared(known) != _compared(position):
            raise Fenced(f"partition {partition}: epoch {position.epoch} at {position.next_offset} is not current")

    async def save(self, tx: MemoryTransaction, partition: int, position: Position, row: OutboxRow | None) -> None:
        """The set, and the outbox row beside it."""

        def change() -> None:
            self._positions[partition] = position
            if row is not None:
                self._outbox[partition][row.id] = row.payload

        tx.write(change)

    async def read_relay(self, partition: int) -> tuple[int, tuple[int, ...]]:
        """The last outbox row known to be relayed, and the next offset of each output log then."""
        return self._relays.setdefault(partition, (0, (0,) * self._outputs))

    async def read_outbox(self, partition: int, after: int, limit: int) -> list[OutboxRow]:
        """Rows not yet relayed, in order."""
        rows = sorted(item for item in self._outbox[partition].items() if item[0] > after)
        return [OutboxRow(row_id, payload) for row_id, payload in rows[:limit]]

    async def mark_relayed(self, partition: int, row_id: int, next_offsets: Sequence[int]) -> None:
        """Rows up to this one are in the log: mark, then forget them."""
        if self._relays.get(partition, (0, ()))[0] < row_id:
            self._relays[partition] = (row_id, tuple(next_offsets))
        self._outbox[partition] = {k: v for k, v in self._outbox[partition].items() if k > row_id}


def _compared(position: Position) -> tuple[int, int, int]:
    return position.epoch, position.next_offset, position.step


class MemoryBroker:
    """The `Log` and `Sender` ports, and an `Assignment` of every partition; `feed` hands a worker what it may fetch."""

    def __init__(self) -> None:
        self._logs: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self._fetch_from: dict[int, int] = {}
        self._paused: set[int] = set()
        self._refused: list[bool] = []

    # Log

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset and the next one to be written."""
        return 0, len(self._logs[topic, partition])

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[list[Record]]:
        """The records from `start` up to, not including, `end`, in batches."""
        records = self._logs[topic, partition][start:end]
        if records:
            yield records

    # Sender

    def break_send(self, *, applied: bool) -> None:
        """Let the next send fail with an unknown outcome: `applied` or not."""
        self._refused.append(applied)

    async def send(self, topic: str, partition: int, pairs: Sequence[tuple[bytes, bytes]]) -> int:
        """Append."""
        applied = self._refused.pop(0) if self._refused else None
        log = self._logs[topic, partition]
        if applied is not False:
            start = len(log)
            log.extend([MemoryRecord(start + index, key, value) for index, (key, value) in enumerate(pairs)])
        if applied is not None:
            raise TemporaryFault("Kafka: the answer was lost")
        return len(log)

    # Assignment

    def seek(self, partition: int, offset: int) -> None:
        """Fetch from `offset` on."""
        self._fetch_from[partition] = offset

    def pause(self, partition: int) -> None:
        """Fetch nothing of it."""
        self._paused.add(partition)

    def resume(self, partition: int) -> None:
        """Fetch it again."""
        self._paused.discard(partition)

    def holds(self, partition: int) -> bool:
        """Always."""
        return partition >= 0

    def fetch(self, topic: str, partition: int, most: int) -> list[Record]:
        """What a consumer would get now."""
        if partition in self._paused or partition not in self._fetch_from:
            return []
        start = self._fetch_from[partition]
        records = self._logs[topic, partition][start : start + most]
        self._fetch_from[partition] = start + len(records)
        return records

    def append(self, topic: str, partition: int, key: bytes | None, value: bytes | None) -> None:
        """Write as somebody else would."""
        log = self._logs[topic, partition]
        log.append(MemoryRecord(len(log), key, value))

    def values(self, topic: str, partition: int) -> list[bytes]:
        """All values of a log."""
        return [record.value or b"" for record in self._logs[topic, partition]]

    @contextmanager
    def feeding(self, topic: str, offer: Callable[[int, list[Record]], Any], partitions: int) -> Iterator[None]:
        """Pump what may be fetched into `offer` while the block lasts."""

        async def pump() -> None:
            while True:
                for partition in range(partitions):
                    records = self.fetch(topic, partition, 100)
                    if records:
                        offer(partition, records)
                await asyncio.sleep(0)

        task = asyncio.create_task(pump())
        try:
            yield
        finally:
            task.cancel()
