"""The local stack serves: a record goes through Kafka, a query through PostgreSQL, a migration through dbmate."""

import asyncio
import secrets
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from fenxiao_tools.migrate import MigrationError, migrate
from fenxiao_tools.stack import LocalStack, Stack

pytestmark = pytest.mark.integration

ANSWER_S_MAX = 30.0
GOOD = "-- migrate:up\nCREATE TABLE good (id bigint PRIMARY KEY);\n\n-- migrate:down\n"
BROKEN = "-- migrate:up\nCREATE TABLE half (id bigint);\nCREATE TABLE good (id bigint);\n\n-- migrate:down\n"


async def create_topic(stack: Stack, *, partitions: int = 1) -> str:
    """A topic of a name that no other test uses."""
    name = f"test.{secrets.token_hex(6)}"
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()
    return name


async def produce(stack: Stack, topic: str, value: bytes) -> None:
    """Send one record and wait for the broker's word."""
    producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def consume(stack: Stack, topic: str) -> bytes:
    """The first record of a topic."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        record = await asyncio.wait_for(consumer.getone(), ANSWER_S_MAX)
    finally:
        await consumer.stop()
    assert isinstance(record.value, bytes)
    return record.value


async def fetch(dsn: str, query: str) -> object:
    """One value from PostgreSQL."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_record_goes_through_kafka(stack: Stack) -> None:
    topic = await create_topic(stack)
    await produce(stack, topic, b"one order")
    assert await consume(stack, topic) == b"one order"


async def test_kafka_creates_no_topic_by_itself(stack: Stack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        (found,) = await admin.describe_topics([f"test.{secrets.token_hex(6)}"])
    finally:
        await admin.close()
    assert found["error_code"] == UnknownTopicOrPartitionError.errno


async def test_postgres_answers_and_is_durable(stack: Stack) -> None:
    assert await fetch(stack.postgres_dsn, "SELECT 1") == 1
    if stack.origin == "processes":
        assert await fetch(stack.postgres_dsn, "SHOW fsync") == "on"
        assert await fetch(stack.postgres_dsn, "SHOW synchronous_commit") == "on"


async def test_a_migration_is_applied_once(database: str, migrations: Path) -> None:
    (migrations / "0001_good.sql").write_text(GOOD)
    assert migrate(database, "sample", migrations) == ["0001_good.sql"]
    assert migrate(database, "sample", migrations) == []
    assert await fetch(database, "SELECT count(*) FROM good") == 0
    assert await fetch(database, "SELECT string_agg(version, ',') FROM sample_migrations") == "0001"


async def test_services_count_their_migrations_apart(database: str, migrations: Path) -> None:
    (migrations / "0001_good.sql").write_text(GOOD)
    migrate(database, "sample", migrations)
    (migrations / "0001_good.sql").write_text(GOOD.replace("good", "other"))
    assert migrate(database, "another", migrations) == ["0001_good.sql"]


async def test_replicas_may_migrate_at_once(database: str, migrations: Path) -> None:
    (migrations / "0001_good.sql").write_text(GOOD)
    runs = await asyncio.gather(*(asyncio.to_thread(migrate, database, "sample", migrations) for _ in range(4)))
    assert sorted(runs) == [[], [], [], ["0001_good.sql"]]


async def test_a_broken_migration_gives_one_line_and_changes_nothing(database: str, migrations: Path) -> None:
    (migrations / "0001_good.sql").write_text(GOOD)
    migrate(database, "sample", migrations)
    (migrations / "0002_broken.sql").write_text(BROKEN)
    with pytest.raises(MigrationError) as caught:
        migrate(database, "sample", migrations)
    message = str(caught.value)
    assert "\n" not in message
    assert "0002_broken.sql" in message
    assert 'relation "good" already exists' in message
    assert await fetch(database, "SELECT to_regclass('half')") is None
    assert await fetch(database, "SELECT count(*) FROM sample_migrations") == 1


async def test_what_was_acknowledged_outlives_a_kill(local_stack: LocalStack, stack: Stack, database: str) -> None:
    if stack.origin != "processes":
        pytest.skip("the servers are not ours to kill")
    topic = await create_topic(stack)
    await produce(stack, topic, b"kept")
    await fetch(database, "CREATE TABLE kept AS SELECT 42 AS answer")
    local_stack.kill_kafka()
    local_stack.kill_postgres()
    await asyncio.to_thread(local_stack.start_postgres)
    await asyncio.to_thread(local_stack.start_kafka)
    assert await consume(stack, topic) == b"kept"
    assert await fetch(database, "SELECT answer FROM kept") == 42
