"""The three services as real processes on real servers: killed, poisoned and lied to, and in the end not a byte differs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from fenxiao_schemas.codec import Rejected, encode
from fenxiao_schemas.commands import Command, RecordSale
from fenxiao_schemas.events import Barrier
from fenxiao_schemas.policy import default_policy_text
from fenxiao_schemas.topics import CATALOG_DLQ, COMMANDS, EVENTS, RECOMMENDATIONS, TIERS, codec_of
from fenxiao_tools.feed import Feed
from fenxiao_tools.ingest.items import CloseDay, Item, Source, Unreadable
from fenxiao_tools.ingest.synthetic import open_synthetic
from fenxiao_tools.ingest.synthetic.world import Size
from fenxiao_tools.install import install
from fenxiao_tools.matcher_wait import await_matcher
from fenxiao_tools.processes import Services
from fenxiao_tools.stack import Stack
from fenxiao_tools.verify import verify
from support.databases import new_database
from support.topics import delete_topics

pytestmark = pytest.mark.integration
PARTITIONS = 4
WAIT_S = 120.0
DAYS = 24
SETTINGS = {
    "FENXIAO_SESSION_TIMEOUT_MS": "6000",  # a killed member is missed sooner
    "FENXIAO_BATCH_RECORDS_MAX": "200",  # many transactions to be killed in
    "FENXIAO_SCORER_SNAPSHOT_EVENTS": "1500",  # so that a restart has a snapshot to start from
}


@asynccontextmanager
async def deployment(stack: Stack, source: Source) -> AsyncIterator[Stack]:
    """Empty topics and a new database, installed for the source."""
    await delete_topics(stack)
    async with new_database(stack.postgres_dsn) as dsn:
        await install(
            stack.bootstrap_servers,
            dsn,
            partitions=PARTITIONS,
            first_day=source.first_day,
            utc_offset_minutes=source.utc_offset_minutes,
            currency=source.currency,
            policy_text=default_policy_text(),
            report=lambda _: None,
        )
        yield Stack(bootstrap_servers=stack.bootstrap_servers, postgres_dsn=dsn, origin=stack.origin)


@pytest.fixture
def source() -> Source:
    return open_synthetic(Size(products=60, days=DAYS, creators=30), seed=7, poison=True)


async def send(feed: Feed, item: Item) -> None:
    match item:
        case CloseDay():
            await feed.close_day(item.day)
        case Unreadable():
            await feed.send_raw(item.key, item.body)
        case Command():
            await feed.send(item)
        case _:
            raise AssertionError(f"a synthetic market leaves nothing out: {item}")


async def test_kills_in_mid_feed_lose_and_double_nothing(stack: Stack, source: Source, tmp_path: Path) -> None:
    """SIGKILL of each service in turn, several times, while a market with poison in it is being sent."""
    victims = iter(["scorer", "catalog", "matcher", "catalog", "scorer", "catalog", "matcher", "scorer"])
    async with deployment(stack, source) as place:
        services = Services(place, tmp_path, settings=SETTINGS, report=lambda _: None)
        with stopping(services):
            await asyncio.to_thread(services.start)
            async with Feed(place.bootstrap_servers, place.postgres_dsn) as feed:
                poison = 0
                for item in source.items():
                    await send(feed, item)
                    poison += is_poison(item)
                    if isinstance(item, CloseDay) and (item.day - source.first_day) % 3 == 2:
                        victim = next(victims)
                        await asyncio.to_thread(services.kill, victim)
                        await asyncio.to_thread(services.launch, victim)
                await feed.wait_until_caught_up(WAIT_S, lambda _: None)
            await asyncio.to_thread(await_matcher, services, WAIT_S, lambda _: None)
            report = await verify(place.bootstrap_servers, place.postgres_dsn)
            letters = await count(place, CATALOG_DLQ.name)
            lists = await count(place, RECOMMENDATIONS.name)
    assert report.problems == ()
    assert report.lag == ()
    assert report.books.balanced
    assert (report.products, report.differ) == (60, 0)
    assert poison > 0
    assert letters == poison, "each unreadable record has its dead letter, and the ones after it were applied"
    assert lists > 0


async def test_a_forged_event_halts_its_partition_and_no_other(stack: Stack, source: Source, tmp_path: Path) -> None:
    """Somebody writes to our own topic: that partition stops and says so; the others go on, and restarts don't forget."""
    async with deployment(stack, source) as place:
        services = Services(place, tmp_path, names=("catalog", "scorer"), settings=SETTINGS, report=lambda _: None)
        with stopping(services):
            await asyncio.to_thread(services.start)
            async with Feed(place.bootstrap_servers, place.postgres_dsn) as feed:
                for item in source.items():
                    await send(feed, item)
                    if isinstance(item, CloseDay) and item.day == source.first_day + 2:
                        break
                await feed.wait_until_caught_up(WAIT_S, lambda _: None)
                await forge(place, 1, encode(Barrier(seq=10**9)))
                await eventually(lambda: halted(services) == {"1": True})
                before = [await count(place, TIERS.name, p) for p in range(PARTITIONS)]
                late_sales = [sale_of(f"p{n:06}", n, source) for n in range(60)]
                for command in late_sales:
                    await feed.send(command)
                await feed.flush()
                await feed.close_day(source.first_day + 3)
                await eventually_async(lambda: all_moved_but(place, 1, before))
            await asyncio.to_thread(services.kill, "scorer")
            await asyncio.to_thread(services.launch, "scorer")
            await eventually(lambda: halted(services) == {"1": True})
    said = [line for line in services.log_path("scorer").read_text().splitlines() if '"halted"' in line]
    assert any("seq_gap" in line and '"partition": 1' in line for line in said)


