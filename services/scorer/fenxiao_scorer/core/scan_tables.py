"""What `scan` must know of every event, taken from the Structs: keys, kinds of values, bounds, wanted columns.

One flat table for all classes, so that one compiled loop reads them all and a new field is nobody's work but here: in
`WANTED`, and only if it is wanted.
"""

from typing import Any, Final, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import inspect
from msgspec.json import encode

from fenxiao_schemas.commands import Fault
from fenxiao_schemas.events import (
    AnyEvent,
    AuthorityChanged,
    DeliveryRecorded,
    ListingChanged,
    PlanChanged,
    PriceChanged,
    ProductRegistered,
    RefundRecorded,
    ReviewRecorded,
    SaleCorrected,
    SaleRecorded,
    ShipmentRecorded,
    ViewsRecorded,
    ViolationRecorded,
)
from fenxiao_scorer.core.arrays import Ints

KINDS: Final[tuple[type[msgspec.Struct], ...]] = get_args(AnyEvent)
"""The event classes by their number."""
_WANTED: Final[dict[type[msgspec.Struct], str]] = {
    ProductRegistered: "product_id category price_minor authority authority_until_day authority_fallback",
    AuthorityChanged: "product_id authority authority_until_day authority_fallback",
    PriceChanged: "product_id price_minor",
    ListingChanged: "product_id listed held",
    ViolationRecorded: "product_id minor_day serious_day",
    PlanChanged: "product_id open_commission_bps",
    ViewsRecorded: "product_id day views previous_views",
    SaleRecorded: "product_id creator_id order_day due_day quantity paid_minor unit_price_minor repeat",
    SaleCorrected: "product_id old_creator_id creator_id order_day old_net_quantity old_net_minor old_unit_price_minor"
    " net_quantity net_minor unit_price_minor",
    RefundRecorded: "product_id creator_id order_day due_day quantity amount_minor unit_price_minor fault"
    " closes_line cancels_line unships_line quality_return",
    ShipmentRecorded: "product_id due_day on_time",
    DeliveryRecorded: "product_id order_day",
    ReviewRecorded: "product_id order_day stars",
}
WANTED: Final[dict[type[msgspec.Struct], tuple[str, ...]]] = {
    kind: tuple(_WANTED.get(kind, "").split()) for kind in KINDS
}
"""The fields of each class that become columns, in this order."""
COLUMNS: Final = max(map(len, WANTED.values()))
FAULT_UNKNOWN: Final = get_args(Fault).index("unknown")
"""The fault `unknown`, as its column says it."""

SPAN_BITS: Final = 8
SPAN_LENGTH_MAX: Final = (1 << SPAN_BITS) - 1
"""A wanted string is `start << SPAN_BITS | length`, in bytes of the text."""
NONE: Final = -1
"""A field that is null or absent, without another default."""

WORD: Final = 8
"""Bytes are compared and judged eight at a time."""
PREFIX: Final = b'{"type":"'
INT, STRING, CHOICE = range(3)
"""The kinds of values. A choice is a literal, or a bool: the place of `false` among `false` and `true` is 0."""
# A field is a row of int64, a cache line long.
KEY, KEY_LENGTH, SORT, LOW, HIGH, COLUMN, REQUIRED, ABSENT = range(8)
"""The key's letters; the value's kind; its bounds, its length's, or the span of its choices; its column; its default."""
NO_COLUMN: Final = -1
SEQ_COLUMN: Final = -2
# A class is a row too: the letters up to its tag's end, its fields, the next class whose tag begins with the same letter.
HEAD, HEAD_LENGTH, FIELD, FIELD_END, NEXT = range(5)
DIGITS_MAX: Final = 18
"""An integer of so many digits fits int64, whichever they are."""
_INT_MAX: Final = 10**DIGITS_MAX - 1

type Words = npt.NDArray[np.uint64]


class ScanTables(NamedTuple):
    """The tables for compiled code.

    Attributes:
        letters: Heads, keys and choices, each in whole words of 8 bytes; the rows of the others point into them.
        masks: Which bytes of those words count.
        heads: By a tag's first byte: the first class to try, or -1.
        kinds: A row a class; one that has a field of an unsupported type is in no chain, and so read by msgspec alone.
        fields: A row a field.
        choices: The letters of a choice, a string's closing quote among them, and how many they are.
    """

    letters: Words
    masks: Words
    heads: Ints
    kinds: Ints
    fields: Ints
    choices: Ints


