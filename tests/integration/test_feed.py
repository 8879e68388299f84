"""The feed and the installation against a real Kafka and PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from typing import cast

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from msgspec.structs import replace

from fenxiao_schemas.codec import encode
from fenxiao_schemas.commands import ListProduct
from fenxiao_schemas.outcomes import Outcome, Status
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.policy import default_policy_text
from fenxiao_schemas.topics import COMMANDS, OUTCOMES, codec_of
from fenxiao_tools.errors import ToolError
from fenxiao_tools.feed import Feed
from fenxiao_tools.ingest.accounting import account
from fenxiao_tools.ingest.items import CloseDay, Item, LeftOut, Repeated, Source
from fenxiao_tools.ingest.run import send_source
from fenxiao_tools.install import install
from fenxiao_tools.stack import Stack
from support.topics import delete_topics

pytestmark = pytest.mark.integration
PARTITIONS = 4
FIRST_DAY = 20_000


@pytest.fixture(autouse=True)
async def topics(stack: Stack) -> AsyncIterator[None]:
    """None before, none after: other tests read the topics from their beginning."""
    await delete_topics(stack)
    yield
    await delete_topics(stack)


async def set_up(stack: Stack, dsn: str, **changes: object) -> list[str]:
    said: list[str] = []
    values: dict[str, object] = {
        "partitions": PARTITIONS,
        "first_day": FIRST_DAY,
        "currency": "CNY",
        "policy_text": default_policy_text(),
        "report": said.append,
        **changes,
    }
    await install(stack.bootstrap_servers, dsn, **values)  # type: ignore[arg-type]
    return said


def listing(number: int) -> ListProduct:
    return ListProduct(command_id=f"c{number}", at_ms=FIRST_DAY * 86_400_000, product_id=f"p{number % 100}")


async def read_commands(stack: Stack, ends: list[int]) -> dict[int, list[bytes]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap_servers)
    await consumer.start()
    try:
        found: dict[int, list[bytes]] = {}
        for number, end in enumerate(ends):
            partition = TopicPartition(COMMANDS.name, number)
            consumer.assign([partition])
            consumer.seek(partition, 0)
            bodies = found.setdefault(number, [])
            while len(bodies) < end:
                records = await consumer.getmany(partition, timeout_ms=1000)
                bodies += [record.value or b"" for record in records.get(partition, ())]
        return found
    finally:
        await consumer.stop()


async def test_commands_arrive_in_the_partition_of_their_key_and_a_day_ends_after_them(
    stack: Stack, database: str
) -> None:
    """Nothing is lost or reordered, and the calendar row holds the end of each partition."""
    await set_up(stack, database)
    commands = [listing(number) for number in range(20_000)]
    async with Feed(stack.bootstrap_servers, database) as feed:
        for command in commands:
            await feed.send(command)
        await feed.flush()
        await feed.close_day(FIRST_DAY)
        await feed.close_day(FIRST_DAY + 1)
        ends = await feed.end_offsets()
    found = await read_commands(stack, ends)
    codec = codec_of(COMMANDS)
    for partition, bodies in found.items():
        expected = [c for c in commands if partition_of(c.product_id.encode(), PARTITIONS) == partition]
        assert [codec.decode(body) for body in bodies] == expected
    connection = await asyncpg.connect(database)
    rows = await connection.fetch("SELECT * FROM catalog.calendar ORDER BY day")
    await connection.close()
    assert [(row["day"], row["closes"]) for row in rows] == [(FIRST_DAY, ends), (FIRST_DAY + 1, ends)]


async def test_only_the_open_day_can_be_closed(stack: Stack, database: str) -> None:
    await set_up(stack, database)
    async with Feed(stack.bootstrap_servers, database) as feed:
        for day in (FIRST_DAY + 1, FIRST_DAY - 1):
            with pytest.raises(ToolError, match=f"{FIRST_DAY} is the open day"):
                await feed.close_day(day)
        await feed.close_day(FIRST_DAY)
        with pytest.raises(ToolError, match=f"{FIRST_DAY + 1} is the open day"):
            await feed.close_day(FIRST_DAY)


async def test_what_is_waited_for_is_said(stack: Stack, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without services at work the wait ends with a line that says whom it waited for."""
    monkeypatch.setattr("fenxiao_tools.caught_up.STALL_S_MAX", 0.3)
    await set_up(stack, database)
    said: list[str] = []
    async with Feed(stack.bootstrap_servers, database) as feed:
        await feed.send(listing(1))
        with pytest.raises(ToolError, match="are the services running"):
            await feed.wait_until_caught_up(10, said.append)
        with pytest.raises(ToolError, match="not caught up after 0 s: the catalog has"):
            await feed.wait_until_caught_up(0, said.append)
    assert "the catalog has" in said[0]


