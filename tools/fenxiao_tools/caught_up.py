"""Waits until the services have worked off the log, as their tables in PostgreSQL tell; `feed` asks for it.

First the catalog (all commands read, all days closed, nothing left to publish), then the scorer: its input is complete
only when the catalog is done.
"""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
from asyncpg.exceptions import PostgresError

from fenxiao_schemas.topics import COMMANDS, EVENTS
from fenxiao_tools.errors import ToolError

STALL_S_MAX = 60.0
"""When nothing moved for so long, nobody is at work."""
_POLL_S = 0.1

EndOffsets = Callable[[str], Awaitable[list[int]]]


async def await_caught_up(
    connection: asyncpg.Connection, end_offsets: EndOffsets, timeout_s: float, progress: Callable[[str], None]
) -> None:
    """Wait for the catalog and the scorer.

    Args:
        connection: To the services' database.
        end_offsets: Gives the ends of the partitions of a topic.
        timeout_s: For how long at the most.
        progress: Takes a line that says what is waited for, whenever it changes.

    Raises:
        ToolError: The time is over, or nothing has moved for `STALL_S_MAX`.
    """
    clock = asyncio.get_running_loop().time
    deadline, moved, said = clock() + timeout_s, clock(), ""
    while waits := await _what_is_left(connection, end_offsets):
        if waits != said:
            progress(waits)
            moved, said = clock(), waits
        if clock() > deadline:
            raise ToolError(f"not caught up after {timeout_s:g} s: {waits}")
        if clock() > moved + STALL_S_MAX:
            raise ToolError(f"nothing has moved for {STALL_S_MAX:g} s (are the services running?): {waits}")
        await asyncio.sleep(_POLL_S)


async def _what_is_left(connection: asyncpg.Connection, end_offsets: EndOffsets) -> str:
    """One line; empty if nothing is."""
    try:
        return (
            await _left_to_read(connection, "catalog", await end_offsets(COMMANDS.name), "commands")
            or await _left_to_close(connection)
            or await _left_in(connection, "catalog.inbox", "facts to hand on in the catalog")
            or await _left_in(connection, "catalog.outbox", "batches to publish in the catalog")
            or await _left_to_read(connection, "scorer", await end_offsets(EVENTS.name), "events")
            or await _left_in(connection, "scorer.outbox", "batches to publish in the scorer")
        )
    except PostgresError as error:
        raise ToolError(f"can't tell how far the services are: {error}") from error


async def _left_to_read(connection: asyncpg.Connection, service: str, ends: list[int], what: str) -> str:
    rows = await connection.fetch(f"SELECT partition, next_offset FROM {service}.partitions")  # noqa: S608 - ours
    done = {row["partition"]: row["next_offset"] for row in rows}
    left = sum(max(0, end - done.get(partition, 0)) for partition, end in enumerate(ends))
    return f"the {service} has {left:,} of {sum(ends):,} {what} to read" if left else ""


async def _left_to_close(connection: asyncpg.Connection) -> str:
    last = await connection.fetchval("SELECT max(day) FROM catalog.calendar")
    if last is None:
        return ""
    partitions = await connection.fetchval("SELECT partitions FROM catalog.deployment")
    done = await connection.fetchval("SELECT count(*) FROM catalog.calendar_progress WHERE closed_day >= $1", last)
    left = partitions - done
    return f"day {last} is still to be closed in {left} of {partitions} partitions" if left else ""


async def _left_in(connection: asyncpg.Connection, table: str, what: str) -> str:
    left = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own names
    return f"{left:,} {what}" if left else ""
