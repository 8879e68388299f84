"""Which lists may have changed, oldest first. `settle` fills it."""

from collections.abc import Iterable

from fenxiao_matcher.core.lists import ListKey


class Dirty:
    """Keys to rank again."""

    def __init__(self) -> None:
        self._urgent: dict[ListKey, None] = {}
        self._queue: dict[ListKey, None] = {}

    def __len__(self) -> int:
        return len(self._urgent) + len(self._queue)

    @property
    def urgent(self) -> int:
        """How many are urgent."""
        return len(self._urgent)

    def mark(self, keys: Iterable[ListKey], *, urgent: bool = False) -> None:
        """These lists may have changed. Urgent ones show what may no longer be shown."""
        queue = self._urgent if urgent else self._queue
        for key in keys:
            queue.setdefault(key, None)

    def take(self, limit: int, *, urgent: bool = False) -> list[ListKey]:
        """The next keys to rank, at most `limit`, each once; only urgent ones, or those first."""
        taken: list[ListKey] = []
        while len(taken) < limit and (self._urgent or (self._queue and not urgent)):
            queue = self._urgent or self._queue
            key = next(iter(queue))
            del queue[key]
            self._queue.pop(key, None)
            taken.append(key)
        return taken
