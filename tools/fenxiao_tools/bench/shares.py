"""Counts what a topic of events is made of: kinds, refunds, and what came after its day had closed."""

from collections import Counter

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from fenxiao_schemas.topics import EVENTS
from fenxiao_tools.bench.ceiling import FETCH_BYTES_MAX, RECORDS_MAX
from fenxiao_tools.bench.figures import Shares
from fenxiao_tools.connect import kafka_errors
from fenxiao_tools.logs import open_logs

WAIT_MS = 10_000


class _Head(msgspec.Struct, gc=False):
    """As little of an event as is needed."""

    type: str
    order_day: int = 0
    day: int = 0


class Counted:
    """What was seen of the events so far, of each partition in order."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(list[_Head])
        self._kinds: Counter[str] = Counter()
        self._closed: dict[int, int] = {}
        self._late = 0

    def add(self, partition: int, bodies: list[bytes]) -> None:
        """Some more of a partition."""
        closed = self._closed.get(partition, 0)
        heads = self._decoder.decode(b"[" + b",".join(bodies) + b"]")
        self._kinds.update([head.type for head in heads])
        for head in heads:
            if head.type == "day_closed":
                closed = head.day
            elif head.type == "sale_recorded" and head.order_day <= closed:
                self._late += 1
        self._closed[partition] = closed

    def shares(self) -> Shares:
        """All of it."""
        return Shares(
            kinds=dict(self._kinds.most_common()),
            refunds_pct=_percent(self._kinds["refund_recorded"], self._kinds.total()),
            late_pct=_percent(self._late, self._kinds["sale_recorded"]),
        )


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


async def count_shares(bootstrap_servers: str) -> Shares:
    """Of all events that are there now.

    Raises:
        ToolError: Kafka can't be read.
    """
    async with open_logs(bootstrap_servers, [EVENTS]) as reader:
        ends = await reader.ends(EVENTS)
    parts = {TopicPartition(EVENTS.name, number): end for number, end in enumerate(ends)}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
    )
    counted = Counted()
    async with kafka_errors(bootstrap_servers, "counting the events"):
        try:
            await consumer.start()
            consumer.assign(list(parts))
            while any([await consumer.position(part) < end for part, end in parts.items()]):
                fetched = await consumer.getmany(timeout_ms=WAIT_MS, max_records=RECORDS_MAX)
                for part, records in fetched.items():
                    counted.add(part.partition, [record.value or b"" for record in records])
        finally:
            await consumer.stop()
    return counted.shares()
