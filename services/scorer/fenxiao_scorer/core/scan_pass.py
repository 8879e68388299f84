"""The compiled pass of `scan`: bodies that are byte for byte what `encode` writes, read off the tables.

It accepts nothing that msgspec would not, with the same values; whatever it is not sure of it leaves to msgspec.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from fenxiao_schemas.codec import BODY_BYTES_MAX
from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.scan_tables import (
    ABSENT,
    CHOICE,
    COLUMN,
    DIGITS_MAX,
    FIELD,
    FIELD_END,
    HEAD,
    HEAD_LENGTH,
    HIGH,
    INT,
    KEY,
    KEY_LENGTH,
    LOW,
    NEXT,
    PREFIX,
    REQUIRED,
    SEQ_COLUMN,
    SORT,
    SPAN_BITS,
    SPAN_LENGTH_MAX,
    WORD,
    ScanTables,
)
from fenxiao_scorer.core.texts import Bytes

SLOW: Final = -1
"""The kind of a record that the compiled pass leaves to msgspec."""
_PREFIX_LENGTH: Final = len(PREFIX)
PADDING: Final = bytes(_PREFIX_LENGTH + WORD)
"""Follows the last body. The pass looks for nothing with a NUL, so that it stops there and need not ask how far it is."""
_QUOTE: Final = ord('"')
_ZERO: Final = ord("0")
_CLOSE: Final = ord("}")
_BAD: Final = -1
"""Where a value ends that is not what `encode` writes."""

# Eight bytes in a word, the first the lowest. All is uint64, because numba makes a float of a uint64 and an int64.
_ONES: Final = np.uint64(0x0101010101010101)
_TOPS: Final = _ONES * np.uint64(0x80)
_QUOTES: Final = _ONES * np.uint64(_QUOTE)
_BACKSLASHES: Final = _ONES * np.uint64(ord("\\"))
_SPACES: Final = _ONES * np.uint64(ord(" "))
_ZEROS: Final = _ONES * np.uint64(_ZERO)
_OVER_NINE: Final = _ONES * np.uint64(0x80 - 10)
_ONE, _SEVEN, _TOP_BYTE, _LOW_BYTE = np.uint64(1), np.uint64(7), np.uint64(56), np.uint64(0xFF)
_POWERS: Final = 10 ** np.arange(WORD + 1)


@compiled
def scan_pass(
    tables: ScanTables, text: Bytes, bounds: Ints, kinds: npt.NDArray[np.int8], seqs: Ints, columns: Ints
) -> None:
    """Read all records. One may run on into the next, but is good only if it ends where it should.

    All in one function, and each helper with one way out: else numba counts references, at more cost than the reading.
    """
    classes, fields = tables.kinds, tables.fields
    for index in range(len(kinds)):
        at = bounds[index]
        kind = tables.heads[text[at + _PREFIX_LENGTH]]
        while kind >= 0 and not _same(tables, text, at, classes[kind, HEAD], classes[kind, HEAD_LENGTH]):
            kind = classes[kind, NEXT]
        kinds[index] = SLOW
        if kind < 0 or bounds[index + 1] - at > BODY_BYTES_MAX:
            continue
        at += classes[kind, HEAD_LENGTH]
        for field in range(classes[kind, FIELD], classes[kind, FIELD_END]):
            value, required = fields[field, ABSENT], fields[field, REQUIRED]
            if _same(tables, text, at, fields[field, KEY], fields[field, KEY_LENGTH]):
                at += fields[field, KEY_LENGTH]
                low, high = fields[field, LOW], fields[field, HIGH]
                if fields[field, SORT] == INT:
                    value, at = _integer(text, at, low, high)
                elif fields[field, SORT] == CHOICE:
                    value, at = _choice(tables, text, at, low, high)
                else:
                    value, at = _string(text, at, low, high)
                if value == fields[field, ABSENT] and not required:
                    at = _BAD
            elif required:
                at = _BAD
            if at == _BAD:
                break
            column = fields[field, COLUMN]
            if column >= 0:
                columns[index, column] = value
            elif column == SEQ_COLUMN:
                seqs[index] = value
        if at != _BAD and text[at] == _CLOSE and at + 1 == bounds[index + 1]:
            kinds[index] = kind


@compiled
def _word(text: Bytes, at: int) -> np.uint64:
    """Eight bytes from here on; LLVM makes one load of it. Unsigned, as a signed index would be looked at for its sign."""
    first = np.uint64(at)
    word = np.uint64(0)
    for place in range(8):
        word |= np.uint64(text[first + np.uint64(place)]) << np.uint64(8 * place)
    return word


@compiled
def _same(tables: ScanTables, text: Bytes, at: int, first: int, length: int) -> bool:
    while length > 0 and (_word(text, at) ^ tables.letters[first]) & tables.masks[first] == 0:
        at, first, length = at + WORD, first + 1, length - WORD
    return length <= 0


@compiled
def _before(tops: np.uint64) -> int:
    """How many bytes of a word come before the first whose top bit is set here; 8 if none is."""
    lowest = tops & (~tops + _ONE)
    return np.int64((((lowest >> _SEVEN) - _ONE) & _ONES) * _ONES >> _TOP_BYTE)  # type: ignore[return-value]


@compiled
def _integer(text: Bytes, at: int, low: int, high: int) -> tuple[int, int]:
    value, length, count = 0, 0, WORD
    while count == WORD and length <= DIGITS_MAX:
        digits = _word(text, at + length) ^ _ZEROS
        count = _before((digits | (digits + _OVER_NINE)) & _TOPS)
        # The digits go to the top, zeros before them; then neighbours join to pairs, pairs to fours, fours to eight.
        digits = digits << np.uint64(4 * (WORD - count)) << np.uint64(4 * (WORD - count))  # 64 at once would be none
        digits = (digits * np.uint64(10) + (digits >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
        digits = (digits * np.uint64(100) + (digits >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
        digits = (digits * np.uint64(10_000) + (digits >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
        value = value * _POWERS[count] + np.int64(digits)
        length += count
    plain = 0 < length <= DIGITS_MAX and (text[at] != _ZERO or length == 1)
    return value, at + length if plain and low <= value <= high else _BAD


@compiled
def _string(text: Bytes, at: int, low: int, high: int) -> tuple[int, int]:
    """A string without escapes: anything else ends it, and then no quote is there. Bounds count characters."""
    first, letters, extent = at, 0, 1
    while extent:
        count = WORD
        while count == WORD:
            word = _word(text, at)
            quotes, backslashes = word ^ _QUOTES, word ^ _BACKSLASHES
            ends = ((quotes - _ONES) & ~quotes) | ((backslashes - _ONES) & ~backslashes)
            count = _before((ends | ((word - _SPACES) & ~word) | word | (word + _ONES)) & _TOPS)
            at += count
            letters += count
        extent = _wide(_word(text, at))
        at += extent
        letters += extent > 0
    length = at - first
    good = text[at] == _QUOTE and low <= letters <= high and length <= SPAN_LENGTH_MAX
    return first << SPAN_BITS | length, at + 1 if good else _BAD


@compiled
def _wide(word: np.uint64) -> int:
    """How many bytes the character of more than one has that a word begins with; 0 if it is none (RFC 3629, section 4)."""
    lead, second = np.int64(word & _LOW_BYTE), np.int64(word >> np.uint64(8) & _LOW_BYTE)
    third, fourth = np.int64(word >> np.uint64(16) & _LOW_BYTE), np.int64(word >> np.uint64(24) & _LOW_BYTE)
    least = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
    most = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
    extent = 2 if 0xC2 <= lead <= 0xDF else 3 if 0xE0 <= lead <= 0xEF else 4 if 0xF0 <= lead <= 0xF4 else 0
    tail = (extent < 3 or 0x80 <= third <= 0xBF) and (extent < 4 or 0x80 <= fourth <= 0xBF)
    return extent if least <= second <= most and tail else 0


@compiled
def _choice(tables: ScanTables, text: Bytes, at: int, low: int, high: int) -> tuple[int, int]:
    place = low
    while place < high and not _same(tables, text, at, tables.choices[place, 0], tables.choices[place, 1]):
        place += 1
    return place - low, at + tables.choices[place, 1] if place < high else _BAD