async def test_installing_again_changes_nothing_and_other_values_are_named(stack: Stack, database: str) -> None:
    await set_up(stack, database)
    assert not [line for line in await set_up(stack, database) if "migrated" in line or "creating" in line]
    with pytest.raises(ToolError, match="currency is CNY, not GBP"):
        await set_up(stack, database, currency="GBP")
    with pytest.raises(ToolError, match="policy 1 is installed with other content"):
        await set_up(stack, database, policy_text=default_policy_text() + "# changed\n")


async def test_topics_with_another_partition_count_are_refused(stack: Stack, database: str) -> None:
    """Before any table is made."""
    await set_up(stack, database)
    connection = await asyncpg.connect(database)
    await connection.execute("DROP SCHEMA catalog CASCADE")
    with pytest.raises(ToolError, match=f"has {PARTITIONS} partitions, not {PARTITIONS + 1}"):
        await set_up(stack, database, partitions=PARTITIONS + 1)
    assert await connection.fetchval("SELECT to_regclass('catalog.deployment')") is None
    await connection.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"currency": "yuan"}, "not a currency"),
        ({"partitions": 0}, "partitions must be"),
        ({"policy_text": "version = 1"}, "invalid policy"),
    ],
)
async def test_wrong_values_are_one_line(stack: Stack, database: str, change: dict[str, object], said: str) -> None:
    with pytest.raises(ToolError, match=said):
        await set_up(stack, database, **change)


async def test_every_row_of_a_run_gets_the_answer_that_the_outcomes_give(stack: Stack, database: str) -> None:
    """Also those parked first, and not those of another run."""
    await set_up(stack, database)
    items: list[Item] = [LeftOut("dull"), Repeated()]
    items += [replace(listing(number), command_id=f"row-{number}") for number in range(5)]
    items += [replace(listing(9), command_id="aux-9"), CloseDay(FIRST_DAY)]
    source = Source(
        name="five rows",
        first_day=FIRST_DAY,
        last_day=FIRST_DAY,
        utc_offset_minutes=480,
        currency="CNY",
        rows=7,
        items=lambda: iter(items),
    )
    async with Feed(stack.bootstrap_servers, database) as feed:
        await feed.send(replace(listing(0), command_id="row-earlier"))
        await feed.flush()
        sent = await send_source(feed, source, lambda _records: None)
    answers = {
        "row-earlier": ["accepted"],
        "row-0": ["accepted"],
        "row-1": ["duplicate"],
        "row-2": ["refused"],
        "row-3": ["parked", "accepted"],
        "row-4": ["parked"],
        "aux-9": ["refused"],
    }
    await answer(stack, answers)
    result = await account(stack.bootstrap_servers, sent)
    assert (result.applied, result.duplicates, result.waiting) == (2, 2, 1)
    assert (result.refused, result.left_out) == ({"no_change": 1}, {"dull": 1})
    assert result.complete
    assert result.table().row_count == 5


async def answer(stack: Stack, answers: dict[str, list[str]]) -> None:
    """What a catalog would say of the commands that there are."""
    consumer = AIOKafkaConsumer(COMMANDS.name, bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="earliest")
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers)
    await consumer.start()
    await producer.start()
    for seq in range(1, len(answers) + 1):
        record = await consumer.getone()
        identity = codec_of(COMMANDS).decode(record.value or b"").command_id
        for number, status in enumerate(answers[identity]):
            outcome = Outcome(
                seq=seq,
                command_id=identity,
                partition=record.partition,
                offset=record.offset,
                status=cast("Status", status),
                reason="no_change" if status == "refused" else "",
                released=number > 0,
            )
            await producer.send_and_wait(OUTCOMES.name, encode(outcome), partition=record.partition)
    await producer.stop()
    await consumer.stop()


def nowhere(_line: str) -> None: ...


@pytest.mark.parametrize("servers", ["127.0.0.1:1", "no such host", ""])
async def test_an_unreachable_broker_is_one_line(database: str, servers: str) -> None:
    report: Callable[[str], None] = nowhere
    with pytest.raises(ToolError, match="Kafka at") as caught:
        await install(
            servers,
            database,
            partitions=1,
            first_day=1,
            currency="CNY",
            policy_text=default_policy_text(),
            report=report,
        )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["postgresql://u:secret@127.0.0.1:1/none", "nonsense", "http://x/"])
async def test_a_wrong_dsn_is_one_line_without_its_password(dsn: str) -> None:
    with pytest.raises(ToolError, match="PostgreSQL can't be reached") as caught:
        async with Feed("127.0.0.1:1", dsn):
            pass
    assert "secret" not in str(caught.value)


async def test_a_feed_needs_an_installed_deployment(stack: Stack, database: str) -> None:
    with pytest.raises(ToolError, match="nothing is installed"):
        async with Feed(stack.bootstrap_servers, database):
            pass
