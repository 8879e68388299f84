"""Notes when the tier messages of probes become readable: `python -m fenxiao_tools.bench.tier_reader PREFIX`.

A process of its own, so that nothing delays the reading but the machine. Prints `ready`, then a line for each message of
tier 0 of a product whose id begins so: the product, the machine's monotonic clock (ns), and the record's timestamp (ms).
Ends with its standard input, so that it never outlives who started it.
"""

import asyncio
import os
import sys
import threading
import time

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from fenxiao_schemas.topics import TIERS
from fenxiao_tools.connect import kafka_errors
from fenxiao_tools.errors import ToolError
from fenxiao_tools.stack.environment import KAFKA_VARIABLE

WAIT_MS = 200
READY = "ready"


class _Told(msgspec.Struct):
    """As little of a tier message as is needed."""

    product_id: str
    tier: int


async def read(bootstrap_servers: str, prefix: str) -> None:
    """Read on from the present end until the process is ended."""
    decoder = msgspec.json.Decoder(_Told)
    async with kafka_errors(bootstrap_servers, "reading the tiers"):
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
        try:
            await consumer.start()
            await _begin(consumer)
            _say(READY)
            while True:
                fetched = await consumer.getmany(timeout_ms=WAIT_MS)
                now = time.monotonic_ns()
                for record in (record for records in fetched.values() for record in records):
                    told = decoder.decode(record.value or b"")
                    if not told.tier and told.product_id.startswith(prefix):
                        _say(f"{told.product_id} {now} {record.timestamp}")
        finally:
            await consumer.stop()


async def _begin(consumer: AIOKafkaConsumer) -> None:
    consumer.assign([TopicPartition(TIERS.name, 0)])  # a consumer keeps metadata of assigned topics alone
    await consumer.end_offsets([TopicPartition(TIERS.name, 0)])
    parts = [TopicPartition(TIERS.name, number) for number in consumer.partitions_for_topic(TIERS.name) or ()]
    ends = await consumer.end_offsets(parts)
    consumer.assign(parts)
    for part in parts:
        consumer.seek(part, ends[part])
    await consumer.getmany(timeout_ms=WAIT_MS)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read until standard input ends."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        asyncio.run(read(os.environ[KAFKA_VARIABLE], sys.argv[1]))
    except ToolError as error:
        sys.exit(str(error))


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
