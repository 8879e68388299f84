"""From changes of tier to what was so on each day: pure, and the same for every source."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from fenxiao_tools.report.data import TIERS, Flow, TierChange

STOPS = 3


def tiers_on(changes: Iterable[TierChange], day: int) -> dict[str, int]:
    """Each product's tier at the end of `day`; products without a change by then are missing."""
    return {change.product_id: change.tier for change in changes if change.day <= day}


def counts_by_day(changes: Sequence[TierChange]) -> dict[int, list[int]]:
    """How many products were in L0 to L5 at the end of each day; days without any change are filled in."""
    if not changes:
        return {}
    counts, tiers, by_day = [0 for _ in TIERS], dict[str, int](), dict[int, list[int]]()
    ordered = sorted(changes, key=lambda change: change.day)  # stable: a day's revisions stay in order
    last = 0
    for day in range(ordered[0].day, ordered[-1].day + 1):
        while last < len(ordered) and ordered[last].day == day:
            _move(counts, tiers, ordered[last])
            last += 1
        by_day[day] = counts.copy()
    return by_day


def _move(counts: list[int], tiers: dict[str, int], change: TierChange) -> None:
    if change.product_id in tiers:
        counts[tiers[change.product_id]] -= 1
    tiers[change.product_id] = change.tier
    counts[change.tier] += 1


def stops(changes: Sequence[TierChange]) -> list[int]:
    """The days that the flows stand at: each third of the period ends with one."""
    if not changes:
        return []
    first, last = min(change.day for change in changes), max(change.day for change in changes)
    return sorted({first + (last - first) * stop // STOPS for stop in range(1, STOPS + 1)})


def flows(changes: Sequence[TierChange]) -> list[Flow]:
    """How products moved between tiers from stop to stop, those that stayed included."""
    ordered = sorted(changes, key=lambda change: change.day)
    found: list[Flow] = []
    for from_day, to_day in pairwise(stops(changes)):
        before, after = tiers_on(ordered, from_day), tiers_on(ordered, to_day)
        moves = Counter((before[product], after[product]) for product in before)
        found += [
            Flow(from_day=from_day, from_tier=old, to_day=to_day, to_tier=new, products=count)
            for (old, new), count in sorted(moves.items())
        ]
    return found
