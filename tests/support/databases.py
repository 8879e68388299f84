"""New, empty databases on the stack's PostgreSQL."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from fenxiao_tools.migrate import migrate


@asynccontextmanager
async def new_database(dsn: str) -> AsyncIterator[str]:
    """The DSN of a new database, dropped afterwards, whoever is still connected."""
    name = f"test_{secrets.token_hex(6)}"
    await _execute(dsn, f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    finally:
        await _execute(dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(dsn: str, statement: str) -> None:
    """On a connection of its own: a test may have killed the server under an older one."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def migrate_services(dsn: str, *services: str) -> None:
    """Apply the migrations of these services."""
    for service in services:
        migrate(dsn, service, Path(str(resources.files(f"fenxiao_{service}"))) / "sql" / "migrations")
