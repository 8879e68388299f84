"""What the services' tables say of one moment: how far each partition is committed, its snapshot, and every current tier.

One transaction reads it all, so that the services may go on meanwhile. Nothing is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg
from asyncpg.exceptions import PostgresError
from msgspec.structs import replace

from fenxiao_schemas.policy import Policy, PolicyError, parse_policy
from fenxiao_scorer.core import SnapshotError, restore
from fenxiao_scorer.store import PostgresScorerStore
from fenxiao_tools.connect import postgres
from fenxiao_tools.errors import ToolError
from fenxiao_tools.rebuilding.folding import Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far the scorer is in a partition.

    Attributes:
        next_offset: Of `catalog.events`.
        step: How many steps of the record there are committed already, of up to `step_size` messages each.
        mark: The `seq` of the last event folded.
        tier_seq: That of the last tier message.
    """

    next_offset: int = 0
    step: int = 0
    step_size: int = 0
    mark: int = 0
    tier_seq: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """A partition's last good snapshot."""

    next_offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `scorer.tier_current`."""

    revision: int
    day: int
    tier: int
    score_bps: int
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The moment.

    Attributes:
        first_day: The calendar's.
        closed_day: The last day that the scorer has closed in every partition; None before the first.
        policies: By version.
        positions: By partition.
        snapshots: By partition; None where there is no good one.
        torn: Snapshots that are no good: the partition, the offset, and why.
        rows: `scorer.tier_current`, by product.
    """

    first_day: int
    closed_day: int | None
    policies: Mapping[int, Policy]
    positions: list[Position]
    snapshots: list[Kept | None] = field(default_factory=list)
    torn: list[tuple[int, int, str]] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)

    def policy(self, version: int) -> Policy:
        """A policy by its version; raises `ToolError`."""
        if version not in self.policies:
            raise ToolError(f"the log asks for policy {version}, which PostgreSQL doesn't hold")
        return self.policies[version]


def instead(policy: Policy) -> Policies:
    """One policy in the place of every version."""
    return lambda version: replace(policy, version=version)


async def read_live(dsn: str, *, states: bool) -> Live:
    """Read it.

    Args:
        dsn: PostgreSQL.
        states: Whether to read snapshots and current tiers too.

    Raises:
        ToolError: PostgreSQL can't be reached, or Fenxiao is not installed there.
    """
    async with postgres(dsn) as connection:
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await _read(connection, states=states)
        except PostgresError as error:
            raise ToolError(f"PostgreSQL has no state of the scorer ({error}): is Fenxiao installed there?") from error


async def _read(connection: asyncpg.Connection, *, states: bool) -> Live:
    deployment = await connection.fetchrow("SELECT partitions, first_day FROM catalog.deployment")
    if deployment is None:
        raise ToolError("PostgreSQL has no deployment: is Fenxiao installed there?")
    count = deployment["partitions"]
    positions = await _positions(connection, count)
    snapshots, torn = await _snapshots(connection, positions) if states else ([], [])
    return Live(
        first_day=deployment["first_day"],
        closed_day=await _closed_day(connection, count),
        policies=await _policies(connection),
        positions=positions,
        snapshots=snapshots,
        torn=torn,
        rows=await _rows(connection) if states else {},
    )


async def _positions(connection: asyncpg.Connection, count: int) -> list[Position]:
    found = {
        row["partition"]: Position(
            next_offset=row["next_offset"],
            step=row["step"],
            step_size=row["step_size"],
            mark=row["mark"],
            tier_seq=row["out_seqs"][0],
        )
        for row in await connection.fetch("SELECT * FROM scorer.partitions")
    }
    return [found.get(number, Position()) for number in range(count)]


async def _closed_day(connection: asyncpg.Connection, count: int) -> int | None:
    rows = await connection.fetch("SELECT max(day) AS last FROM scorer.posts GROUP BY partition")
    return min(row["last"] for row in rows) if len(rows) == count else None


async def _policies(connection: asyncpg.Connection) -> dict[int, Policy]:
    known = {}
    for row in await connection.fetch("SELECT version, content FROM catalog.policies"):
        try:
            known[row["version"]] = parse_policy(row["content"])
        except PolicyError as error:
            raise ToolError(f"policy {row['version']} in PostgreSQL: {error}") from error
    return known


async def _snapshots(
    connection: asyncpg.Connection, positions: list[Position]
) -> tuple[list[Kept | None], list[tuple[int, int, str]]]:
    """The newest good one of each partition, as a start of the scorer would choose it."""
    store, good, torn = PostgresScorerStore(), list[Kept | None](), list[tuple[int, int, str]]()
    for number, position in enumerate(positions):
        chosen = None
        for kept in await store.snapshots(connection, number, position.next_offset):
            try:
                restore(kept.content)
            except SnapshotError as error:
                torn.append((number, kept.next_offset, str(error)))
                continue
            chosen = Kept(kept.next_offset, kept.content)
            break
        good.append(chosen)
    return good, torn


async def _rows(connection: asyncpg.Connection) -> dict[str, Row]:
    columns = "product_id, revision, day, tier, score_bps, evidence"
    rows = await connection.fetch(f"SELECT {columns} FROM scorer.tier_current")  # noqa: S608 - our own names
    return {product_id: Row(*values) for product_id, *values in rows}
