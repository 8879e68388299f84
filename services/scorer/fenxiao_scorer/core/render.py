"""The bytes of tier messages, written by compiled code: one field after the other. Section 7 of the norm.

`messages` says which and keeps the chain; the tests hold the bytes to those of `fenxiao_schemas.codec.encode`.

Places in the output are uint64, and so is all that is added to them, because numba makes a float of a uint64 and an int64.
With signed places it looks for negative ones at each byte, which keeps LLVM from moving many bytes at once: five times slower.
"""

from typing import Final, NamedTuple

import numpy as np

from fenxiao_schemas.tiers import FORCES, INDICATORS
from fenxiao_scorer.core.arrays import AnyArray, Ints
from fenxiao_scorer.core.assess import EVIDENCE_CLASSES, TIER_FEATURED
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.gaps import (
    GAP_DELIVERED,
    GAP_FORCE,
    GAP_NEGATIVE,
    GAP_RETURNS,
    GAP_SCORE,
    GAP_TIER,
    GAP_WIDTH,
    find_block,
    find_gap,
)
from fenxiao_scorer.core.rules import Rules
from fenxiao_scorer.core.tables import CLASS, DIGEST_BYTES, EVIDENCE, FORCE, NULL, POINTS, SCORE, SLOT, VALUE
from fenxiao_scorer.core.texts import TextTable

type Place = np.uint64

# What a message is made of, beside its numbers. The order is that of the names below.
_FIELDS: Final = (
    '{"type":"tier","seq":',
    ',"product_id":"',
    '","revision":',
    ',"prev_digest":"',
    ',"previous_tier":',
    ',"score_bps":',
    ',"evidence":"',
    '","forces":{',
    '},"indicators":[',
    ',"points_bps":',
    ',"evidence":',
    '}],"rights":',
    ',"gap":',
    '{"tier":',
    ',"forces":[',
    '],"delivered":',
    ',"negative_reviews_bps":',
    ',"quality_returns_bps":',
    ',"blocked":',
)
_BLOCKS: Final = ("null", '"violation"', '"not_listed"', '"held"')
_PIECES: Final = (
    *_FIELDS,
    *_BLOCKS,
    *EVIDENCE_CLASSES,
    *(f'{"," if i else ""}"{name}":' for i, name in enumerate(FORCES)),
    *(f'{"},{" if i else "{"}"name":"{name}","value":' for i, name in enumerate(INDICATORS)),
)
(
    _SEQ,
    _PRODUCT_ID,
    _REVISION,
    _PREV_DIGEST,
    _PREVIOUS_TIER,
    _SCORE,
    _CLASS,
    _FORCES,
    _INDICATORS,
    _POINTS,
    _EVIDENCE,
    _RIGHTS,
    _GAP,
    _TO_TIER,
    _TO_FORCES,
    _TO_DELIVERED,
    _TO_NEGATIVE,
    _TO_RETURNS,
    _BLOCKED,
) = range(len(_FIELDS))
_NULL: Final = len(_FIELDS)
_CLASS_NAME: Final = _NULL + len(_BLOCKS)
_FORCE_NAME: Final = _CLASS_NAME + len(EVIDENCE_CLASSES)
_INDICATOR_NAME: Final = _FORCE_NAME + len(FORCES)
_FORCE_COUNT: Final = len(FORCES)
_INDICATOR_COUNT: Final = len(INDICATORS)

_STRIDE: Final = 16
"""Pieces are copied so many bytes at a time, over their ends; what follows is written over that."""
_BOUNDS: Final = np.cumsum([0, *map(len, _PIECES)]).astype(np.uint64)
_TEXT: Final = np.frombuffer("".join(_PIECES).encode() + bytes(_STRIDE), np.uint8)

