"""Puts the scorer together: settings, tables, and the partition processor."""

import asyncpg

from fenxiao_runtime.app import Made, run
from fenxiao_runtime.errors import Halt
from fenxiao_runtime.queries import load_queries
from fenxiao_runtime.settings import read_settings
from fenxiao_runtime.store import PostgresStore
from fenxiao_scorer.service import ScorerService
from fenxiao_scorer.settings import ScorerSettings
from fenxiao_scorer.store import PostgresScorerStore
from fenxiao_scorer.warm import prepare


async def read_partitions(pool: asyncpg.Pool) -> int:
    """The deployment's partition count; raises `Halt` if nothing is installed."""
    try:
        count = await pool.fetchval(load_queries("fenxiao_scorer", schema="scorer")["partitions"])
    except asyncpg.UndefinedTableError:
        count = None
    if count is None:
        raise Halt("not_installed", "this database holds no deployment yet; run `fenxiao install`")
    return int(count)


def main() -> int:
    """Run the scorer; returns the exit code."""
    settings = read_settings(ScorerSettings)
    prepare()

    async def make(pool: asyncpg.Pool) -> Made:
        partitions = await read_partitions(pool)
        service = ScorerService(
            partitions,
            PostgresScorerStore(),
            PostgresStore(pool, schema="scorer", outputs=len(ScorerService.outputs)),
            step_messages_max=settings.scorer_step_messages_max,
            snapshot_events=settings.scorer_snapshot_events,
            snapshot_products=settings.scorer_snapshot_products,
        )
        return Made(service, partitions)

    return run("scorer", settings, make)