class _UnsupportedError(Exception):
    """A field that the scanner does not know how to read."""


class _Builder:
    def __init__(self) -> None:
        self.letters = bytearray()
        self.masks = bytearray()
        self.fields: list[list[int]] = []
        self.choices: list[tuple[int, int]] = []

    def span(self, letters: bytes) -> tuple[int, int]:
        """The first word of these letters, and their count."""
        first, padding = len(self.letters) // WORD, bytes(-len(letters) % WORD)
        self.letters += letters + padding
        self.masks += b"\xff" * len(letters) + padding
        return first, len(letters)

    def field(self, owner: type[msgspec.Struct], field: inspect.Field) -> list[int]:
        kind = field.type
        if isinstance(kind, inspect.UnionType) and kind.includes_none and len(kind.types) == 2:
            kind = next(each for each in kind.types if not isinstance(each, inspect.NoneType))
        column = WANTED[owner].index(field.name) if field.name in WANTED[owner] else NO_COLUMN
        values = literals(owner).get(field.name, ())
        quote, sort, low, high = self._value(kind, values, spanned=column != NO_COLUMN)
        absent = NONE
        if not field.required and field.default is not None:
            absent = _default(sort, field.default, values)
            low = max(low, 1) if sort == STRING else low  # the default "" is never written
        key = self.span(b"," + encode(field.encode_name) + b":" + quote)
        return [*key, sort, low, high, SEQ_COLUMN if field.name == "seq" else column, field.required, absent]

    def _value(self, kind: inspect.Type, values: tuple[str, ...], *, spanned: bool) -> tuple[bytes, int, int, int]:
        first = len(self.choices)
        match kind:
            case inspect.IntType(gt=None, lt=None, multiple_of=None, ge=low, le=high):
                return b"", INT, -_INT_MAX if low is None else low, _INT_MAX if high is None else high
            case inspect.StrType(pattern=None, min_length=low, max_length=high):
                longest = _INT_MAX if high is None else high
                return b'"', STRING, low or 0, min(longest, SPAN_LENGTH_MAX) if spanned else longest
            case inspect.BoolType():
                self.choices += [self.span(b"false"), self.span(b"true")]
                return b"", CHOICE, first, len(self.choices)
            case inspect.LiteralType() if all(isinstance(value, str) for value in values) and values:
                self.choices += [self.span(encode(value)[1:]) for value in values]
                return b'"', CHOICE, first, len(self.choices)
            case _:
                raise _UnsupportedError


def literals(kind: type[msgspec.Struct]) -> dict[str, tuple[Any, ...]]:
    """The fields that are literals, and their values as declared; msgspec's own list is sorted."""
    return {name: get_args(hint) for name, hint in get_type_hints(kind).items() if get_origin(hint) is Literal}


def _default(sort: int, default: Any, values: tuple[str, ...]) -> int:
    """What the column says when the field is absent, for any default but None."""
    if sort == STRING and default == "":
        return 0
    if sort == CHOICE and default in values:
        return values.index(default)
    if sort != STRING and isinstance(default, int):
        return int(default)
    raise _UnsupportedError


def _build() -> ScanTables:
    builder = _Builder()
    heads = np.full(256, -1, np.int64)
    kinds = np.full((len(KINDS), NEXT + 1), -1, np.int64)
    for number, (owner, row) in enumerate(zip(KINDS, kinds, strict=True)):
        described = inspect.type_info(owner)
        assert isinstance(described, inspect.StructType)  # noqa: S101
        tag = str(described.tag)
        try:
            fields = [builder.field(owner, field) for field in described.fields]
        except _UnsupportedError:
            continue
        row[HEAD], row[HEAD_LENGTH] = builder.span(PREFIX + encode(tag)[1:])
        row[FIELD], row[FIELD_END] = len(builder.fields), len(builder.fields) + len(fields)
        row[NEXT], heads[ord(tag[0])] = heads[ord(tag[0])], number
        builder.fields += fields
    letters, masks = (np.frombuffer(bytes(each), np.uint64).copy() for each in (builder.letters, builder.masks))
    return ScanTables(letters, masks, heads, kinds, np.array(builder.fields), np.array(builder.choices))


TABLES: Final = _build()