_PLAIN: Final = np.frombuffer("".join(f"{number:<4}" for number in range(1000)).encode(), np.uint8)
_PADDED: Final = np.frombuffer("".join(f"{number:03}" for number in range(1000)).encode(), np.uint8)
_LENGTH: Final = np.array([len(str(number)) for number in range(1000)], np.uint64)
_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
_ESCAPES: Final = np.zeros(256, np.uint8)
"""The letter of a byte's escape in JSON; 0 where it needs none."""
_ESCAPES[:32] = ord("u")
_ESCAPES[list(b'\b\t\n\f\r"\\')] = list(b'btnfr"\\')

_0, _1, _2, _3, _4, _16, _1000 = (np.uint64(number) for number in (0, 1, 2, 3, 4, 16, 1000))
_COMMA: Final = ord(",")
_CLOSE: Final = ord("}")
_BACKSLASH: Final = ord("\\")
_LONG: Final = ord("u")
_ZERO: Final = ord("0")

_DIGITS_MAX: Final = 20
_NUMBERS: Final = 4 + len(FORCES) + 3 * len(INDICATORS) + GAP_WIDTH
_FIXED: Final = len(_TEXT) + _NUMBERS * _DIGITS_MAX + 2 * DIGEST_BYTES + 2 * _STRIDE
_ESCAPE_MAX: Final = 6
"""How many bytes one of an id may become."""


class Parts(NamedTuple):
    """What the messages of one occasion have in common, as JSON.

    Attributes:
        middle: From the digest's end to the tier's number.
        common: The rights of everybody.
        featured: The rights at L5.
    """

    middle: AnyArray
    common: AnyArray
    featured: AnyArray


def room(parts: Parts, id_bytes_max: int) -> int:
    """How many bytes a message may take at the most."""
    return _FIXED + sum(map(len, parts)) + _ESCAPE_MAX * id_bytes_max


@compiled
def render(
    out: AnyArray,
    ends: Ints,
    gap: Ints,
    rows: Ints,
    facts: AnyArray,
    digests: AnyArray,
    ids: TextTable,
    rules: Rules,
    parts: Parts,
    seq: int,
) -> None:
    """Write the messages of assessments, the first one with the number `seq`; no number may be negative.

    Args:
        out: Has `room` for each.
        ends: Where each ends.
        gap: `GAP_WIDTH` numbers to work with.
        rows: The assessments.
        facts: By slot.
        digests: Of the messages before, by slot.
        ids: By slot.
        rules: Of the policy in force.
        parts: What they have in common.
        seq: Of the first message.
    """
    at = _0
    for place in range(len(rows)):
        row = rows[place]
        slot = row[SLOT]
        product = facts[slot]
        at = _number(out, _piece(out, at, _SEQ), seq + place)
        at = _text(out, _piece(out, at, _PRODUCT_ID), ids.data, ids.bounds[slot], ids.bounds[slot + 1])
        at = _number(out, _piece(out, at, _REVISION), product.revision + 1)
        at = _piece(out, at, _PREV_DIGEST)
        if product.revision:
            at = _hex(out, at, digests[slot])
        at = _number(out, _bytes(out, at, parts.middle), product.tier)
        at = _number(out, _piece(out, at, _PREVIOUS_TIER), product.published_tier)
        at = _number(out, _piece(out, at, _SCORE), row[SCORE])
        at = _piece(out, _piece(out, at, _CLASS), _CLASS_NAME + row[CLASS])
        at = _indicators(out, _forces(out, at, row), row)
        if product.tier == TIER_FEATURED:
            at = _piece(out, _piece(out, _bytes(out, at, parts.featured), _GAP), _NULL)
        else:
            find_gap(rules, row, product.tier, gap)
            at = _gap(out, _bytes(out, at, parts.common), gap, find_block(product, row, gap[GAP_TIER]))
        at = _byte(out, at, _CLOSE)
        ends[place] = at


@compiled
def gather(out: AnyArray, slots: Ints, texts: TextTable) -> None:
    """Write the texts of slots as they are, one after the other."""
    at = 0
    for place in range(len(slots)):
        for i in range(texts.bounds[slots[place]], texts.bounds[slots[place] + 1]):
            out[at] = texts.data[i]
            at += 1


