"""The `CatalogStore` port: tables in memory and PostgreSQL's, told apart by nothing that is published.

The same batches are folded over either; whatever gathering or writing got wrong would show as another event or outcome.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import asyncpg
import pytest

from fenxiao_catalog.core.world import Deployment
from fenxiao_catalog.memory import MemoryCatalogStore
from fenxiao_catalog.service import CatalogService
from fenxiao_catalog.store import CatalogStore, PostgresCatalogStore
from fenxiao_runtime.memory import MemoryRecord, MemoryStore
from fenxiao_runtime.ports import Batch, OutboxRow, Record, Store
from fenxiao_runtime.store import PostgresStore
from fenxiao_schemas.codec import encode
from fenxiao_schemas.commands import Command
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.policy import default_policy_text
from fenxiao_tools.ingest.items import CloseDay, Source, Unreadable
from fenxiao_tools.ingest.synthetic import open_synthetic
from fenxiao_tools.ingest.synthetic.world import Size
from fenxiao_tools.stack import Stack
from support.databases import migrate_services, new_database

PARTITIONS = 3
BATCH = 40


class Output(NamedTuple):
    """One message as it was published."""

    topic: int
    seq: int
    key: bytes
    value: bytes


@dataclass
class Driven:
    """The catalog's service over some tables, driven batch by batch without a broker."""

    service: CatalogService
    runtime: Store
    tables: CatalogStore
    decide_day: Callable[[int, list[int]], Awaitable[None]]

    async def drive(self, source: Source) -> dict[int, list[Output]]:
        """All outputs of each partition, in order."""
        self.published: dict[int, list[Output]] = defaultdict(list)
        self.at = {p: await self.runtime.take_lease(p, "test") for p in range(PARTITIONS)}
        self.waiting: dict[int, list[Record]] = defaultdict(list)
        self.ends = [0] * PARTITIONS
        for item in source.items():
            if isinstance(item, CloseDay):
                await self._close(item.day)
            elif isinstance(item, Unreadable):
                await self._take(item.key.encode(), item.body)
            elif isinstance(item, Command):
                await self._take(getattr(item, item.KEY_FIELD).encode(), encode(item))
        return self.published

    async def _take(self, key: bytes, value: bytes) -> None:
        partition = partition_of(key, PARTITIONS)
        self.waiting[partition].append(MemoryRecord(self.ends[partition], key, value))
        self.ends[partition] += 1
        if len(self.waiting[partition]) == BATCH:
            await self._step(partition)

    async def _close(self, day: int) -> None:
        await self.decide_day(day, list(self.ends))
        for _ in range(2):  # the second turn takes what the first one fanned out
            for partition in range(PARTITIONS):
                await self._step(partition)

    async def _step(self, partition: int) -> None:
        records = self.waiting.pop(partition, [])
        messages = self.service.decode([record.value for record in records])
        before = self.at[partition]
        async with self.runtime.transaction() as tx:
            state = await self.service.load(tx, partition, before, None)  # type: ignore[arg-type] # needs no log
            [step] = self.service.steps(state, Batch(records, messages), before)
            result = await step(tx, before)
            seqs = list(before.out_seqs)
            for each in result.outputs:
                assert each.first_seq == seqs[each.topic] + 1
                seqs[each.topic] += len(each.keys)
            after = replace(
                before,
                next_offset=before.next_offset + len(records),
                out_seqs=tuple(seqs),
                outbox_id=before.outbox_id + 1,
            )
            await self.runtime.save(tx, partition, after, OutboxRow(after.outbox_id, b""))
        self.at[partition] = after
        for each in result.outputs:
            for number, (key, value) in enumerate(zip(each.keys, each.values, strict=True)):
                self.published[partition].append(Output(each.topic, each.first_seq + number, key, value))


def service_over(source: Source, tables: CatalogStore) -> CatalogService:
    deployment = Deployment(
        partitions=PARTITIONS,
        first_day=source.first_day,
        utc_offset_minutes=source.utc_offset_minutes,
        currency=source.currency,
        policy_version=1,
        algorithm_version=1,
        repeat_window_days=30,
        orphan_days=2,
        parked_max=20,
    )
    return CatalogService(deployment, [b"k" * 16, b"older-key-of-16b"], tables)


def in_memory(source: Source) -> Driven:
    tables = MemoryCatalogStore(PARTITIONS)

    async def decide_day(day: int, closes: list[int]) -> None:
        tables.days.append((day, closes, 1))

    return Driven(service_over(source, tables), MemoryStore(outputs=3), tables, decide_day)


@asynccontextmanager
async def on_postgres(source: Source, stack: Stack) -> AsyncIterator[Driven]:
    async with new_database(stack.postgres_dsn) as dsn:
        migrate_services(dsn, "runtime", "catalog")
        pool = await asyncpg.create_pool(dsn, min_size=1, max_size=2)
        await pool.execute("INSERT INTO catalog.policies VALUES (1, 1, $1)", default_policy_text())

        async def decide_day(day: int, closes: list[int]) -> None:
            await pool.execute("INSERT INTO catalog.calendar VALUES ($1, $2, 1, 1, 'test')", day, closes)

        tables = PostgresCatalogStore()
        runtime = PostgresStore(pool, schema="catalog", outputs=3)
        yield Driven(service_over(source, tables), runtime, tables, decide_day)
        await pool.close()


@pytest.mark.integration
@pytest.mark.parametrize("seed", [1, 2])
async def test_the_same_batches_publish_the_same_over_either(seed: int, stack: Stack) -> None:
    source = open_synthetic(Size(products=25, days=8), seed=seed, poison=True)
    expected = await in_memory(source).drive(source)
    async with on_postgres(source, stack) as driven:
        published = await driven.drive(source)
    counts: dict[str, int] = defaultdict(int)
    for partition in range(PARTITIONS):
        assert published[partition] == expected[partition]
        for output in published[partition]:
            counts[_kind(output)] += 1
    assert counts["duplicate"], "the market repeats commands"
    assert counts["parked"], "and sends some early"
    assert counts["refused"], "and some wrongly"


def _kind(output: Output) -> Any:
    import msgspec

    said = msgspec.json.decode(output.value)
    return said.get("status", said["type"])
