"""What a partition's worker was handed and has not folded yet: bounded, in order, without a hole that nobody looked at.

`group` offers fetched records; `worker` takes them batch by batch. What cannot be taken now is fetched again later.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from fenxiao_runtime.errors import Halt
from fenxiao_runtime.ports import Assignment, Log, Record

BUFFER_BATCHES_MAX = 4
"""How many batches of records may wait in memory before the partition is paused."""

_LOG = structlog.get_logger("intake")


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
        self._buffer: deque[Record] = deque()
        self._open = False
        self._next = 0
        self._gap: tuple[int, int] | None = None
        self._suspect: int | None = None

    def __len__(self) -> int:
        """How many records wait."""
        return len(self._buffer)

    def open(self, offset: int) -> None:
        """Fetch from `offset` on, and forget what was fetched before."""
        self._buffer.clear()
        self._next = offset
        self._fetch()

    def close(self) -> None:
        """Take nothing any more, and forget what is there."""
        self._open = False
        self._buffer.clear()
        self._assignment.pause(self._partition)

    def refill(self) -> None:
        """Fetch again after the buffer was full, once there is room."""
        if not self._open and len(self._buffer) <= self._batch_max:
            self._fetch()

    def offer(self, records: Sequence[Record]) -> None:
        """Take fetched records, or pause the partition; never blocks."""
        if self._open and len(self._buffer) >= BUFFER_BATCHES_MAX * self._batch_max:
            self._open = False
        if not self._open:
            self._assignment.pause(self._partition)
            return
        fresh = [record for record in records if record.offset >= self._next]
        if fresh and fresh[0].offset > self._next and not self._is_known_gap(fresh[0].offset):
            # A fetch that failed for another partition may have swallowed what lay between: ask again.
            self._assignment.seek(self._partition, self._next)
        elif fresh:
            self._buffer.extend(fresh)
            self._next = fresh[-1].offset + 1
            self._wake.set()

    def take(self) -> list[Record]:
        """The next batch."""
        return [self._buffer.popleft() for _ in range(min(len(self._buffer), self._batch_max))]

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

    def _fetch(self) -> None:
        self._assignment.seek(self._partition, self._next)
        self._assignment.resume(self._partition)
        self._open = True
