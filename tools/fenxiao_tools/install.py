"""Makes a deployment out of an empty Kafka and PostgreSQL: topics, tables, the deployment's fixed numbers, the policy.

Everything is checked before anything is made, and installing again with the same values changes nothing. `feed` and
the services come next; they find here what can never change: the partition count, the first day, the UTC offset and
the currency.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import asyncpg
from asyncpg.exceptions import PostgresError

from fenxiao_schemas.base import DAY_MAX
from fenxiao_schemas.policy import Policy, PolicyError, parse_policy
from fenxiao_tools.connect import postgres, redact
from fenxiao_tools.create_topics import check_topics, create_topics
from fenxiao_tools.errors import ToolError
from fenxiao_tools.migrate import MigrationError, migrate

SERVICES = ("runtime", "catalog", "scorer", "matcher")
"""Whose migrations run, in this order: the services' use the runtime's functions."""
PARTITIONS_MAX = 9_999
UTC_OFFSET_MINUTES_MAX = 14 * 60
_COLUMNS = (
    "partitions", "first_day", "utc_offset_minutes", "currency", "policy_version", "algorithm_version",
    "calendar_keeper",
)  # fmt: skip
_LIST = ", ".join(_COLUMNS)
INSERT_POLICY = "INSERT INTO catalog.policies (version, algorithm_version, content) VALUES ($1, $2, $3)"
CalendarKeeper = Literal["clock", "feed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The one row of `catalog.deployment`."""

    partitions: int
    first_day: int
    utc_offset_minutes: int
    currency: str
    policy_version: int
    algorithm_version: int
    calendar_keeper: CalendarKeeper = "feed"


async def install(
    bootstrap_servers: str,
    postgres_dsn: str,
    *,
    partitions: int,
    first_day: int,
    utc_offset_minutes: int = 480,
    currency: str,
    policy_text: str,
    calendar_keeper: CalendarKeeper = "feed",
    report: Callable[[str], None],
) -> None:
    """Install a deployment, or confirm that this very one is installed.

    Args:
        bootstrap_servers: Kafka's, as aiokafka takes them.
        postgres_dsn: A libpq URL.
        partitions: The shared partition count, for ever.
        first_day: The first business day, in days since 1970-01-01.
        utc_offset_minutes: Where a business day begins, in minutes east of UTC.
        currency: The only one that prices and payments may have.
        policy_text: The first policy, as TOML.
        calendar_keeper: Who closes days: the catalog by the `clock`, or whoever feeds it (data of the past).
        report: Takes one line of progress at a time.

    Raises:
        ToolError: A value is not valid, a server can't be reached, or another deployment is installed there.
    """
    policy = _parse(policy_text)
    wanted = Deployment(
        partitions=partitions,
        first_day=first_day,
        utc_offset_minutes=utc_offset_minutes,
        currency=currency,
        policy_version=policy.version,
        algorithm_version=policy.algorithm_version,
        calendar_keeper=calendar_keeper,
    )
    _check_values(wanted)
    async with postgres(postgres_dsn) as connection:
        await _check_installed(connection, wanted, policy_text)
        missing = await check_topics(bootstrap_servers, partitions)
        if missing:
            report(f"creating {len(missing)} topics of {partitions} partitions")
            await create_topics(bootstrap_servers, missing, partitions)
        await _migrate(postgres_dsn, report)
        await _write(connection, wanted, policy_text)
    report(f"installed: {partitions} partitions, {currency}, policy {policy.version}")


def _parse(policy_text: str) -> Policy:
    try:
        return parse_policy(policy_text)
    except PolicyError as error:
        raise ToolError(str(error)) from error


