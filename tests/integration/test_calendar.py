"""Business days closed by the clock: once, in order, by one keeper, with the newest policy in force from then on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from fenxiao_catalog.calendar import CalendarKeeper
from fenxiao_runtime.kafka import KafkaLog
from fenxiao_schemas.policy import default_policy_text
from fenxiao_tools.errors import ToolError
from fenxiao_tools.feed import Feed
from fenxiao_tools.install import install, publish_policy
from fenxiao_tools.stack import Stack
from support.catalog_world import DEPLOYMENT
from support.topics import delete_topics

pytestmark = pytest.mark.integration
FIRST_DAY = 20_000
DAY_MS = 86_400_000
MIDNIGHT_MS = (FIRST_DAY + 1) * DAY_MS - 8 * 3_600_000  # of the first day's end, at UTC+8


@asynccontextmanager
async def clocked(stack: Stack, dsn: str) -> AsyncIterator[tuple[asyncpg.Pool, KafkaLog, CalendarKeeper]]:
    await delete_topics(stack)
    await install(
        stack.bootstrap_servers,
        dsn,
        partitions=2,
        first_day=FIRST_DAY,
        currency="CNY",
        policy_text=default_policy_text(),
        calendar_keeper="clock",
        report=lambda _: None,
    )
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=3)
    log = KafkaLog(stack.bootstrap_servers)
    await log.start()
    deployment = replace(DEPLOYMENT, partitions=2, first_day=FIRST_DAY, utc_offset_minutes=480)
    yield pool, log, CalendarKeeper(pool, deployment, grace_minutes=10)
    await log.stop()
    await pool.close()


async def test_a_day_is_decided_once_it_is_over_and_its_grace_too(stack: Stack, database: str) -> None:
    async with clocked(stack, database) as (pool, log, keeper), pool.acquire() as connection:

        async def days_at(now_ms: int) -> list[int]:
            await keeper.close_due_days(connection, log, now_ms=now_ms)
            return [row["day"] for row in await connection.fetch("SELECT day FROM catalog.calendar ORDER BY day")]

        assert await days_at(MIDNIGHT_MS + 9 * 60_000) == []
        assert await days_at(MIDNIGHT_MS + 10 * 60_000) == [FIRST_DAY]
        assert await days_at(MIDNIGHT_MS + 11 * 60_000) == [FIRST_DAY]
        assert await days_at(MIDNIGHT_MS + 3 * DAY_MS + 11 * 60_000) == [FIRST_DAY + n for n in range(4)]


async def test_only_the_keeper_decides_and_the_newest_policy_is_named(stack: Stack, database: str) -> None:
    async with clocked(stack, database) as (pool, log, keeper), pool.acquire() as connection:
        async with Feed(stack.bootstrap_servers, database) as feed:
            with pytest.raises(ToolError, match="the calendar is kept by the clock"):
                await feed.close_day(FIRST_DAY)
        await keeper.close_due_days(connection, log, now_ms=MIDNIGHT_MS + DAY_MS // 2)
        newer = default_policy_text().replace("version = 1  ", "version = 2  ", 1)
        assert await publish_policy(database, newer) == 2
        with pytest.raises(ToolError, match="needs a higher version"):
            await publish_policy(database, newer)
        await keeper.close_due_days(connection, log, now_ms=MIDNIGHT_MS + DAY_MS + DAY_MS // 2)
        rows = await connection.fetch("SELECT next_policy_version AS v FROM catalog.calendar ORDER BY day")
        assert [row["v"] for row in rows] == [1, 2]


async def test_of_two_keepers_one_holds_the_lease(stack: Stack, database: str) -> None:
    """Both look; the days of long ago are all decided, none twice, by a single connection."""
    async with clocked(stack, database) as (pool, log, keeper):
        tasks = [asyncio.create_task(keeper.run(log)) for _ in range(2)]
        async with asyncio.timeout(60):
            while await pool.fetchval("SELECT count(*) FROM catalog.calendar") < 100:
                await asyncio.sleep(0.05)
        lease = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        assert await pool.fetchval(lease) == 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
