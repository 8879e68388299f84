"""What a source gives: commands in the order of business time, marks where a day ends, and what it left out.

A *row* is a line of the input that must be accounted for. Its command's id begins with `row-` and is a hash of all its
columns, so that lines that are equal in every column have equal ids and the catalog calls the second one a duplicate.
Commands that no row asked for (a product's registration) begin with `aux-`.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fenxiao_schemas.commands import Command

ROW_PREFIX = "row-"
AUX_PREFIX = "aux-"
DAY_MS = 86_400_000
MINUTE_MS = 60_000
_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class CloseDay:
    """All items of this business day came before."""

    day: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that no command stands for, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """A row equal in every column to one that was left out."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is no command at all, sent on purpose."""

    key: str
    body: bytes


type Item = Command | CloseDay | LeftOut | Repeated | Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A checked input, ready to be sent.

    Attributes:
        name: For the person at the keyboard.
        first_day: The first business day; installation needs it, and the next two.
        last_day: The last one that it closes.
        utc_offset_minutes: Where its business days begin.
        currency: Of all its amounts.
        rows: How many lines it has to account for; None: every record that was sent counts as one.
        items: Makes the items anew at each call.
    """

    name: str
    first_day: int
    last_day: int
    utc_offset_minutes: int
    currency: str
    rows: int | None
    items: Callable[[], Iterator[Item]]

    @property
    def prefix(self) -> str:
        """What the ids of the commands begin with that stand for a row."""
        return "" if self.rows is None else ROW_PREFIX


def row_hash(*columns: object) -> str:
    """32 hex digits, equal for equal columns, whatever the machine."""
    text = "\x1f".join("\x00" if column is None else str(column) for column in columns)
    return hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()
