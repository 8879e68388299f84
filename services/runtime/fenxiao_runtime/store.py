"""The `Store` port on PostgreSQL: one row a partition, changed by compare-and-set. The relay's tables are here too."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from fenxiao_runtime.errors import Fenced, TemporaryFault
from fenxiao_runtime.ports import OutboxRow, Position
from fenxiao_runtime.queries import load_queries

TEMPORARY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InternalClientError,
)
"""What may pass: connections lost, the server restarting or out of resources, deadlocks and serialisation failures."""
COMMAND_TIMEOUT_S = 60.0


async def connect_pool(dsn: str, size: int) -> asyncpg.Pool:
    """A pool of connections; raises `TemporaryFault` when the database cannot be reached."""
    try:
        return await asyncpg.create_pool(dsn, min_size=1, max_size=size, command_timeout=COMMAND_TIMEOUT_S)
    except (*TEMPORARY, ValueError, OverflowError) as error:  # the latter two: the DSN is none
        raise TemporaryFault(f"PostgreSQL: {_line(error)}") from error


class PostgresStore:
    """Positions, leases and the outbox of one service.

    Args:
        pool: Shared by all its partitions.
        schema: The service's own.
        outputs: How many topics it writes.
    """

    def __init__(self, pool: asyncpg.Pool, *, schema: str, outputs: int) -> None:
        self._pool = pool
        self._sql = load_queries("fenxiao_runtime", schema=schema)
        self._outputs = outputs

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """A transaction at READ COMMITTED."""
        async with self._connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            async with self._pool.acquire() as connection:
                yield connection
        except TEMPORARY as error:
            raise TemporaryFault(f"PostgreSQL: {_line(error)}") from error

    async def take_lease(self, partition: int, owner: str) -> Position:
        """Raise the epoch, and read the row."""
        async with self.transaction() as tx:
            row = await tx.fetchrow(self._sql["take_lease"], partition, owner, [0] * self._outputs)
        return _position(row)

    async def read_position(self, partition: int) -> Position | None:
        """Read the row."""
        async with self.transaction() as tx:
            row = await tx.fetchrow(self._sql["read_position"], partition)
        return None if row is None else _position(row)

    async def lock(self, tx: Any, partition: int, position: Position) -> None:
        """The compare; raises `Fenced`."""
        found = await tx.fetchval(
            self._sql["lock_position"], partition, position.epoch, position.next_offset, position.step
        )
        if found is None:
            raise Fenced(
                f"partition {partition}: epoch {position.epoch} at offset {position.next_offset} is not current"
            )

    async def save(self, tx: Any, partition: int, position: Position, row: OutboxRow | None) -> None:
        """The set, and the outbox row beside it."""
        columns = (
            partition,
            position.epoch,
            position.next_offset,
            position.step,
            position.step_size,
            position.mark,
            position.out_seqs,
            position.outbox_id,
        )
        if row is None:
            await tx.execute(self._sql["save_position"], *columns)
        else:
            await tx.execute(self._sql["save_position_and_row"], *columns, row.id, row.payload)

    async def read_relay(self, partition: int) -> tuple[int, tuple[int, ...]]:
        """The last outbox row known to be relayed, and the next offset of each output log then."""
        async with self.transaction() as tx:
            row = await tx.fetchrow(self._sql["read_relay"], partition, [0] * self._outputs)
        return row["relayed_id"], tuple(row["next_offsets"])

    async def read_outbox(self, partition: int, after: int, limit: int) -> list[OutboxRow]:
        """Rows not yet relayed, in order."""
        async with self.transaction() as tx:
            rows = await tx.fetch(self._sql["read_outbox"], partition, after, limit)
        return [OutboxRow(row["id"], row["payload"]) for row in rows]

    async def mark_relayed(self, partition: int, row_id: int, next_offsets: Sequence[int]) -> None:
        """Rows up to this one are in the log: mark, then forget them."""
        async with self._connection() as connection:
            await connection.execute(self._sql["mark_relayed"], partition, row_id, next_offsets)


def _position(row: Any) -> Position:
    return Position(
        epoch=row["lease_epoch"],
        next_offset=row["next_offset"],
        step=row["step"],
        step_size=row["step_size"],
        mark=row["mark"],
        out_seqs=tuple(row["out_seqs"]),
        outbox_id=row["outbox_id"],
    )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