@compiled
def _forces(out: AnyArray, at: Place, row: Ints) -> Place:
    at = _piece(out, at, _FORCES)
    for i in range(_FORCE_COUNT):
        at = _number(out, _piece(out, at, _FORCE_NAME + i), row[FORCE + i])
    return at


@compiled
def _indicators(out: AnyArray, at: Place, row: Ints) -> Place:
    at = _piece(out, at, _INDICATORS)
    for i in range(_INDICATOR_COUNT):
        at = _piece(out, at, _INDICATOR_NAME + i)
        at = _piece(out, at, _NULL) if row[NULL + i] else _number(out, at, row[VALUE + i])
        at = _number(out, _piece(out, at, _POINTS), row[POINTS + i])
        at = _number(out, _piece(out, at, _EVIDENCE), row[EVIDENCE + i])
    return _piece(out, at, _RIGHTS)


@compiled
def _gap(out: AnyArray, at: Place, gap: Ints, block: int) -> Place:
    at = _number(out, _piece(out, _piece(out, at, _GAP), _TO_TIER), gap[GAP_TIER])
    at = _number(out, _piece(out, at, _SCORE), gap[GAP_SCORE])
    at = _piece(out, at, _TO_FORCES)
    for i in range(_FORCE_COUNT):
        at = _byte(out, _number(out, at, gap[GAP_FORCE + i]), _COMMA)
    at = _number(out, _piece(out, at - _1, _TO_DELIVERED), gap[GAP_DELIVERED])
    at = _number(out, _piece(out, at, _TO_NEGATIVE), gap[GAP_NEGATIVE])
    at = _number(out, _piece(out, at, _TO_RETURNS), gap[GAP_RETURNS])
    return _byte(out, _piece(out, _piece(out, at, _BLOCKED), _NULL + block), _CLOSE)


# Each of these writes something and returns where it ends.


@compiled
def _byte(out: AnyArray, at: Place, byte: int) -> Place:
    out[at] = byte
    return at + _1


@compiled
def _bytes(out: AnyArray, at: Place, content: AnyArray) -> Place:
    size = np.uint64(len(content))
    for i in range(size):
        out[at + i] = content[i]
    return at + size


@compiled
def _piece(out: AnyArray, at: Place, number: int) -> Place:
    start: Place = _BOUNDS[number]
    size: Place = _BOUNDS[number + 1] - start
    for first in range(_0, size, _16):
        for i in range(_16):
            out[at + first + i] = _TEXT[start + first + i]
    return at + size


@compiled
def _number(out: AnyArray, at: Place, number: int) -> Place:
    """Three digits at a time from a table; bytes are moved by four, which is one move, where that hurts nothing."""
    rest = np.uint64(number)
    head, places = rest, _0
    while head >= _1000:
        head //= _1000
        places += _3
    for i in range(_4):
        out[at + i] = _PLAIN[_4 * head + i]
    at += _LENGTH[head]
    place = at + places
    while place > at:
        place -= _3
        group = rest % _1000
        rest //= _1000
        for i in range(_3):
            out[place + i] = _PADDED[_3 * group + i]
    return at + places


@compiled
def _hex(out: AnyArray, at: Place, content: AnyArray) -> Place:
    for byte in content:
        out[at] = _HEX[byte >> 4]
        out[at + _1] = _HEX[byte & 15]
        at += _2
    return at


@compiled
def _text(out: AnyArray, at: Place, data: AnyArray, start: int, end: int) -> Place:
    """The inside of a JSON string: UTF-8 as it is, but for quotes, backslashes and control characters."""
    for i in range(start, end):
        byte = data[i]
        escape = _ESCAPES[byte]
        if not escape:
            at = _byte(out, at, byte)
            continue
        at = _byte(out, _byte(out, at, _BACKSLASH), escape)
        if escape == _LONG:
            at = _hex(out, _byte(out, _byte(out, at, _ZERO), _ZERO), data[i : i + 1])
    return at
