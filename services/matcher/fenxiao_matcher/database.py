"""PostgreSQL: the lock of the one matcher that publishes, and the content of a policy. `publisher` holds one.

The lock is an advisory one of the session: it is gone with the connection, so nobody has to clean up after a matcher that
died. It needs a session of its own, so no transaction pooler between.
"""

from typing import Any

import asyncpg

from fenxiao_runtime.errors import TemporaryFault
from fenxiao_runtime.store import TEMPORARY
from fenxiao_schemas.policy import Policy, PolicyError, parse_policy

LOCK_KEY = 0x66_65_6E_6D_61_74_63_68
"""`fenmatch` in ASCII."""
TIMEOUT_S = 5.0
# A server that no longer hears from our host must free the lock in seconds, not in the two hours of TCP's default.
_KEEPALIVE = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"}


class Database:
    """One connection, made again when it was lost."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None

    async def try_lock(self) -> bool:
        """Take the lock if it is free; raises `TemporaryFault`."""
        await self._connect()
        return bool(await self._ask("SELECT pg_try_advisory_lock($1)", LOCK_KEY))

    async def check_lock(self) -> None:
        """Raise `TemporaryFault` if the session that took the lock is gone, and the lock with it."""
        held = await self._ask(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            " AND (classid::bigint << 32) + objid::bigint = $1 AND granted",
            LOCK_KEY,
        )
        if not held:
            raise TemporaryFault("PostgreSQL: the lock is gone")

    async def read_policy(self, version: int) -> Policy:
        """The content of a policy; raises `TemporaryFault` also if there is none (yet) or it can't be read."""
        content = await self._ask("SELECT content FROM catalog.policies WHERE version = $1", version)
        if content is None:
            raise TemporaryFault(f"PostgreSQL: there is no policy {version}")
        try:
            return parse_policy(content)
        except PolicyError as error:
            raise TemporaryFault(f"PostgreSQL: policy {version}: {error}") from error

    async def close(self) -> None:
        """Disconnect, which frees the lock."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _connect(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        try:
            self._connection = await asyncpg.connect(
                self._dsn, timeout=TIMEOUT_S, command_timeout=TIMEOUT_S, server_settings=_KEEPALIVE
            )
        except (*TEMPORARY, asyncpg.PostgresError) as error:
            raise _fault(error) from error

    async def _ask(self, statement: str, *arguments: Any) -> Any:
        """Ask on the connection that is, never on a new one: that would be without the lock."""
        if self._connection is None:
            raise TemporaryFault("PostgreSQL: the connection that held the lock is gone")
        try:
            return await self._connection.fetchval(statement, *arguments)
        except (*TEMPORARY, asyncpg.PostgresError) as error:
            await self.close()
            raise _fault(error) from error


def _fault(error: BaseException) -> TemporaryFault:
    return TemporaryFault(f"PostgreSQL: {' '.join(str(error).split()) or type(error).__name__}")
