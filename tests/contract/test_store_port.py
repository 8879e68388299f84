"""The `Store` port: one suite over the one in memory and the one on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from fenxiao_runtime.errors import Fenced
from fenxiao_runtime.memory import MemoryStore
from fenxiao_runtime.ports import OutboxRow, Position, Store
from fenxiao_runtime.store import PostgresStore
from fenxiao_tools.stack import Stack
from support.databases import migrate_services, new_database


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.integration)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore(outputs=2)
        return
    stack: Stack = request.getfixturevalue("stack")
    async with new_database(stack.postgres_dsn) as dsn:
        migrate_services(dsn, "runtime")
        pool = await asyncpg.create_pool(dsn, min_size=1, max_size=4)
        await pool.execute("CREATE SCHEMA toy; SELECT runtime.create_partition_tables('toy')")
        yield PostgresStore(pool, schema="toy", outputs=2)
        await pool.close()


async def commit(store: Store, before: Position, after: Position, row: OutboxRow | None = None) -> None:
    async with store.transaction() as tx:
        await store.lock(tx, 3, before)
        await store.save(tx, 3, after, row)


async def test_a_lease_begins_at_the_start_and_its_epoch_only_rises(store: Store) -> None:
    assert await store.read_position(3) is None
    first = await store.take_lease(3, "a")
    assert first == Position(epoch=1, next_offset=0, step=0, mark=0, out_seqs=(0, 0), outbox_id=0)
    assert await store.take_lease(3, "b") == replace(first, epoch=2)
    assert await store.read_position(3) == replace(first, epoch=2)


async def test_what_is_saved_is_read(store: Store) -> None:
    before = await store.take_lease(3, "a")
    after = replace(before, next_offset=10, step=2, step_size=500, mark=9, out_seqs=(4, 5), outbox_id=1)
    await commit(store, before, after, OutboxRow(1, b"blob"))
    assert await store.read_position(3) == after
    assert await store.read_outbox(3, 0, 10) == [OutboxRow(1, b"blob")]
    whole = replace(after, next_offset=11, step=0, step_size=0, mark=10)
    await commit(store, after, whole)
    assert await store.read_position(3) == whole
    assert await store.read_outbox(3, 0, 10) == [OutboxRow(1, b"blob")], "a save without a row leaves the others"


@pytest.mark.parametrize(
    "changed",
    [
        lambda p: replace(p, epoch=p.epoch - 1),
        lambda p: replace(p, next_offset=p.next_offset + 1),
        lambda p: replace(p, step=p.step + 1),
    ],
    ids=["epoch", "offset", "step"],
)
async def test_the_compare_fences_whoever_remembers_otherwise(
    store: Store, changed: Callable[[Position], Position]
) -> None:
    now = await store.take_lease(3, "a")
    with pytest.raises(Fenced):
        await commit(store, changed(now), replace(now, next_offset=5))
    assert await store.read_position(3) == now


async def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    before = await store.take_lease(3, "a")

    async def fail() -> None:
        async with store.transaction() as tx:
            await store.lock(tx, 3, before)
            await store.save(tx, 3, replace(before, next_offset=7), OutboxRow(1, b"x"))
            raise KeyError("in the middle")

    with pytest.raises(KeyError):
        await fail()
    assert await store.read_position(3) == before
    assert await store.read_outbox(3, 0, 10) == []


async def test_two_that_compare_at_once_are_put_in_order(store: Store) -> None:
    before = await store.take_lease(3, "a")

    async def step(offset: int) -> Any:
        try:
            await commit(store, before, replace(before, next_offset=offset))
        except Fenced:
            return None
        return offset

    won = [offset for offset in await asyncio.gather(step(5), step(6)) if offset is not None]
    after = await store.read_position(3)
    assert after is not None
    assert won == [after.next_offset]


async def test_the_outbox_is_read_in_order_and_forgotten_once_marked(store: Store) -> None:
    at = await store.take_lease(3, "a")
    assert await store.read_relay(3) == (0, (0, 0))
    for number in range(1, 6):
        after = replace(at, next_offset=number, outbox_id=number)
        await commit(store, at, after, OutboxRow(number, bytes([number])))
        at = after
    assert [row.id for row in await store.read_outbox(3, 0, 3)] == [1, 2, 3]
    await store.mark_relayed(3, 3, (30, 31))
    assert await store.read_relay(3) == (3, (30, 31))
    assert [row.id for row in await store.read_outbox(3, 0, 10)] == [4, 5]


async def test_a_late_mark_does_not_go_back(store: Store) -> None:
    await store.take_lease(3, "a")
    await store.read_relay(3)
    await store.mark_relayed(3, 3, (30, 31))
    await store.mark_relayed(3, 2, (20, 21))
    assert await store.read_relay(3) == (3, (30, 31))
