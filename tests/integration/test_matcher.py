"""The matcher as a real process on a real Kafka and PostgreSQL, fed by hand."""

import asyncio
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from fenxiao_schemas.codec import encode
from fenxiao_schemas.events import ListingChanged
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.policy import default_policy_text
from fenxiao_schemas.tiers import Tier
from fenxiao_schemas.topics import EVENTS, INVITATIONS, RECOMMENDATIONS, TIERS, TOPICS, Topic, codec_of
from fenxiao_tools.create_topics import create_topics
from fenxiao_tools.stack import Stack
from support.matcher_town import FIRST_DAY, Town
from support.topics import delete_topics

pytestmark = pytest.mark.integration
PARTITIONS = 4
WAIT_S = 60.0
Lists = dict[str, list[Any]]


@pytest.fixture
async def topics(stack: Stack) -> AsyncIterator[None]:
    """Empty topics: a matcher folds everything that there is."""
    await delete_topics(stack)
    await create_topics(stack.bootstrap_servers, list(TOPICS), PARTITIONS)
    yield
    await delete_topics(stack)


@pytest.fixture
async def policies(database: str) -> str:
    """A database that holds the policy and nothing else that the matcher could lean on."""
    connection = await asyncpg.connect(database)
    await connection.execute("CREATE SCHEMA catalog")
    await connection.execute("CREATE TABLE catalog.policies (version int PRIMARY KEY, content text NOT NULL)")
    await connection.execute("INSERT INTO catalog.policies VALUES (1, $1)", default_policy_text())
    await connection.close()
    return database


