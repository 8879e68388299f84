"""Servers that somebody else runs and the environment names; we only look whether they answer."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import asyncpg
from asyncpg.exceptions import InterfaceError, PostgresError

from fenxiao_tools.stack.model import Stack, StackError, UnavailableError
from fenxiao_tools.stack.waiting import accepts

KAFKA_VARIABLE = "FENXIAO_KAFKA_BOOTSTRAP_SERVERS"
POSTGRES_VARIABLE = "FENXIAO_POSTGRES_DSN"
ANSWER_S_MAX = 10.0


class Environment:
    """The servers of the two variables; one without the other is a mistake and is said."""

    def start(self) -> Stack:
        """Check both.

        Raises:
            UnavailableError: Neither is named.
            StackError: Only one is named, or one does not answer.
        """
        servers, dsn = os.environ.get(KAFKA_VARIABLE, ""), os.environ.get(POSTGRES_VARIABLE, "")
        if not servers and not dsn:
            raise UnavailableError("the environment names no servers")
        if not servers or not dsn:
            raise StackError(f"{KAFKA_VARIABLE} and {POSTGRES_VARIABLE} go together, and only one is set")
        check_kafka(servers)
        check_postgres(dsn)
        return Stack(bootstrap_servers=servers, postgres_dsn=dsn, origin="environment")

    def stop(self) -> None:
        """They are not ours to stop."""


def check_kafka(servers: str) -> None:
    """Look for one listening server. No more than that: it may ask for TLS or a login, which the services know of."""
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if host and port.isdigit() and accepts(host.strip("[]"), int(port), timeout_s=ANSWER_S_MAX):
            return
    raise StackError(f"no Kafka listens at {servers} (from {KAFKA_VARIABLE}; host:port, separated by commas)")


def check_postgres(dsn: str) -> None:
    """Connect once; the message leaves the DSN out, because it may hold a password."""
    # In a thread, because the caller may stand in a running event loop.
    with ThreadPoolExecutor(1) as thread:
        try:
            thread.submit(asyncio.run, _connect_once(dsn)).result()
        except (OSError, ValueError, PostgresError, InterfaceError) as error:
            raise StackError(f"PostgreSQL can't be reached at {POSTGRES_VARIABLE}: {error!r}") from error


async def _connect_once(dsn: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=ANSWER_S_MAX)
    await connection.close()
