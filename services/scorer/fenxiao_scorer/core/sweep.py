"""Many products at once, compiled: what a barrier and a day close do with each. `controls` says when."""

from typing import Final

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Ints
from fenxiao_scorer.core.assess import Sight, assess
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.histograms import BinTable, Histograms, add_peer
from fenxiao_scorer.core.ladder import apply_barrier, apply_close, worth_publishing
from fenxiao_scorer.core.tables import WIDTH

BLOCK: Final = 1 << 16
"""How many products are swept in one go; between two, a table may grow."""
_ROOM_MIN: Final = 1 << 10


@compiled
def _sweep(sight: Sight, slots: Ints, featured_rights: int, row: Ints, chosen: Ints) -> int:
    found = 0
    for slot in slots:
        assess(sight, slot, row)
        apply_barrier(sight.facts, row)
        if worth_publishing(sight.facts, row, sight.rules, featured_rights):
            chosen[found] = slot
            found += 1
    return found


def sweep_touched(sight: Sight, slots: Ints, featured_rights: int) -> Ints:
    """Move the tiers of touched products; those of them that are worth a message."""
    chosen = np.empty(len(slots), np.int64)
    found = _sweep(sight, slots, featured_rights, np.empty(WIDTH, np.int64), chosen)
    return chosen[:found]


@compiled
def _sweep_block(
    sight: Sight, bins: BinTable, first: int, last: int, featured_rights: int, row: Ints, chosen: AnyArray
) -> int:
    found = 0
    for slot in range(first, last):
        assess(sight, slot, row)
        apply_close(sight.facts, row, sight.rules)
        if worth_publishing(sight.facts, row, sight.rules, featured_rights):
            chosen[found] = slot
            found += 1
        add_peer(bins, sight.totals, row, sight.lookup.nodes[sight.facts[slot].category])
    return found


def sweep_all(sight: Sight, histograms: Histograms, count: int, featured_rights: int) -> Ints:
    """Decide every tier at a close and fill the histograms; the slots that are worth a message, in rising order.

    Only the slots are kept: what is published is assessed a second time when its turn comes, for to keep it all would
    take far more memory.
    """
    chosen, block, row = [np.zeros(0, np.int32)], np.empty(BLOCK, np.int32), np.empty(WIDTH, np.int64)
    first = 0
    while first < count:
        while histograms.room < _ROOM_MIN:
            histograms.grow()
        last = min(first + BLOCK, first + histograms.room, count)
        found = _sweep_block(sight, histograms.table, first, last, featured_rights, row, block)
        chosen.append(block[:found].copy())
        first = last
    return np.concatenate(chosen).astype(np.int64)
