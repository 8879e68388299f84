"""Writes `catalog.events` in the catalog's place: gapless `seq`s, the calendar first, a barrier at the end of each batch."""

from collections.abc import Iterable

from fenxiao_schemas import events as e
from fenxiao_schemas.codec import encode
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.policy import Policy
from fenxiao_tools.bench.open_loop import Stream, cut_ns
from fenxiao_tools.bench.trade import CURRENCY, FIRST_DAY, UTC_OFFSET_MINUTES, Act, as_event

CALENDAR_KEY = b"calendar"
BARRIER_KEY = b"barrier"


class EventLog:
    """The log so far, of which only the `seq`s are kept. Streams that it made must be sent in the order of their making."""

    def __init__(self, partitions: int, policy: Policy) -> None:
        self._policy, self._seqs = policy, [0] * partitions
        self._partition_of: dict[str, int] = {}

    @property
    def records(self) -> int:
        """How many there are in all partitions."""
        return sum(self._seqs)

    def start(self) -> list[Stream]:
        """The first record of every partition, due at once, in streams to be filled on by `ahead`."""
        streams = [Stream(partition=number) for number in range(len(self._seqs))]
        for stream in streams:
            started = e.CalendarStarted(
                seq=self._next(stream),
                first_day=FIRST_DAY,
                policy_version=self._policy.version,
                algorithm_version=self._policy.algorithm_version,
                utc_offset_minutes=UTC_OFFSET_MINUTES,
                currency=CURRENCY,
                partitions=len(self._seqs),
            )
            stream.add(0, CALENDAR_KEY, encode(started))
        return streams

    def ahead(self, streams: list[Stream], acts: Iterable[Act], *, batch: int) -> None:
        """Acts due at once; a barrier after so many events of a partition, and at the end."""
        open_events = [0] * len(streams)
        for act in acts:
            stream = streams[self._partition(act.product_id)]
            self._add(stream, 0, act)
            open_events[stream.partition] += 1
            if open_events[stream.partition] == batch:
                self._bar(stream, 0)
                open_events[stream.partition] = 0
        for stream in streams:
            if open_events[stream.partition]:
                self._bar(stream, 0)

    def close(self, streams: list[Stream], day: int) -> None:
        """Close a day in each partition, at once."""
        for stream in streams:
            closed = e.DayClosed(
                seq=self._next(stream),
                day=day,
                next_policy_version=self._policy.version,
                next_algorithm_version=self._policy.algorithm_version,
            )
            stream.add(0, CALENDAR_KEY, encode(closed))

    def timed(self, acts: Iterable[tuple[int, Act, bool]], *, every_ns: int, batch_max: int) -> list[Stream]:
        """Streams of acts that come at their times, cut into batches as a catalog's transactions would be.

        Args:
            acts: (time, act, whether it is a probe), the times rising.
            every_ns: A batch is appended so often, each partition in its turn; an act's due time is that of its batch.
            batch_max: Events of a batch; then it ends before its time, with what is due then.
        """
        streams = [Stream(partition=number) for number in range(len(self._seqs))]
        counts = [0] * len(streams)
        for at_ns, act, is_probe in acts:
            stream = streams[self._partition(act.product_id)]
            offset = every_ns * stream.partition // len(streams)
            due = cut_ns(at_ns, every_ns, offset)
            if counts[stream.partition] and (due > stream.due_ns[-1] or counts[stream.partition] == batch_max):
                self._bar(stream, stream.due_ns[-1])
                counts[stream.partition] = 0
            self._add(stream, due, act, is_probe=is_probe)
            counts[stream.partition] += 1
        for stream in streams:
            if counts[stream.partition]:
                self._bar(stream, stream.due_ns[-1])
        return streams

    def _add(self, stream: Stream, due: int, act: Act, *, is_probe: bool = False) -> None:
        body = encode(as_event(act, self._next(stream)))
        stream.add(due, act.product_id.encode(), body, probe=act.product_id if is_probe else None)

    def _bar(self, stream: Stream, due: int) -> None:
        stream.add(due, BARRIER_KEY, encode(e.Barrier(seq=self._next(stream))))

    def _next(self, stream: Stream) -> int:
        self._seqs[stream.partition] += 1
        return self._seqs[stream.partition]

    def _partition(self, product_id: str) -> int:
        found = self._partition_of.get(product_id)
        if found is None:
            found = self._partition_of[product_id] = partition_of(product_id.encode(), len(self._seqs))
        return found
