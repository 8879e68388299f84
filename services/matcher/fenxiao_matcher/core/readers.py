"""What each list was made from, so that a change makes only those lists dirty that looked at it. `settle` asks it."""

from collections.abc import Iterable, Iterator

import numpy as np

from fenxiao_matcher.core.lists import Direction, ListKey
from fenxiao_matcher.core.names import Flags, Ints


class Index:
    """Numbers of nodes by list: some four bytes a node, at most a few hundred nodes a list."""

    def __init__(self) -> None:
        self._read: dict[str, np.ndarray[tuple[int], np.dtype[np.int32]]] = {}

    def note(self, one: str, numbers: Ints) -> None:
        """The list of `one` depends on these."""
        self._read[one] = numbers.astype(np.int32)

    def of(self, changed: Flags) -> list[str]:
        """Whose lists depend on any that changed."""
        if not self._read or not changed.any():
            return []
        owners = np.repeat(np.arange(len(self._read)), [len(numbers) for numbers in self._read.values()])
        hit = np.unique(owners[changed[np.concatenate(list(self._read.values()))]])
        ids = list(self._read)
        return [ids[number] for number in hit.tolist()]


class Readers:
    """What was behind the last ranking of each list.

    Attributes:
        peers: The nodes that its walk went through.
        candidates: What was weighed for it.
    """

    def __init__(self) -> None:
        self.peers: dict[Direction, Index] = {"recommendations": Index(), "invitations": Index()}
        self.candidates: dict[Direction, Index] = {"recommendations": Index(), "invitations": Index()}
        self._lists: dict[tuple[Direction, str], dict[str, None]] = {}
        self._pools: dict[ListKey, tuple[str, ...]] = {}

    def note(self, key: ListKey, pools: tuple[str, ...], peers: Ints, candidates: Ints) -> None:
        """This list was just made from these."""
        direction, one = key
        self.peers[direction].note(one, peers)
        self.candidates[direction].note(one, candidates)
        before = self._pools.get(key, ())
        if before == pools:
            return
        for pool in before:
            self._lists[direction, pool].pop(one, None)
        for pool in pools:
            self._lists.setdefault((direction, pool), {})[one] = None
        self._pools[key] = pools

    def of_pools(self, direction: Direction, pools: Iterable[str]) -> Iterator[ListKey]:
        """The lists that were made from any of these pools."""
        for pool in sorted(pools):
            for one in self._lists.get((direction, pool), ()):
                yield direction, one