def is_poison(item: Item) -> bool:
    """Whether it cannot be read at all: a good command under another's key can, and is refused."""
    return isinstance(item, Unreadable) and isinstance(codec_of(COMMANDS).decode_batch([item.body])[0], Rejected)


async def test_a_day_closes_behind_a_transactions_marker(stack: Stack, source: Source, tmp_path: Path) -> None:
    """A backend writes in a transaction: its marker has an offset that no consumer is ever handed, and the day ends after it."""
    async with deployment(stack, source) as place:
        services = Services(place, tmp_path, names=("catalog", "scorer"), settings=SETTINGS, report=lambda _: None)
        with stopping(services):
            await asyncio.to_thread(services.start)
            producer = AIOKafkaProducer(bootstrap_servers=place.bootstrap_servers, transactional_id="a-backend")
            await producer.start()
            command = sale_of("p000001", 1, source)
            async with producer.transaction():
                await producer.send(COMMANDS.name, encode(command), key=command.product_id.encode())
            await producer.stop()
            async with Feed(place.bootstrap_servers, place.postgres_dsn) as feed:
                await feed.close_day(source.first_day)
                await feed.wait_until_caught_up(WAIT_S, lambda _: None)


@contextmanager
def stopping(services: Services) -> Iterator[None]:
    """Stop them whatever happens."""
    try:
        yield
    finally:
        services.stop()


def sale_of(product_id: str, number: int, source: Source) -> RecordSale:
    return RecordSale(
        command_id=f"late-{number}",
        at_ms=(source.first_day + 3) * 86_400_000,
        product_id=product_id,
        order_id=f"late-{number}",
        order_line_id=f"late-{number}",
        quantity=1,
        paid_minor=100,
        currency=source.currency,
        creator_id="somebody-new",
    )


def halted(services: Services) -> dict[str, bool]:
    return {partition: bool(why) for partition, why in services.health("scorer").report.get("halted", {}).items()}


async def all_moved_but(place: Stack, partition: int, before: list[int]) -> bool:
    """Whether every other partition has published more since."""
    now = [await count(place, TIERS.name, p) for p in range(PARTITIONS)]
    assert now[partition] == before[partition]
    return all(now[p] > before[p] for p in range(PARTITIONS) if p != partition)


async def forge(place: Stack, partition: int, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=place.bootstrap_servers)
    await producer.start()
    try:
        await producer.send_and_wait(EVENTS.name, value, key=b"forged", partition=partition)
    finally:
        await producer.stop()


async def count(place: Stack, topic: str, partition: int | None = None) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=place.bootstrap_servers)
    await consumer.start()
    try:
        chosen = range(PARTITIONS) if partition is None else [partition]
        ends = await consumer.end_offsets([TopicPartition(topic, p) for p in chosen])
    finally:
        await consumer.stop()
    return sum(ends.values())


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.2)


async def eventually_async(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await condition():
            await asyncio.sleep(0.2)
