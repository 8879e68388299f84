"""Measures one service from outside: its tables in PostgreSQL say when it began and when it was done."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg
from asyncpg.exceptions import PostgresError

from fenxiao_tools.bench.cores import Cores
from fenxiao_tools.bench.figures import Cost, percent
from fenxiao_tools.bench.usage import Usage, busy_s, family_cpu_s, usage_of
from fenxiao_tools.errors import ToolError

POLL_S = 0.01
STALL_S_MAX = 60.0
"""When nothing moved for so long, nobody is at work."""
_HOW_FAR = """
SELECT (SELECT count(*) FROM {service}.partitions) AS leased,
       (SELECT coalesce(sum(next_offset), 0)::bigint FROM {service}.partitions) AS done
"""
_LEFT = "SELECT (SELECT count(*) FROM {service}.outbox) + (SELECT count(*) FROM {service}.inbox)"
_DAYS_LEFT = """ + (
    SELECT count(*) FROM catalog.partitions LEFT JOIN catalog.calendar_progress USING (partition)
    WHERE coalesce(closed_day, -1) < (SELECT coalesce(max(day), -1) FROM catalog.calendar))
"""
"""Only the catalog closes days. One statement with the above, so that both are of one moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """One moment."""

    at_s: float
    usage: Usage
    core_s: float | None
    servers_core_s: float | None
    servers_cpu_s: float | None
    done: int


async def watch(
    connection: asyncpg.Connection,
    service: str,
    records: int,
    *,
    lead: int = 0,
    pid: int,
    cores: Cores,
    alive: Callable[[], None],
    timeout_s: float,
    progress: Callable[[str], None],
) -> Cost:
    """Wait until a service has caught up, and tell what it took from its first lease, or from the end of a lead-in, on.

    Args:
        connection: To the services' database.
        service: Its name, which is its schema's too.
        records: How many there are in its input, in all partitions.
        lead: When so many are done, the clock starts; 0: at the first lease.
        pid: Its process.
        cores: Who runs where.
        alive: Raises if the service has died.
        timeout_s: For how long at the most.
        progress: Takes a line whenever something has moved.

    Raises:
        ToolError: The service died, nothing has moved for `STALL_S_MAX`, or the time is over.
    """
    before, start = (0, 0), None
    deadline = (moved := time.monotonic()) + timeout_s
    while True:
        alive()
        now = await _how_far(connection, service)
        leased, done = now
        if start is None and leased and done >= lead:
            start = _mark(pid, cores, done)
        if start is not None and done >= records and not await _left(connection, service):
            return _cost(start, _mark(pid, cores, done))
        if now != before:
            before, moved = now, time.monotonic()
            progress(f"{done:,} of {records:,} records")
        if time.monotonic() > deadline:
            raise ToolError(f"the {service} was not done after {timeout_s:g} s: {done:,} of {records:,} records")
        if time.monotonic() > moved + STALL_S_MAX:
            raise ToolError(f"the {service} has not moved for {STALL_S_MAX:g} s: {done:,} of {records:,} records")
        await asyncio.sleep(POLL_S)


async def _how_far(connection: asyncpg.Connection, service: str) -> tuple[int, int]:
    try:
        row = await connection.fetchrow(_HOW_FAR.format(service=service))
    except PostgresError as error:
        raise ToolError(f"can't tell how far the {service} is: {error}") from error
    return row["leased"], row["done"]


async def _left(connection: asyncpg.Connection, service: str) -> int:
    """What is still to do when all input is read: asked only then, because to count costs the server something."""
    query = _LEFT.format(service=service) + (_DAYS_LEFT if service == "catalog" else "")
    return int(await connection.fetchval(query))


def _mark(pid: int, cores: Cores, done: int) -> _Mark:
    return _Mark(
        at_s=time.monotonic(),
        usage=usage_of(pid),
        core_s=busy_s(cores.measured),
        servers_core_s=busy_s(cores.servers),
        servers_cpu_s=family_cpu_s(without=pid),
        done=done,
    )


def _cost(start: _Mark, end: _Mark) -> Cost:
    seconds = end.at_s - start.at_s
    return Cost(
        seconds=round(seconds, 3),
        lead_records=start.done,
        cpu_s=_since(start.usage.cpu_s, end.usage.cpu_s),
        servers_cpu_s=_since(start.servers_cpu_s, end.servers_cpu_s),
        rss_mib=end.usage.rss_mib,
        rss_peak_mib=end.usage.rss_peak_mib,
        core_busy_pct=percent(_since(start.core_s, end.core_s), seconds),
        servers_core_busy_pct=percent(_since(start.servers_core_s, end.servers_core_s), seconds),
    )


def _since(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 2)
