"""Which lists were made from which pools, so that a pool that changes makes only those dirty. `settle` asks it."""

from collections.abc import Iterable, Iterator

from fenxiao_matcher.core.lists import Direction, ListKey


class Readers:
    """The pools behind the last ranking of each list."""

    def __init__(self) -> None:
        self._lists: dict[tuple[Direction, str], dict[str, None]] = {}
        self._pools: dict[ListKey, tuple[str, ...]] = {}

    def note(self, key: ListKey, pools: tuple[str, ...]) -> None:
        """This list was just made from these pools."""
        direction, one = key
        before = self._pools.get(key, ())
        if before == pools:
            return
        for pool in before:
            self._lists[direction, pool].pop(one, None)
        for pool in pools:
            self._lists.setdefault((direction, pool), {})[one] = None
        self._pools[key] = pools

    def of(self, direction: Direction, pools: Iterable[str]) -> Iterator[ListKey]:
        """The lists that were made from any of these pools."""
        for pool in sorted(pools):
            for one in self._lists.get((direction, pool), ()):
                yield direction, one
