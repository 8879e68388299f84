"""The scorer's tables in memory, for flow tests."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from fenxiao_runtime.memory import MemoryTransaction
from fenxiao_scorer.core import TierRows
from fenxiao_scorer.store import SNAPSHOTS_KEPT, Snapshot


class MemoryScorerStore:
    """The `ScorerStore` port.

    Args:
        policies: TOML by version.
    """

    def __init__(self, policies: Mapping[int, str]) -> None:
        self._policies = policies
        self._posts: dict[int, dict[int, bytes]] = defaultdict(dict)
        self._snapshots: dict[int, dict[int, bytes]] = defaultdict(dict)

    async def policy(self, tx: Any, version: int) -> str | None:
        """A policy's TOML."""
        del tx
        return self._policies.get(version)

    async def posts(self, tx: Any, day: int, wanted: int) -> list[bytes] | None:
        """What the partitions posted of a day, once `wanted` of them did."""
        del tx
        posts = [content for _, content in sorted(self._posts[day].items())]
        return posts if len(posts) >= wanted else None

    async def write(
        self, tx: MemoryTransaction, partition: int, rows: TierRows, post: tuple[int, bytes] | None
    ) -> None:
        """A post; nobody asks the memory for rows."""
        del rows
        if post is None:
            return
        day, content = post

        def change() -> None:
            self._posts[day].setdefault(partition, content)

        tx.write(change)

    async def snapshots(self, tx: Any, partition: int, until_offset: int) -> list[Snapshot]:
        """Snapshots not newer than an offset, the newest first."""
        del tx
        kept = sorted(self._snapshots[partition].items(), reverse=True)
        return [Snapshot(offset, content) for offset, content in kept if offset <= until_offset]

    async def save_snapshot(self, tx: MemoryTransaction, partition: int, snapshot: Snapshot) -> None:
        """Keep this one, and few before it."""

        def change() -> None:
            kept = self._snapshots[partition]
            kept[snapshot.next_offset] = snapshot.content
            for offset in sorted(kept)[:-SNAPSHOTS_KEPT]:
                del kept[offset]

        tx.write(change)

    def tear(self, partition: int) -> bool:
        """Cut the newest snapshot short, as a full disk would; whether there was one."""
        kept = self._snapshots[partition]
        if not kept:
            return False
        newest = max(kept)
        kept[newest] = kept[newest][: len(kept[newest]) // 2]
        return True
