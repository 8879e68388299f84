"""One partition's log in columns, as `intake` read it and `columns` built it; `run` walks its control records."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from fenxiao_oracle.arrays import Ints
from fenxiao_oracle.facts import FactTable, History

NONE: Final = -1
"""Stands for an absent day or rate in a column."""
COUNTERS: Final = {
    "repeat": ("known", "repeats"),
    "orders": ("orders",),
    "delivered": ("delivered",),
    "service": ("reviews", "bad_reviews", "quality_returns", "explained_refunds"),
    "dispatch": ("due", "shipped", "on_time"),
    "sales": ("net_orders", "net_minor", "views"),
}
"""The counters of one number a day, by the table that they are kept in: those of a table share their windows."""
HISTORIES: Final[dict[str, tuple[int, ...]]] = {
    "category": (0,),
    "price": (1,),
    "authority": (1, NONE, 1),
    "listing": (0, 0),
    "violations": (NONE, NONE),
    "plan": (NONE,),
}
"""What holds of a product before any event says so, by the history that it is kept in."""


class LogError(Exception):
    """The log breaks its own rules; the message is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A barrier, or the close of a day with the policy that is in force after it."""

    seq: int
    closes: bool
    day: int
    next_policy: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One partition's log in columns. Products are numbered in the order of their ids."""

    first_day: int
    first_policy: int
    ids: list[str]
    born: Ints
    controls: list[Control]
    touched: Ints
    counters: dict[str, FactTable]
    pairs: FactTable
    paid: FactTable
    prices: Ints
    history: dict[str, History]

    def existing(self, before: int) -> Ints:
        """The products that exist before an event."""
        return np.flatnonzero(self.born < before)

    def touched_between(self, after: int, before: int) -> Ints:
        """The products that an event after one control record and before the next touched."""
        touched = np.unique(self.touched[after : before - 1])
        return touched[touched >= 0]
