"""Numbers for ids, so that the arrays of `snapshot` can speak of them. Numbers follow arrival; ranks follow the ids."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Names:
    """Ids in the order in which they were first heard of; none is ever forgotten."""

    def __init__(self, count_max: int) -> None:
        self.ids: list[str] = []
        self._numbers: dict[str, int] = {}
        self._count_max = count_max
        self._ranks: Ints = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def number(self, one: str) -> int:
        """The number of an id, a new one if it is new; raises `OverflowError` when there are too many."""
        number = self._numbers.get(one)
        if number is None:
            number = self._numbers[one] = len(self.ids)
            if number >= self._count_max:
                raise OverflowError(f"more than {self._count_max} creators or products")
            self.ids.append(one)
        return number

    def find(self, one: str) -> int | None:
        """The number of an id, if it has one."""
        return self._numbers.get(one)

    def ranks(self) -> Ints:
        """For each number the place of its id in sorted order: what decides ties, whatever arrived first."""
        count = len(self.ids)
        if len(self._ranks) != count:
            order = sorted(range(count), key=self.ids.__getitem__)
            self._ranks = np.empty(count, np.int64)
            self._ranks[order] = np.arange(count)
        return self._ranks

    def told(self, numbers: Any) -> list[str]:
        """The ids of an array of numbers."""
        return [self.ids[number] for number in numbers.tolist()]


def flags(count: int, numbers: Any) -> Flags:
    """An array that is true at these numbers."""
    found = np.zeros(count, np.bool_)
    found[numbers] = True
    return found