def _check_values(wanted: Deployment) -> None:
    if not 1 <= wanted.partitions <= PARTITIONS_MAX:
        raise ToolError(f"partitions must be 1 to {PARTITIONS_MAX}, not {wanted.partitions}")
    if not 0 <= wanted.first_day <= DAY_MAX:
        raise ToolError(f"the first day must be 0 to {DAY_MAX}, not {wanted.first_day}")
    if abs(wanted.utc_offset_minutes) > UTC_OFFSET_MINUTES_MAX:
        raise ToolError(
            f"the UTC offset must be within {UTC_OFFSET_MINUTES_MAX} minutes, not {wanted.utc_offset_minutes}"
        )
    if not re.fullmatch(r"[A-Z]{3}", wanted.currency):
        raise ToolError(f"{wanted.currency!r} is not a currency: three capital letters are")


async def _migrate(dsn: str, report: Callable[[str], None]) -> None:
    for service in SERVICES:
        directory = Path(str(resources.files(f"fenxiao_{service}"))) / "sql" / "migrations"
        if service == "matcher" and not any(directory.glob("*.sql")):
            continue  # it may have no tables of its own
        try:
            applied = await asyncio.to_thread(migrate, dsn, service, directory)
        except MigrationError as error:
            raise ToolError(str(error)) from error
        if applied:
            report(f"migrated {service}: {', '.join(applied)}")


async def publish_policy(postgres_dsn: str, policy_text: str) -> int:
    """Add a policy, newer than all there are; days that are decided from now on name it. Returns its version.

    Raises:
        ToolError: It is not valid or not newer, or nothing is installed there.
    """
    policy = _parse(policy_text)
    async with postgres(postgres_dsn) as connection, connection.transaction():
        if await read_deployment(connection) is None:
            raise ToolError("nothing is installed there yet; run `fenxiao install`")
        await connection.execute("LOCK TABLE catalog.policies IN EXCLUSIVE MODE")
        newest = await connection.fetchval("SELECT max(version) FROM catalog.policies")
        if policy.version <= newest:
            raise ToolError(f"policy {newest} is there already: a changed policy needs a higher version")
        await connection.execute(INSERT_POLICY, policy.version, policy.algorithm_version, policy_text)
    return policy.version


async def read_deployment(connection: asyncpg.Connection) -> Deployment | None:
    """The installed deployment, or None."""
    if await connection.fetchval("SELECT to_regclass('catalog.deployment')") is None:
        return None
    row = await connection.fetchrow(f"SELECT {_LIST} FROM catalog.deployment")  # noqa: S608 - our own names
    return None if row is None else Deployment(**dict(row))


async def _check_installed(connection: asyncpg.Connection, wanted: Deployment, policy_text: str) -> bool:
    """Whether it is installed already; raises if another one is."""
    installed = await read_deployment(connection)
    if installed is None:
        return False
    differing = [
        f"{column} is {getattr(installed, column)}, not {getattr(wanted, column)}"
        for column in _COLUMNS
        if getattr(installed, column) != getattr(wanted, column)
    ]
    if differing:
        raise ToolError(f"another deployment is installed there: {'; '.join(differing)}")
    content = await connection.fetchval(
        "SELECT content FROM catalog.policies WHERE version = $1", wanted.policy_version
    )
    if content is not None and content != policy_text:
        raise ToolError(
            f"policy {wanted.policy_version} is installed with other content: a changed policy needs a new version"
        )
    return content is not None


async def _write(connection: asyncpg.Connection, wanted: Deployment, policy_text: str) -> None:
    try:
        async with connection.transaction():
            # Two installs at once: the second waits, then sees the first one's row.
            await connection.execute("LOCK TABLE catalog.deployment IN EXCLUSIVE MODE")
            if await _check_installed(connection, wanted, policy_text):
                return
            await connection.execute(INSERT_POLICY, wanted.policy_version, wanted.algorithm_version, policy_text)
            if await read_deployment(connection) is None:
                values = [getattr(wanted, column) for column in _COLUMNS]
                insert = f"INSERT INTO catalog.deployment ({_LIST}) VALUES ($1, $2, $3, $4, $5, $6, $7)"  # noqa: S608
                await connection.execute(insert, *values)
    except PostgresError as error:
        raise ToolError(f"the deployment could not be written: {redact(str(error))}") from error
