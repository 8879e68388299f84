"""What a partition's worker was handed and has not folded yet: bounded, in order, without a hole that nobody looked at.

`group` offers fetched records; `worker` takes them batch by batch. What cannot be taken now is fetched again later.
"""

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from operator import attrgetter

import structlog

from fenxiao_runtime.errors import Halt
from fenxiao_runtime.ports import Assignment, Log, Record

BUFFER_BATCHES_MAX = 4
"""How many batches of records may wait in memory before the partition is paused."""

_LOG = structlog.get_logger("intake")
_OFFSET = attrgetter("offset")


class Intake:
    """The records of one partition on their way in.

    Args:
        topic: What is fetched.
        partition: Its number.
        assignment: To seek, pause and resume it.
        batch_max: How many records `take` gives at the most.
        wake: Set when records came.
    """

    def __init__(
        self, topic: str, partition: int, *, assignment: Assignment, batch_max: int, wake: asyncio.Event
    ) -> None:
        self._topic = topic
        self._partition = partition
        self._assignment = assignment
        self._batch_max = batch_max
        self._wake = wake
        self._chunks: deque[Sequence[Record]] = deque()
        self._count = 0
        self._open = False
        self._next = 0
        self._gap: tuple[int, int] | None = None
        self._suspect: int | None = None

    def __len__(self) -> int:
        """How many records wait."""
        return self._count

    @property
    def is_batch_full(self) -> bool:
        """Whether `take` would give all that it may."""
        return self._count >= self._batch_max

    def open(self, offset: int) -> None:
        """Fetch from `offset` on, and forget what was fetched before."""
        self._clear()
        self._next = offset
        self._fetch()

    def close(self) -> None:
        """Take nothing any more, and forget what is there."""
        self._open = False
        self._clear()
        self._assignment.pause(self._partition)

    def refill(self) -> None:
        """Fetch again after the buffer was full, once there is room."""
        if not self._open and self._count <= self._batch_max:
            self._fetch()

    def offer(self, records: Sequence[Record]) -> None:
        """Take fetched records, or pause the partition; never blocks."""
        if self._open and self._count >= BUFFER_BATCHES_MAX * self._batch_max:
            self._open = False
        if not self._open:
            self._assignment.pause(self._partition)
            return
        if records and records[0].offset < self._next:
            records = records[bisect_left(records, self._next, key=_OFFSET) :]
        if not records:
            return
        first = records[0].offset
        if first > self._next and not self._is_known_gap(first):
            # A fetch that failed for another partition may have swallowed what lay between: ask again.
            self._assignment.seek(self._partition, self._next)
            return
        self._chunks.append(records)
        self._count += len(records)
        self._next = records[-1].offset + 1
        self._wake.set()

    def take(self) -> list[Record]:
        """The next batch."""
        taken: list[Record] = []
        while self._chunks and len(taken) < self._batch_max:
            chunk = self._chunks.popleft()
            room = self._batch_max - len(taken)
            if len(chunk) > room:
                self._chunks.appendleft(chunk[room:])
                chunk = chunk[:room]
            taken += chunk
        self._count -= len(taken)
        return taken

    async def check_gap(self, log: Log) -> None:
        """Gaps of compaction or of a transaction's markers are the log's own; what retention took was ours to read."""
        if self._suspect is None:
            return
        start, self._suspect = self._suspect, None
        begin, _ = await log.bounds(self._topic, self._partition)
        if begin > start:
            raise Halt("offset_outside_log", f"offset {start} is next, the log begins at {begin}")

    async def end_behind_markers(self, log: Log) -> int | None:
        """The end of the log if nothing but markers lies before it; None if it is reached, or if records are still to come.

        Markers have offsets and are never handed out, and a day may close behind one. Records that nobody handed out for so
        long that this is asked are fetched once more.
        """
        start = self._next
        _, end = await log.bounds(self._topic, self._partition)
        if start >= end or not self._open:
            return None
        async for records in log.read(self._topic, self._partition, start, end):
            if records:
                _LOG.warning("fetches again", partition=self._partition, offset=start)
                self._assignment.seek(self._partition, start)
                return None
        if self._next != start:
            return None
        self._next = end
        return end

    def _is_known_gap(self, offset: int) -> bool:
        """Whether the same gap came twice: then the log itself has it, and `check_gap` looks at why."""
        gap = (self._next, offset)
        known, self._gap = gap == self._gap, gap
        if known:
            self._suspect = self._next
        return known

    def _clear(self) -> None:
        self._chunks.clear()
        self._count = 0

    def _fetch(self) -> None:
        self._assignment.seek(self._partition, self._next)
        self._assignment.resume(self._partition)
        self._open = True
