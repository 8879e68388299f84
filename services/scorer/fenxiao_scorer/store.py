"""The scorer's tables: posts that all partitions share, policies, tier rows, snapshots."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fenxiao_runtime.queries import load_queries
from fenxiao_scorer.core import TierRow

SNAPSHOT_CHUNK_BYTES = 1 << 20
SNAPSHOTS_KEPT = 2
"""The newest may be torn; then the one before it serves."""

_CURRENT = ("product_id", "revision", "day", "tier", "score_bps", "evidence")
_HISTORY = ("product_id", "revision", "day", "cause", "tier", "previous_tier", "score_bps")


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

    async def write(self, tx: Any, partition: int, rows: Sequence[TierRow], post: tuple[int, bytes] | None) -> None:
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

    async def write(self, tx: Any, partition: int, rows: Sequence[TierRow], post: tuple[int, bytes] | None) -> None:
        """Tier rows and, with a close's last step, the partition's post."""
        if rows:
            # A step may hold several revisions of a product: the last one is current.
            last = list({row.product_id: row for row in rows}.values())
            await tx.execute(self._sql["save_current"], *_columns(last, _CURRENT))
        changed = [row for row in rows if row.is_history]
        if changed:
            await tx.execute(self._sql["save_history"], *_columns(changed, _HISTORY))
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


def _columns(rows: Sequence[TierRow], fields: Sequence[str]) -> list[list[Any]]:
    return [[getattr(row, field) for row in rows] for field in fields]
