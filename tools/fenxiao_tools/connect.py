"""Connections of the tools to Kafka and PostgreSQL, whose failures are one line for the person at the keyboard."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from aiokafka.errors import KafkaError
from asyncpg.exceptions import InterfaceError, PostgresError

from fenxiao_tools.errors import ToolError

POSTGRES_S_MAX = 10.0
_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


@asynccontextmanager
async def postgres(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to PostgreSQL for the length of the block.

    Raises:
        ToolError: It can't be reached, or the DSN is not one.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=POSTGRES_S_MAX)
    except (OSError, TimeoutError, ValueError, PostgresError, InterfaceError) as error:
        reason = str(error) or type(error).__name__
        raise ToolError(f"PostgreSQL can't be reached at {redact(dsn)}: {redact(reason)}") from error
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def kafka_errors(bootstrap_servers: str, doing: str) -> AsyncIterator[None]:
    """Turns what a Kafka client raises within the block into one line.

    Raises:
        ToolError: A Kafka client raised, among others because no broker answers.
    """
    try:
        yield
    except (KafkaError, OSError, ValueError, AssertionError) as error:
        reason = str(error) or type(error).__name__
        raise ToolError(f"Kafka at {bootstrap_servers}: {doing} failed: {reason}") from error


def redact(text: str) -> str:
    """The text without the password of a URL."""
    return _PASSWORD.sub(r"\1:***@", text)
