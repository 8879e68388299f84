"""The scorer's tables: posts that all partitions share, policies, tier rows, snapshots."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fenxiao_runtime.queries import load_queries
from fenxiao_scorer.core import TierRows

SNAPSHOT_CHUNK_BYTES = 1 << 20
SNAPSHOTS_KEPT = 2
"""The newest may be torn; then the one before it serves."""

_CURRENT = ("product_ids", "revisions", "days", "tiers", "scores", "evidences")
_HISTORY = ("product_ids", "revisions", "days", "causes", "tiers", "previous_tiers", "scores")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stored state as of an offset; its bytes carry their own checksum."""

    next_offset: int
    content: bytes


class ScorerStore(Protocol):
    """What the service asks of its tables."""

    async def policy(self, tx: Any, version: int) -> str | None:
        """A policy's TOML."""
        ...

    async def posts(self, tx: Any, day: int, wanted: int) -> list[bytes] | None:
        """What the partitions posted of a day, once `wanted` of them did."""
        ...

    async def write(self, tx: Any, partition: int, rows: TierRows, post: tuple[int, bytes] | None) -> None:
        """Tier rows and, with a close's last step, the partition's post."""
        ...

    async def snapshots(self, tx: Any, partition: int, until_offset: int) -> list[Snapshot]:
        """Snapshots not newer than an offset, the newest first."""
        ...

    async def save_snapshot(self, tx: Any, partition: int, snapshot: Snapshot) -> None:
        """Keep this one, and few before it."""
        ...


class PostgresScorerStore:
    """On PostgreSQL."""

    def __init__(self) -> None:
        self._sql = load_queries("fenxiao_scorer", schema="scorer")

    async def policy(self, tx: Any, version: int) -> str | None:
        """A policy's TOML."""
        content: str | None = await tx.fetchval(self._sql["policy"], version)
        return content

    async def posts(self, tx: Any, day: int, wanted: int) -> list[bytes] | None:
        """What the partitions posted of a day, once `wanted` of them did."""
        if await tx.fetchval(self._sql["count_posts"], day) < wanted:
            return None
        return [row["content"] for row in await tx.fetch(self._sql["posts"], day)]

    async def write(self, tx: Any, partition: int, rows: TierRows, post: tuple[int, bytes] | None) -> None:
        """Tier rows and, with a close's last step, the partition's post."""
        if rows:
            await tx.execute(self._sql["save_current"], *_columns(rows, _CURRENT, _last(rows)))
            await tx.execute(self._sql["save_history"], *_columns(rows, _HISTORY, range(len(rows))))
        if post is not None:
            await tx.execute(self._sql["save_post"], post[0], partition, post[1])

    async def snapshots(self, tx: Any, partition: int, until_offset: int) -> list[Snapshot]:
        """Snapshots not newer than an offset, the newest first; one with a chunk missing is left out."""
        rows = await tx.fetch(self._sql["snapshots"], partition, until_offset)
        return [
            Snapshot(row["next_offset"], b"".join(row["contents"]))
            for row in rows
            if len(row["contents"]) == row["chunks"]
        ]

    async def save_snapshot(self, tx: Any, partition: int, snapshot: Snapshot) -> None:
        """Keep this one, and few before it."""
        content = snapshot.content
        chunks = [content[at : at + SNAPSHOT_CHUNK_BYTES] for at in range(0, len(content), SNAPSHOT_CHUNK_BYTES)]
        await tx.execute(self._sql["save_snapshot"], partition, snapshot.next_offset, chunks, len(chunks))
        await tx.execute(self._sql["drop_snapshots"], partition, SNAPSHOTS_KEPT)


def _last(rows: TierRows) -> Sequence[int]:
    """The places of each product's last row: a step may hold several revisions of it, and the last one is current."""
    last = dict(zip(rows.product_ids, range(len(rows)), strict=True))
    return range(len(rows)) if len(last) == len(rows) else list(last.values())


def _columns(rows: TierRows, names: Sequence[str], places: Sequence[int]) -> list[list[Any]]:
    columns: list[list[Any]] = [getattr(rows, name) for name in names]
    if len(places) == len(rows):
        return columns
    return [[column[place] for place in places] for column in columns]
