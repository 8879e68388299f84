"""Closes business days by the clock, where the deployment says so: the one place in which a clock matters.

Of all catalog processes one holds the calendar's lease and decides. What it decides is a row that everybody reads, so the
clock never reaches a fold: a day ends at the offsets in its row, whatever the time is where they are read.
"""

import asyncio
import time

import asyncpg
import structlog

from fenxiao_catalog.core.clock import MINUTE_MS, business_day
from fenxiao_catalog.core.world import Deployment
from fenxiao_runtime.errors import TemporaryFault
from fenxiao_runtime.ports import Log
from fenxiao_runtime.queries import load_queries
from fenxiao_runtime.store import TEMPORARY
from fenxiao_schemas.topics import COMMANDS

LOOK_S = 5.0
_LOG = structlog.get_logger("calendar")


class CalendarKeeper:
    """Decides days while it holds the lease.

    Args:
        pool: For the lease's connection, and the rows.
        deployment: For the UTC offset and the partitions.
        grace_minutes: How long after midnight a day stays open for what comes late.
    """

    def __init__(self, pool: asyncpg.Pool, deployment: Deployment, *, grace_minutes: int) -> None:
        self._pool = pool
        self._deployment = deployment
        self._grace_minutes = grace_minutes
        self._sql = load_queries("fenxiao_catalog", schema="catalog")

    async def run(self, log: Log) -> None:
        """Look again and again until cancelled; a fault of a server is waited out."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._keep(connection, log)
            except (*TEMPORARY, TemporaryFault, asyncpg.RaiseError) as error:
                _LOG.warning("calendar waits", error=str(error))
                await asyncio.sleep(LOOK_S)

    async def _keep(self, connection: asyncpg.Connection, log: Log) -> None:
        holds_lease = False
        while True:
            holds_lease = holds_lease or await connection.fetchval(self._sql["take_calendar_lease"])
            if holds_lease:
                await self.close_due_days(connection, log, now_ms=time.time_ns() // 1_000_000)
            await asyncio.sleep(LOOK_S)

    async def close_due_days(self, connection: asyncpg.Connection, log: Log, *, now_ms: int) -> None:
        """Decide every day that is over at `now_ms`, in order, each where the log ends now."""
        today = business_day(now_ms - self._grace_minutes * MINUTE_MS, self._deployment.utc_offset_minutes)
        while (day := await connection.fetchval(self._sql["open_day"])) < today:
            bounds = [await log.bounds(COMMANDS.name, p) for p in range(self._deployment.partitions)]
            await connection.execute(self._sql["decide_day"], day, [end for _, end in bounds])
            _LOG.info("day decided", day=day)
