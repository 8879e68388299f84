"""Which lists may have changed, oldest first, and which nodes' surroundings are still to be looked up. `settle` fills it.

Finding everybody who is three steps from a sale costs far more than folding it. So the touched nodes are only noted, and
looked up once the lists that wait already are done: edges only ever come (until a day close, when all is dirty), so nobody
is missed.
"""

from collections.abc import Iterable

from fenxiao_matcher.core.lists import ListKey
from fenxiao_matcher.core.view import View

_LOOK_AROUND: ListKey = ("recommendations", "")
"""Stands in the queue where the surroundings are to be looked up; no id is empty."""


class Dirty:
    """Keys to rank again."""

    def __init__(self) -> None:
        self._urgent: dict[ListKey, None] = {}
        self._queue: dict[ListKey, None] = {}
        self._products: set[str] = set()
        self._creators: set[str] = set()

    def __len__(self) -> int:
        return len(self._urgent) + len(self._queue) + len(self._products) + len(self._creators)

    def mark(self, keys: Iterable[ListKey], *, urgent: bool = False) -> None:
        """These lists may have changed. Urgent ones show what may no longer be shown."""
        queue = self._urgent if urgent else self._queue
        for key in keys:
            queue.setdefault(key, None)

    def mark_around(self, products: Iterable[str], creators: Iterable[str]) -> None:
        """The edges of these changed, or what others see of them: lists up to three steps away may have changed."""
        self._products.update(products)
        self._creators.update(creators)
        if self._products or self._creators:
            self._queue.setdefault(_LOOK_AROUND, None)

    def take(self, view: View, limit: int) -> list[ListKey]:
        """The next keys to rank, at most `limit`, each once."""
        taken: dict[ListKey, None] = {}
        while len(taken) < limit and (self._urgent or self._queue):
            queue = self._urgent or self._queue
            key = next(iter(queue))
            del queue[key]
            self._queue.pop(key, None)
            if key == _LOOK_AROUND:
                self._look_around(view)
            else:
                taken[key] = None
        return list(taken)

    def forget_surroundings(self) -> None:
        """All lists are marked: nothing need be looked up."""
        self._products.clear()
        self._creators.clear()

    def _look_around(self, view: View) -> None:
        graph = view.graph
        creators = graph.within_three(graph.products, self._products)
        products = graph.within_three(graph.creators, self._creators) & view.inviting
        self.forget_surroundings()
        self.mark(("recommendations", one) for one in sorted(creators))
        self.mark(("invitations", one) for one in sorted(products))
