"""What was published last under each key, and whether a new list is worth a message. The `matcher` keeps one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fenxiao_matcher.core.facts import POINTS_MAX
from fenxiao_matcher.core.lists import ListKey, Row


@dataclass(frozen=True, slots=True)
class Published:
    """The last published list of a key.

    Attributes:
        revision: The highest that the log has.
        sound: The log's last record has that revision. If not, somebody wrote an older list over it.
    """

    revision: int
    rows: tuple[Row, ...]
    sound: bool = True


class Book:
    """The published lists, as the output topics have them."""

    def __init__(self) -> None:
        self._lists: dict[ListKey, Published] = {}

    def __len__(self) -> int:
        return len(self._lists)

    def __iter__(self) -> Iterator[ListKey]:
        return iter(self._lists)

    def get(self, key: ListKey) -> Published | None:
        """What was published last."""
        return self._lists.get(key)

    def put(self, key: ListKey, revision: int, rows: tuple[Row, ...]) -> None:
        """A list is in the log, after all that were put before."""
        old = self._lists.get(key)
        if old is None or revision > old.revision:
            self._lists[key] = Published(revision, rows)
        else:
            # Readers hold the higher revision, compaction will keep this one: only a newer one puts both right.
            self._lists[key] = Published(old.revision, old.rows, sound=False)

    def next_revision(self, key: ListKey) -> int:
        """The revision of the next list of this key."""
        old = self._lists.get(key)
        return 1 if old is None else old.revision + 1

    def showing(self, product_ids: set[str]) -> Iterable[ListKey]:
        """Recommendations that show any of these products: few products leave at a time, so a scan will do."""
        for key, published in self._lists.items():
            if key[0] == "recommendations" and any(row[0] in product_ids for row in published.rows):
                yield key

    def is_news(self, key: ListKey, rows: tuple[Row, ...], materiality_bps: int) -> bool:
        """Whether a list differs enough from the one published: other entries, order or tiers, or a score that moved."""
        old = self._lists.get(key)
        if old is None:
            return bool(rows)
        if not old.sound:
            return True
        if len(old.rows) != len(rows):
            return True
        return any(_moved(before, after, materiality_bps) for before, after in zip(old.rows, rows, strict=True))


def _moved(before: Row, after: Row, materiality_bps: int) -> bool:
    if before[0] != after[0] or before[2] != after[2]:
        return True
    change = abs(after[1] - before[1])
    return change > 0 and change * POINTS_MAX >= materiality_bps * before[1]
