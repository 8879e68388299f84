"""The `Log` and `Sender` ports: one suite over memory and over Kafka."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from fenxiao_runtime.kafka import KafkaLog, KafkaSender
from fenxiao_runtime.memory import MemoryBroker, MemoryRecord
from fenxiao_runtime.ports import Log, Sender
from fenxiao_tools.stack import Stack


@dataclass
class Ports:
    log: Log
    sender: Sender
    topic: str


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.integration)])
async def ports(request: pytest.FixtureRequest) -> AsyncIterator[Ports]:
    topic = f"contract-{secrets.token_hex(4)}"
    if request.param == "memory":
        broker = MemoryBroker()
        yield Ports(broker, broker, topic)
        return
    stack: Stack = request.getfixturevalue("stack")
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 2, 1)])
    await admin.close()
    log, sender = KafkaLog(stack.bootstrap_servers), KafkaSender(stack.bootstrap_servers)
    await log.start()
    yield Ports(log, sender, topic)
    await sender.stop()
    await log.stop()


async def read(ports: Ports, partition: int, start: int, end: int) -> list[MemoryRecord]:
    return [
        MemoryRecord(record.offset, record.key, record.value)
        async for records in ports.log.read(ports.topic, partition, start, end)
        for record in records
    ]


async def test_an_empty_log(ports: Ports) -> None:
    assert await ports.log.bounds(ports.topic, 1) == (0, 0)
    assert await read(ports, 1, 0, 0) == []


async def test_what_is_sent_lies_in_that_partition_in_order(ports: Ports) -> None:
    pairs = [(b"k%d" % n, b"v%d" % n) for n in range(50)]
    assert await ports.sender.send(ports.topic, 1, pairs[:20]) == 20
    assert await ports.sender.send(ports.topic, 1, pairs[20:]) == 50
    assert await ports.log.bounds(ports.topic, 1) == (0, 50)
    assert await ports.log.bounds(ports.topic, 0) == (0, 0)
    assert await read(ports, 1, 0, 50) == [MemoryRecord(n, b"k%d" % n, b"v%d" % n) for n in range(50)]


async def test_a_part_of_a_log(ports: Ports) -> None:
    await ports.sender.send(ports.topic, 0, [(b"k", b"%d" % n) for n in range(10)])
    assert [record.offset for record in await read(ports, 0, 4, 7)] == [4, 5, 6]


async def test_more_than_one_request_can_carry(ports: Ports) -> None:
    pairs = [(b"k", b"x" * 10_000) for _ in range(200)]
    assert await ports.sender.send(ports.topic, 0, pairs) == 200
    assert [len(record.value or b"") for record in await read(ports, 0, 0, 200)] == [10_000] * 200
