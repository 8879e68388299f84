"""A counter by day, sparsely: who had how much of it on which day. It is what enters and leaves the running sums.

Compiled code notes new amounts in a journal; `settle` sorts the journal into runs, a list of them per day, and merges small
ones now and then, so that late amounts for many old days do not rewrite those days each time. `windows` comes next.
"""

from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Bools, Ints, grown, narrowed, packed, summed, unpacked
from fenxiao_scorer.core.compiled import compiled

_KEY_BITS: Final = 40
_KEY_MASK: Final = (1 << _KEY_BITS) - 1
JOURNAL_MAX: Final = 1 << 17
"""How many amounts may wait in a journal before it is settled without a day close."""
RUNS_MAX: Final = 8
"""So many runs of a day are merged."""

type Run = tuple[AnyArray, AnyArray]
"""Distinct keys in rising order (uint32), and their amounts, none of them 0."""


class Journal(NamedTuple):
    """Amounts that are in no run yet, in the order in which they came: `day << 40 | key`, the amount, and how many."""

    places: Ints
    amounts: Ints
    size: Ints


@compiled
def note(journal: Journal, key: int, day: int, amount: int) -> None:
    """Add an amount; there must be room for it."""
    at = journal.size[0]
    journal.places[at] = day << 40 | key
    journal.amounts[at] = amount
    journal.size[0] = at + 1


class Ledger:
    """Amounts by (day, key); a key is a product's slot and a counter's number, or a cell's id."""

    __slots__ = ("days", "journal")

    def __init__(self) -> None:
        self.journal = _journal(0)
        self.days: dict[int, list[Run]] = {}

    def reserve(self, more: int) -> None:
        """Make room in the journal for so many more amounts."""
        waiting = int(self.journal.size[0])
        if waiting > JOURNAL_MAX:
            self.settle()
            waiting = 0
        room = waiting + more
        if room > len(self.journal.places):
            places, amounts, size = self.journal
            self.journal = Journal(grown(places, room, 0), grown(amounts, room, 0), size)

    def settle(self) -> None:
        """Sort the journal into the runs of its days."""
        waiting = int(self.journal.size[0])
        if not waiting:
            return
        self.journal.size[0] = 0
        places, totals = summed(self.journal.places[:waiting], self.journal.amounts[:waiting])
        some = totals != 0
        places, totals = places[some], totals[some]
        whole, keys = places >> _KEY_BITS, (places & _KEY_MASK).astype(np.uint32)
        starts = np.flatnonzero(np.diff(whole, prepend=-1)).tolist()
        for start, end in pairwise([*starts, len(whole)]):
            self._append(int(whole[start]), (keys[start:end].copy(), narrowed(totals[start:end])))

    def _append(self, day: int, run: Run) -> None:
        """Add a run; those of a day are merged once they are many, and with the large one only when they have its size."""
        runs = self.days.setdefault(day, [])
        runs.append(run)
        if len(runs) < RUNS_MAX:
            return
        first = 0 if 2 * sum(len(keys) for keys, _ in runs[1:]) > len(runs[0][0]) else 1
        keys, amounts = summed(*(np.concatenate(column) for column in zip(*runs[first:], strict=True)))
        some = amounts != 0
        runs[first:] = [(keys[some].astype(np.uint32), narrowed(amounts[some]))]

    def runs(self, day: int) -> list[Run]:
        """The settled runs of a day; a key may be in several."""
        return self.days.get(day, [])

    def drop_before(self, day: int) -> None:
        """Forget the days before `day`, which nothing will look at again."""
        for old in [known for known in self.days if known < day]:
            del self.days[old]

    def used(self, count: int) -> Bools:
        """Which of the keys 0 to `count` - 1 have an amount on any day; the journal must be settled."""
        flags = np.zeros(count, np.bool_)
        for runs in self.days.values():
            for keys, _ in runs:
                flags[keys] = True
        return flags

    def renumber(self, new: Ints) -> None:
        """Give every key the number `new[key]`; the order of the keys must stay."""
        for runs in self.days.values():
            runs[:] = [(new[keys].astype(np.uint32), amounts) for keys, amounts in runs]

    def dump(self) -> list[Any]:
        """For a snapshot."""
        self.settle()
        return [[day, [[packed(k), packed(a)] for k, a in self.days[day]]] for day in sorted(self.days)]

    @classmethod
    def load(cls, parts: list[Any]) -> "Ledger":
        """From a snapshot."""
        ledger = cls()
        ledger.days = {day: [(unpacked(k), unpacked(a)) for k, a in runs] for day, runs in parts}
        return ledger


def _journal(size: int) -> Journal:
    return Journal(np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(1, np.int64))
