"""Sends records at times that were fixed in advance, however slow the answer: who falls behind sends at once, and late.

Every record has its due time from the start on, and latencies are counted from there. A sender that waited for what it
measures would ask least when that is slowest (coordinated omission).
"""

import asyncio
import gc
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer

NS_PER_S = 1_000_000_000


@dataclass(slots=True, kw_only=True)
class Stream:
    """What goes into one partition: columns of equal length, the due times rising.

    Attributes:
        due_ns: Since the start.
        probes: (index, name) of the records whose acknowledgement is to be timed.
    """

    partition: int
    due_ns: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    probes: list[tuple[int, str]] = field(default_factory=list)

    def add(self, due_ns: int, key: bytes, body: bytes, *, probe: str | None = None) -> None:
        """One more."""
        if probe is not None:
            self.probes.append((len(self.due_ns), probe))
        self.due_ns.append(due_ns)
        self.keys.append(key)
        self.bodies.append(body)


@dataclass(slots=True, kw_only=True)
class Sending:
    """What a sending did, on the machine's monotonic clock.

    Attributes:
        start_ns: When time 0 was.
        sent: How many records.
        last_ns: When the last one was handed to the client.
        late_ns: Of each batch, how much after its tick it was handed over.
        acked_ns: When each probe's batch was acknowledged.
    """

    start_ns: int
    sent: int = 0
    last_ns: int = 0
    late_ns: list[int] = field(default_factory=list)
    acked_ns: dict[str, int] = field(default_factory=dict)


def due_ns(index: int, rate: int) -> int:
    """When the record of this number is due, at so many a second."""
    return index * NS_PER_S // rate


def cut_ns(at_ns: int, every_ns: int, offset_ns: int = 0) -> int:
    """The first cut at or after a time; cuts are `every_ns` apart, and one is at `offset_ns`."""
    return at_ns + (offset_ns - at_ns) % every_ns


def due_until(due: Sequence[int], first: int, now_ns: int) -> int:
    """The index after the last record from `first` on that is due."""
    return bisect_right(due, now_ns, first)


async def send_on_time(
    producer: AIOKafkaProducer, topic: str, streams: Sequence[Stream], *, start_ns: int, tick_ns: int
) -> Sending:
    """Send all, each partition on its own schedule, and wait for the acknowledgements.

    Args:
        producer: Its `max_batch_size` bounds a batch.
        topic: Where to.
        streams: At most one a partition.
        start_ns: Time 0, by `time.monotonic_ns`.
        tick_ns: What falls due between two ticks goes at the second one.
    """
    sending = Sending(start_ns=start_ns)
    with _no_collections():
        async with asyncio.TaskGroup() as tasks:
            for stream in streams:
                tasks.create_task(_send(producer, topic, stream, sending, tick_ns))
    return sending


async def _send(producer: AIOKafkaProducer, topic: str, stream: Stream, sending: Sending, tick_ns: int) -> None:
    first, futures, probes = 0, [], iter(stream.probes)
    probe = next(probes, None)
    while first < len(stream.due_ns):
        tick = cut_ns(stream.due_ns[first], tick_ns)
        await asyncio.sleep(max(0, sending.start_ns + tick - time.monotonic_ns()) / NS_PER_S)
        handed = time.monotonic_ns()
        now = handed - sending.start_ns
        if now < tick:
            continue
        batch = producer.create_batch()
        end = first
        for end in range(first, due_until(stream.due_ns, first, now)):
            if batch.append(key=stream.keys[end], value=stream.bodies[end], timestamp=None) is None:
                break
        else:
            end += 1
        batch.close()
        future = await producer.send_batch(batch, topic, partition=stream.partition)
        named = []
        while probe is not None and probe[0] < end:
            named.append(probe[1])
            probe = next(probes, None)
        if named:
            future.add_done_callback(partial(_note_ack, sending, named))
        futures.append(future)
        sending.sent += end - first
        sending.late_ns.append(now - tick)
        sending.last_ns = max(sending.last_ns, handed)
        first = end
    await asyncio.gather(*futures)


def _note_ack(sending: Sending, named: list[str], future: asyncio.Future[Any]) -> None:
    if not future.cancelled() and future.exception() is None:
        sending.acked_ns.update(dict.fromkeys(named, time.monotonic_ns()))


@contextmanager
def _no_collections() -> Iterator[None]:
    """A collection of ours, over all the prepared records, would be measured as somebody's latency."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