class Process:
    """One `python -m fenxiao_matcher`."""

    def __init__(self, stack: Stack, dsn: str, log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        self.log = log
        self._environment = {
            **os.environ,
            "FENXIAO_KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "FENXIAO_POSTGRES_DSN": dsn,
            "FENXIAO_HTTP_PORT": str(self.port),
            "FENXIAO_PUBLISH_INTERVAL_MS": "100",
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "fenxiao_matcher", env=self._environment, stderr=log
            )

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and wait; returns the exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        return await asyncio.wait_for(self._process.wait(), WAIT_S)

    async def health(self) -> dict[str, Any]:
        """What it says of itself; empty: nothing yet."""
        return await asyncio.to_thread(self._get)

    async def wait(self, what: str, good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until its health is good."""
        health: dict[str, Any] = {}
        for _ in range(int(WAIT_S / 0.1)):
            health = await self.health()
            if health and good(health):
                return health
            await asyncio.sleep(0.1)
        pytest.fail(f"no {what}: {health}\n{self.log.read_text()[-3000:]}")

    async def settled(self, town: Town) -> dict[str, Any]:
        """Wait until it has folded the whole town and published all that follows."""
        counts = [sum(p == number for p, _ in town.log) for number in range(PARTITIONS)]

        def done(health: dict[str, Any]) -> bool:
            folded = zip(counts, health["event_positions"], health["tier_positions"], strict=True)
            return bool(
                all(count <= events + tiers for count, events, tiers in folded)
                and health["ready"]
                and health["publishing"]
                and not health["dirty"]
                and not health["lag"]
            )

        return await self.wait("settled matcher", done)

    def _get(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=5) as response:
                body = response.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        except OSError:
            return {}
        return dict(msgspec.json.decode(body))


@pytest.fixture
async def processes(stack: Stack, policies: str, topics: None, tmp_path: Path) -> AsyncIterator[list[Process]]:
    """Two processes, not started."""
    del topics
    made = [Process(stack, policies, tmp_path / f"matcher-{number}.log") for number in range(2)]
    yield made
    for process in made:
        if process._process is not None:
            await process.end(signal.SIGKILL)


@pytest.fixture
async def producer(stack: Stack, topics: None) -> AsyncIterator[AIOKafkaProducer]:
    del topics
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers)
    await producer.start()
    yield producer
    await producer.stop()


async def write(producer: AIOKafkaProducer, town: Town, start: int = 0) -> int:
    """Write what the town has said since `start`; returns where it is now."""
    sent = []
    for partition, message in town.log[start:]:
        topic, key = (TIERS, message.product_id) if isinstance(message, Tier) else (EVENTS, "any")
        sent.append(await producer.send(topic.name, encode(message), key=key.encode(), partition=partition))
    await asyncio.gather(*sent)
    return len(town.log)


async def read(stack: Stack, topic: Topic) -> Lists:
    """All messages of an output topic by key, in order, after checking their partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        tps = [TopicPartition(topic.name, partition) for partition in range(PARTITIONS)]
        ends = await consumer.end_offsets(tps)
        consumer.assign(tps)
        found: Lists = defaultdict(list)
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    assert record.key is not None
                    assert record.value is not None
                    assert partition_of(record.key, PARTITIONS) == tp.partition
                    found[record.key.decode()].append(codec_of(topic).decode(record.value))
        return found
    finally:
        await consumer.stop()


def town_of_ten() -> Town:
    town = Town(PARTITIONS)
    for number in range(10):
        town.product(f"P{number}", f"home/{number % 3}", merchant=f"M{number % 4}", tier=5 if number < 2 else 3)
    for number in range(8):
        town.creator(f"C{number}", f"home/{number % 3}")
        for sold in range(number % 4):
            town.sale(f"C{number}", f"P{(number + sold) % 10}", 5_000 * (sold + 1))
    return town


def check_revisions(lists: Lists) -> None:
    for messages in lists.values():
        assert [message.revision for message in messages] == list(range(1, len(messages) + 1))
        positions = [sum(message.event_positions) + sum(message.tier_positions) for message in messages]
        assert positions == sorted(positions)


async def test_lists_arrive_and_a_delisted_product_leaves(
    stack: Stack, processes: list[Process], producer: AIOKafkaProducer
) -> None:
    town = town_of_ten()
    at = await write(producer, town)
    process = processes[0]
    await process.start()
    await process.settled(town)
    goods, people = await read(stack, RECOMMENDATIONS), await read(stack, INVITATIONS)
    assert set(goods) == {f"C{number}" for number in range(8)}
    assert set(people) == {"P0", "P1"}
    assert all(len(messages) == 1 for messages in goods.values())
    gone = goods["C7"][-1].products[0].product_id
    town.listing(gone, listed=False)
    town.listing("P0", held=True)
    await write(producer, town, at)
    await process.settled(town)
    goods, people = await read(stack, RECOMMENDATIONS), await read(stack, INVITATIONS)
    for messages in goods.values():
        assert not {gone, "P0"} & {entry.product_id for entry in messages[-1].products}
    assert people["P0"][-1].creators == ()
    check_revisions(goods)
    check_revisions(people)
    assert await process.end() == 0


async def test_revisions_go_on_after_a_kill_and_nothing_older_is_written(
    stack: Stack, processes: list[Process], producer: AIOKafkaProducer
) -> None:
    town = town_of_ten()
    at = await write(producer, town)
    process = processes[0]
    for round_number in range(3):
        await process.start()
        await process.settled(town)
        before = await read(stack, RECOMMENDATIONS)
        for number in range(40):
            town.sale(f"C{(number + round_number) % 8}", f"P{number % 10}", 1_000 * number + 1)
        at = await write(producer, town, at)
        await process.end(signal.SIGKILL)
    town.close(FIRST_DAY)
    await write(producer, town, at)
    await process.start()
    await process.settled(town)
    goods = await read(stack, RECOMMENDATIONS)
    check_revisions(goods)
    check_revisions(await read(stack, INVITATIONS))
    assert sum(map(len, goods.values())) > sum(map(len, before.values()))
    await process.end()
    await process.start()
    health = await process.settled(town)
    assert health["published"] == 0, "a restart without news publishes nothing"


async def test_a_second_matcher_stands_by_and_takes_over(
    stack: Stack, processes: list[Process], producer: AIOKafkaProducer
) -> None:
    town = town_of_ten()
    at = await write(producer, town)
    first, second = processes
    await first.start()
    await first.settled(town)
    await second.start()
    await second.wait("replica that is ready", lambda health: bool(health["ready"]))
    assert not (await second.health())["publishing"]
    await first.end(signal.SIGKILL)
    await second.settled(town)
    town.listing("P5", listed=False)
    await write(producer, town, at)
    await second.settled(town)
    goods = await read(stack, RECOMMENDATIONS)
    check_revisions(goods)
    assert not any("P5" in {entry.product_id for entry in messages[-1].products} for messages in goods.values())


async def test_a_matcher_that_loses_its_lock_stops_and_begins_again(
    stack: Stack, policies: str, processes: list[Process], producer: AIOKafkaProducer
) -> None:
    town = town_of_ten()
    at = await write(producer, town)
    process = processes[0]
    await process.start()
    await process.settled(town)
    connection = await asyncpg.connect(policies)
    killed = await connection.fetch(
        "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
    )
    await connection.close()
    assert len(killed) == 1
    town.listing("P5", listed=False)
    await write(producer, town, at)
    await process.settled(town)
    assert "will retry" in process.log.read_text()
    check_revisions(await read(stack, RECOMMENDATIONS))


@pytest.mark.parametrize("forged", ["seq", "unreadable"])
async def test_a_forged_record_halts_it_aloud(
    forged: str, stack: Stack, processes: list[Process], producer: AIOKafkaProducer
) -> None:
    town = town_of_ten()
    await write(producer, town)
    process = processes[0]
    await process.start()
    await process.settled(town)
    before = await read(stack, RECOMMENDATIONS)
    body = encode(ListingChanged(seq=10_000, product_id="P3", listed=False, held=False))
    await producer.send_and_wait(EVENTS.name, body if forged == "seq" else b'{"type":"sale', partition=1)
    health = await process.wait("halt", lambda health: bool(health["halted"]))
    reason = "seq_gap" if forged == "seq" else "unreadable_own_record"
    assert health["halted"].startswith(f"{reason}: {EVENTS.name}-1")
    assert not health["ready"]
    assert not health["publishing"]
    assert reason in process.log.read_text()
    assert await process.end() == 0
    assert await read(stack, RECOMMENDATIONS) == before
