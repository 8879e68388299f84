"""The events topic straight into columns of integers, without a Struct a record. `fold` is next.

The events are our own, so nearly every body is byte for byte what `encode` writes, and one compiled pass reads it off
the tables. Whatever is not (an escape in a title, a key out of place, a broken body) msgspec reads or rejects:
the pass only ever accepts what msgspec accepts too, with the same values.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fenxiao_schemas.codec import Rejected
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.topics import EVENTS, codec_of
from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.scan_pass import PADDING, SLOW, scan_pass
from fenxiao_scorer.core.scan_tables import (
    COLUMNS,
    FAULT_UNKNOWN,
    KINDS,
    NONE,
    SPAN_BITS,
    SPAN_LENGTH_MAX,
    TABLES,
    WANTED,
    literals,
)
from fenxiao_scorer.core.texts import Bytes

__all__ = [
    "FAULT_UNKNOWN",
    "KINDS",
    "NONE",
    "SPAN_BITS",
    "WANTED",
    "Events",
    "read_events",
    "span_length",
    "span_start",
]

_CODEC: Final = codec_of(EVENTS)
_NUMBERS: Final = {kind: number for number, kind in enumerate(KINDS)}
_PLANS: Final = {kind: [(name, literals(kind).get(name)) for name in WANTED[kind]] for kind in KINDS}
_UNFIT: Final = Rejected("an identifier that the catalog would not let in")


@compiled
def span_start(span: int) -> int:
    """Where a string begins in the text."""
    return span >> SPAN_BITS


@compiled
def span_length(span: int) -> int:
    """How many bytes a string has."""
    return span & SPAN_LENGTH_MAX


@dataclass(frozen=True, slots=True)
class Events:
    """A stretch of events as columns.

    A field is an integer: a bool 0 or 1, a literal its place among the declared values, a string its span in `text`
    (`span_start`, `span_length`), and what is null `NONE`. A class's columns are `WANTED`; the rest of its row is noise.

    Attributes:
        kinds: The number of each event's class in `KINDS`.
        starts: Where each body begins in `text`.
        ends: Where it ends.
        rejected: The first record that cannot be read, if any: its columns and all that follow mean nothing.
        slow: How many records of the whole reading, a slice's too, were left to msgspec.
    """

    kinds: npt.NDArray[np.int8]
    seqs: Ints
    fields: Ints
    text: Bytes
    starts: Ints
    ends: Ints
    rejected: tuple[int, Rejected] | None
    slow: int

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, stretch: slice) -> "Events":
        """The events of a stretch, as views."""
        first, end, step = stretch.indices(len(self))
        if step != 1:
            raise ValueError("events are taken one after the other")
        rejected = self.rejected
        if rejected is not None:
            rejected = (max(0, rejected[0] - first), rejected[1]) if rejected[0] < end else None
        columns = (self.kinds[first:end], self.seqs[first:end], self.fields[first:end])
        return Events(*columns, self.text, self.starts[first:end], self.ends[first:end], rejected, self.slow)

    def message(self, index: int) -> AnyEvent:
        """One event as its Struct: for control records, and for saying what is wrong with one."""
        event: AnyEvent = _CODEC.decode(self.text[self.starts[index] : self.ends[index]].tobytes())
        return event


def read_events(values: Sequence[bytes | None]) -> Events:
    """Read the bodies of a stretch of records."""
    bodies: Sequence[bytes] = values  # type: ignore[assignment]  # the next line finds out
    try:
        joined = b"".join([*bodies, PADDING])
    except TypeError:
        bodies = [value or b"" for value in values]
        joined = b"".join([*bodies, PADDING])
    count = len(bodies)
    bounds = np.zeros(count + 1, np.int64)
    np.cumsum(np.fromiter(map(len, bodies), np.int64, count), out=bounds[1:])
    kinds, seqs, fields = np.empty(count, np.int8), np.empty(count, np.int64), np.empty((count, COLUMNS), np.int64)
    scan_pass(TABLES, np.frombuffer(joined, np.uint8), bounds, kinds, seqs, fields)
    left = np.flatnonzero(kinds == SLOW)
    more, rejected = bytearray(), None
    if len(left):
        rejected = _read_slowly(
            [values[index] for index in left.tolist()], left, len(joined), more, kinds, seqs, fields
        )
    text = np.frombuffer(joined + more if more else joined, np.uint8)
    return Events(kinds, seqs, fields, text, bounds[:-1], bounds[1:], rejected, len(left))


def _read_slowly(
    values: list[bytes | None],
    places: Ints,
    length: int,
    more: bytearray,
    kinds: npt.NDArray[np.int8],
    seqs: Ints,
    columns: Ints,
) -> tuple[int, Rejected] | None:
    """Have msgspec read what the pass left, up to the first that is rejected."""
    rows, count, rejected = array("q"), 0, None
    for place, event in zip(places.tolist(), _CODEC.decode_batch(values), strict=True):
        row = None if isinstance(event, Rejected) else _row(event, length, more)
        if isinstance(event, Rejected) or row is None:
            rejected = (place, event if isinstance(event, Rejected) else _UNFIT)
            break
        rows.extend(row)
        count += 1
    if count:
        read = places[:count]
        table = np.frombuffer(rows, np.int64).reshape(count, COLUMNS + 2)
        kinds[read], seqs[read], columns[read] = table[:, 0], table[:, 1], table[:, 2:]
    return rejected


def _row(event: AnyEvent, length: int, more: bytearray) -> list[int] | None:
    """Kind, seq and columns of an event; None if a string is unfit. Strings go to `more`, behind `length` bytes."""
    kind = type(event)
    row = [_NUMBERS[kind], event.seq]
    for name, choices in _PLANS[kind]:
        value: Any = getattr(event, name)
        if isinstance(value, int):
            row.append(value)
        elif value is None:
            row.append(NONE)
        elif choices is not None:
            row.append(choices.index(value))
        else:
            letters = value.encode()
            if len(letters) > SPAN_LENGTH_MAX or b"\0" in letters:
                return None
            row.append(length + len(more) << SPAN_BITS | len(letters))
            more += letters
    row += [0] * (COLUMNS + 2 - len(row))
    return row
