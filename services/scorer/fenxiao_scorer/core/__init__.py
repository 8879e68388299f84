"""The scorer's pure core: the norm (`docs/scoring.md`), incremental and in columns. No I/O, no clock, no random.

    state = ScorerState.empty(partition)
    put_policy(state, version, policy)          # as missing_policy(state, event) asks, before the record is folded
    put_curves(state, day, merge_posts(posts))  # as missing_curves(state, event) asks, before the close is folded
    for step in fold(state, events, messages_max):
        ...                                     # commit step.messages, step.rows, step.post, step.events together
    data = snapshot(state)                      # only when the fold's steps are exhausted
    state = restore(data)

`fold` goes on from `state.last_event_seq` and raises a one-line `LogError` on what would be our own fault; the state is of
no use after it. It is lazy: while a close's messages come in several steps, the close itself counts in the last one's
`events`. A `Curves` may be shared by all partitions of a worker. Where things are: `fold` and `controls` (section 1 of the
norm), `facts`, `collect`, `ledger`, `windows` and `cells` (2), `indicators` (3), `curves`, `histograms`, `lookup` and
`bins` (4), `assess` and `formulas` (5), `ladder` (6, and when to publish), `messages` and `gaps` (7).
"""

from fenxiao_scorer.core.compiled import CACHED
from fenxiao_scorer.core.curves import Curves, merge_posts
from fenxiao_scorer.core.errors import (
    CalendarError,
    CapacityError,
    LogError,
    NotSuppliedError,
    SequenceError,
    SnapshotError,
    UnknownProductError,
)
from fenxiao_scorer.core.fingerprint import Portrait, fingerprint
from fenxiao_scorer.core.fold import fold
from fenxiao_scorer.core.scan import KINDS, Events, read_events
from fenxiao_scorer.core.snapshot import Captured, capture, restore, snapshot
from fenxiao_scorer.core.state import ScorerState
from fenxiao_scorer.core.steps import Published, Step, TierRows
from fenxiao_scorer.core.supply import missing_curves, missing_policy, put_curves, put_policy

__all__ = [
    "CACHED",
    "KINDS",
    "CalendarError",
    "CapacityError",
    "Captured",
    "Curves",
    "Events",
    "LogError",
    "NotSuppliedError",
    "Portrait",
    "Published",
    "ScorerState",
    "SequenceError",
    "SnapshotError",
    "Step",
    "TierRows",
    "UnknownProductError",
    "capture",
    "fingerprint",
    "fold",
    "merge_posts",
    "missing_curves",
    "missing_policy",
    "put_curves",
    "put_policy",
    "read_events",
    "restore",
    "snapshot",
]
