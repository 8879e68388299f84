"""A counter by day, sparsely: who had how much of it on which day. It is what enters and leaves the running sums.

New amounts go to a journal, which costs an append; `settle` sorts the journal into runs, a list of them per day, and merges
runs of like size, so that late amounts for many old days do not rewrite those days each time. `windows` comes next.
"""

from typing import Any, Final

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Bools, Ints, narrowed, packed, summed, unpacked

_KEY_BITS: Final = 40
_KEY_MASK: Final = (1 << _KEY_BITS) - 1
JOURNAL_MAX: Final = 1 << 20
"""How many amounts may wait in a journal before it is settled without a day close."""

type Run = tuple[AnyArray, AnyArray]
"""Distinct keys in rising order (uint32), and their amounts, none of them 0."""


class Ledger:
    """Amounts by (day, key); a key is a product's slot or a cell's id."""

    __slots__ = ("_journal", "_journal_size", "days")

    def __init__(self) -> None:
        self._journal: list[tuple[Ints, Ints, Ints]] = []
        self._journal_size = 0
        self.days: dict[int, list[Run]] = {}

    def add(self, keys: Ints, days: Ints, amounts: Ints) -> None:
        """Note amounts; they are not in `days` before `settle`."""
        self._journal.append((keys, days, amounts))
        self._journal_size += len(keys)
        if self._journal_size > JOURNAL_MAX:
            self.settle()

    def settle(self) -> None:
        """Sort the journal into the runs of its days."""
        if not self._journal_size:
            return
        keys, days, amounts = (np.concatenate(column) for column in zip(*self._journal, strict=True))
        self._journal, self._journal_size = [], 0
        places, totals = summed(days << _KEY_BITS | keys, amounts)
        whole = places >> _KEY_BITS
        starts = np.flatnonzero(np.concatenate(([True], whole[1:] != whole[:-1])))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(whole)], strict=True):
            self._append(int(whole[start]), places[start:end] & _KEY_MASK, totals[start:end])

    def _append(self, day: int, keys: Ints, amounts: Ints) -> None:
        runs = self.days.setdefault(day, [])
        runs.append(_run(keys, amounts))
        while len(runs) > 1 and 2 * len(runs[-1][0]) > len(runs[-2][0]):
            last, before = runs.pop(), runs.pop()
            runs.append(_run(*summed(*(np.concatenate(pair) for pair in zip(before, last, strict=True)))))

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


def _run(keys: Ints, amounts: Ints) -> Run:
    some = amounts != 0
    keys, amounts = keys[some], amounts[some]
    return keys.astype(np.uint32), narrowed(amounts)
