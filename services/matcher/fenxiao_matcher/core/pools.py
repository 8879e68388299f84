"""Pools: the best products (or creators) of each category, for lists that the walk cannot fill. `views` keeps them."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping

import numpy as np

from fenxiao_matcher.core.names import Ints, Names

POOL_MAX = 64
"""How many of a pool anyone looks at."""
EVERYTHING = ""
"""The key of the pool that all are in."""


class Pool:
    """Ids in the order of their rank, best first, ties by id."""

    def __init__(self) -> None:
        self._order: list[tuple[int, str]] = []
        self._ranks: dict[str, int] = {}

    def top(self) -> list[str]:
        """The best `POOL_MAX`."""
        return [one for _, one in self._order[:POOL_MAX]]

    def put(self, one: str, rank: int) -> bool:
        """Put it in or move it; returns whether it was or is among the best, whose readers may see a change."""
        seen = self.drop(one)
        entry = (-rank, one)
        seen = bisect_left(self._order, entry) < POOL_MAX or seen
        insort(self._order, entry)
        self._ranks[one] = rank
        return seen

    def drop(self, one: str) -> bool:
        """Take it out, if it is in; returns whether it was among the best."""
        rank = self._ranks.pop(one, None)
        if rank is None:
            return False
        index = bisect_left(self._order, (-rank, one))
        del self._order[index]
        return index < POOL_MAX


class Pools:
    """A pool per category path, and one of everything. `names` has the numbers of the ids."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._pools: dict[str, Pool] = {}
        self._tops: dict[str, Ints] = {}

    def top(self, key: str) -> Ints:
        """The numbers of the best of a pool."""
        top = self._tops.get(key)
        if top is None:
            pool = self._pools.get(key)
            numbers = [self._names.number(one) for one in pool.top()] if pool else []
            top = self._tops[key] = np.array(numbers, np.int64)
        return top

    def fill(self, entries: Mapping[str, Iterable[tuple[int, str]]]) -> None:
        """Start anew from (rank, id) pairs per key: sorted once, instead of moved one by one."""
        self._pools, self._tops = {}, {}
        for key, pairs in entries.items():
            pool = self._pools[key] = Pool()
            pool._ranks = {one: rank for rank, one in pairs}  # noqa: SLF001 - this module's own
            pool._order = sorted((-rank, one) for one, rank in pool._ranks.items())  # noqa: SLF001

    def move(self, one: str, old_keys: Iterable[str], new_keys: Iterable[str], rank: int) -> set[str]:
        """Move it from some pools to others; returns the keys whose readers may see a change."""
        new = set(new_keys)
        seen = {key for key in set(old_keys) - new if self._pool(key).drop(one)}
        seen |= {key for key in new if self._pool(key).put(one, rank)}
        for key in seen:
            self._tops.pop(key, None)
        return seen

    def _pool(self, key: str) -> Pool:
        return self._pools.setdefault(key, Pool())
