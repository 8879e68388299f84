"""Puts the catalog together: settings, the deployment's row, tables, and the partition processor."""

import asyncpg

from fenxiao_catalog.calendar import CalendarKeeper
from fenxiao_catalog.core.world import Deployment
from fenxiao_catalog.service import CatalogService
from fenxiao_catalog.settings import CatalogSettings, parse_keys
from fenxiao_catalog.store import PostgresCatalogStore
from fenxiao_runtime.app import Made, run
from fenxiao_runtime.errors import Halt
from fenxiao_runtime.queries import load_queries
from fenxiao_runtime.settings import read_settings


async def read_deployment(pool: asyncpg.Pool, settings: CatalogSettings) -> Deployment:
    """What was fixed at install; raises `Halt` if nothing is installed."""
    try:
        row = await pool.fetchrow(load_queries("fenxiao_catalog", schema="catalog")["deployment"])
    except asyncpg.UndefinedTableError:
        row = None
    if row is None:
        raise Halt("not_installed", "this database holds no deployment yet; run `fenxiao install`")
    return Deployment(
        **row,
        repeat_window_days=settings.catalog_repeat_window_days,
        orphan_days=settings.catalog_orphan_days,
        parked_max=settings.catalog_parked_max,
    )


def main() -> int:
    """Run the catalog; returns the exit code."""
    settings = read_settings(CatalogSettings)

    async def make(pool: asyncpg.Pool) -> Made:
        deployment = await read_deployment(pool, settings)
        keys = parse_keys(settings.catalog_buyer_keys.get_secret_value())
        service = CatalogService(deployment, keys, PostgresCatalogStore())
        keeper = CalendarKeeper(pool, deployment, grace_minutes=settings.catalog_close_grace_minutes)
        by_clock = await pool.fetchval(load_queries("fenxiao_catalog", schema="catalog")["calendar_keeper"]) == "clock"
        return Made(service, deployment.partitions, background=keeper.run if by_clock else None)

    return run("catalog", settings, make)
