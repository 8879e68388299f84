"""Folds a `ZipfLog` with the scorer's core in this process: to warm it up, and for `bench/scorer_core.py`."""

import sys
from collections.abc import Iterable

from fenxiao_schemas.policy import Policy, default_policy
from fenxiao_scorer.core import (
    ScorerState,
    Step,
    fold,
    merge_posts,
    put_curves,
    put_policy,
    read_events,
    restore,
    snapshot,
)
from fenxiao_tools.bench.zipf_log import Chunk, LogSize, ZipfLog

MESSAGES_MAX = 5_000
_WARM = LogSize(products=300, events=4_000, days=3, partitions=2)


class CoreFold:
    """The states of all partitions.

    Attributes:
        states: By partition.
    """

    def __init__(self, partitions: int, policy: Policy) -> None:
        self.states = [ScorerState.empty(number) for number in range(partitions)]
        for state in self.states:
            put_policy(state, policy.version, policy)
        self._posts: dict[int, list[bytes]] = {}

    def fold(self, chunks: Iterable[Chunk], messages_max: int = MESSAGES_MAX) -> int:
        """Fold chunks, each in its partition; gives how many messages came out."""
        messages = 0
        for chunk in chunks:
            for step in fold(self.states[chunk.partition], read_events(chunk.bodies), messages_max):
                messages += len(step.keys)
                self._join(step)
        return messages

    def _join(self, step: Step) -> None:
        """A day's curves, once all partitions have posted it."""
        if step.post is None:
            return
        day, content = step.post
        posts = self._posts.setdefault(day, [])
        posts.append(content)
        if len(posts) == len(self.states):
            curves = merge_posts(self._posts.pop(day))
            for state in self.states:
                put_curves(state, day, curves)


def warm_up() -> None:
    """Fold a little of everything, snapshot and restore: what is compiled or loaded at first use is there then."""
    policy = default_policy()
    log, core = ZipfLog(_WARM, policy), CoreFold(_WARM.partitions, policy)
    core.fold(log.whole())
    core.fold(log.close(), 10)
    core.fold(log.holds())
    for state in core.states:
        restore(snapshot(state))


if __name__ == "__main__":
    warm_up()
    sys.stdout.write("{}")
