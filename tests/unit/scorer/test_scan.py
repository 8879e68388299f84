"""The scanner reads exactly what msgspec reads, and events as we write them without msgspec."""

import json
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from fenxiao_schemas.codec import BODY_BYTES_MAX, Rejected, encode
from fenxiao_schemas.commands import Fault
from fenxiao_schemas.events import AnyEvent, Barrier, CalendarStarted, CreatorRegistered, DayClosed, SaleRecorded
from fenxiao_schemas.topics import EVENTS, codec_of
from fenxiao_scorer.core.scan import FAULT_UNKNOWN, KINDS, WANTED, Events, read_events, span_length, span_start
from fenxiao_scorer.core.scan_tables import COLUMNS, NEXT, TABLES

CODEC: Final = codec_of(EVENTS)
UNSUPPORTED: Final = {CalendarStarted, CreatorRegistered}  # a pattern; a tuple
PLAIN: Final = st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\')
ANY: Final = st.characters(exclude_categories=["Cs"])
patient = settings(max_examples=200, deadline=None)  # the first call compiles


def value_of(kind: inspect.Type, letters: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """What a field of this type may hold."""
    match kind:
        case inspect.IntType(ge=low, le=high):
            low, high = -(10**17) if low is None else low, 10**17 if high is None else high
            return st.sampled_from([low, high]) | st.integers(low, min(high, low + 1000)) | st.integers(low, high)
        case inspect.BoolType():
            return st.booleans()
        case inspect.StrType(pattern=str()):
            return st.from_regex(r"[A-Z]{3}", fullmatch=True)
        case inspect.StrType(min_length=shortest, max_length=longest):
            edge = st.text(letters, min_size=longest or 0, max_size=longest)
            return st.text(letters, min_size=shortest or 0, max_size=longest) | edge
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.UnionType(types=types):
            return st.one_of(*(value_of(each, letters) for each in types))
        case inspect.NoneType():
            return st.none()
        case inspect.VarTupleType(item_type=item):
            return st.lists(value_of(item, letters), max_size=3).map(tuple)
        case _:
            raise NotImplementedError(kind)


def events_of(kinds: list[type[Any]], letters: st.SearchStrategy[str]) -> st.SearchStrategy[AnyEvent]:
    """Valid events, of every class as often."""
    described = {kind: inspect.type_info(kind).fields for kind in kinds}  # type: ignore[attr-defined]
    return st.one_of(
        [
            st.builds(kind, **{field.name: value_of(field.type, letters) for field in fields})
            for kind, fields in described.items()
        ]
    )


FAST: Final = events_of([kind for kind in KINDS if kind not in UNSUPPORTED], PLAIN)
EVENT: Final = events_of(list(KINDS), PLAIN) | events_of(list(KINDS), ANY)


def expected(body: bytes | None) -> Any:
    """What must become of a body: the message, or that it is rejected, its columns in Python's own values."""
    (event,) = CODEC.decode_batch([body])
    if isinstance(event, Rejected):
        return None
    values = [getattr(event, name) for name in WANTED[type(event)]]
    strings = [value for value in values if isinstance(value, str)]
    if any("\0" in value or len(value.encode()) > 255 for value in strings):
        return None
    return (type(event), event.seq, dict(zip(WANTED[type(event)], values, strict=True)))


def found(events: Events, index: int) -> Any:
    """The same, from the columns."""
    kind: Any = KINDS[events.kinds[index]]
    columns = dict(zip(WANTED[kind], events.fields[index].tolist(), strict=False))
    hints = get_type_hints(kind)
    for name, value in columns.items():
        hint = hints[name]
        members = get_args(hint) or (hint,)
        if value == -1 and type(None) in members:
            columns[name] = None
        elif get_origin(hint) is not None and isinstance(members[0], str):
            columns[name] = members[value]
        elif str in members:
            start = span_start(value)
            columns[name] = events.text[start : start + span_length(value)].tobytes().decode()
        elif bool in members:
            assert value in {0, 1}
            columns[name] = bool(value)
    return (kind, int(events.seqs[index]), columns)


def check(bodies: list[bytes | None]) -> Events:
    """The reading is msgspec's, up to the first body that is rejected."""
    events = read_events(bodies)
    assert len(events) == len(bodies)
    for index, body in enumerate(bodies):
        wanted = expected(body)
        if wanted is None:
            assert events.rejected is not None
            assert events.rejected[0] == index
            (event,) = CODEC.decode_batch([body])
            if isinstance(event, Rejected):
                assert events.rejected[1] == event
            else:
                assert "identifier" in events.rejected[1].error
            return events
        assert found(events, index) == wanted
        assert events.message(index) == CODEC.decode(body or b"")
    assert events.rejected is None
    return events


@patient
@given(st.lists(EVENT, max_size=6))
def test_columns_are_the_fields(events: list[AnyEvent]) -> None:
    check([encode(event) for event in events])


@patient
@given(st.lists(FAST, max_size=6))
def test_events_as_we_write_them_need_no_msgspec(events: list[AnyEvent]) -> None:
    assert check([encode(event) for event in events]).slow == 0


def test_only_the_classes_named_here_are_left_to_msgspec() -> None:
    reached = set()
    for head in TABLES.heads.tolist():
        number = head
        while number >= 0:
            reached.add(KINDS[number])
            number = int(TABLES.kinds[number, NEXT])
    assert reached == set(KINDS) - UNSUPPORTED


def test_wanted_fields_are_there_and_fit_a_column() -> None:
    assert get_args(AnyEvent) == KINDS
    assert get_args(Fault)[FAULT_UNKNOWN] == "unknown"
    for kind, names in WANTED.items():
        fields = {field.name: field.type for field in inspect.type_info(kind).fields}  # type: ignore[attr-defined]
        assert len(names) <= COLUMNS
        for name in names:
            member = fields[name]
            types = member.types if isinstance(member, inspect.UnionType) else (member,)
            assert all(each.le is not None and each.le < 2**63 for each in types if isinstance(each, inspect.IntType))


# Bodies that are not as we write them

SPOTS: Final = [b",", b'"', b" ", b"\\", b"0", b"9", b"-", b"+", b".0", b"e1", b"\0", b"\x7f", b"\xff", b"\xc3\xa9", b"}",
                b"null", b"true", b"1", b"\xed\xa0\x80", b"\\u0041", b"\\ud800", b"\\u0000", b"99999999999999999999"]  # fmt: skip
NUMBERS: Final = ["0", "-0", "-1", "00", "01", "1.0", "1.5", "1e3", "+1", " 1", "1 ", "9007199254740991",
                  "9007199254740992", "999999999999999999", "1000000000000000000", "9223372036854775808",
                  "18446744073709551616", "100000000000000000001", "1" * 400, "0x1", "NaN"]  # fmt: skip
VALUES: Final = [*NUMBERS, "null", "true", "false", "tru", "True", '""', '"x"', '"1"', "[]", "{}", '"' + "y" * 64 + '"',
                 '"' + "y" * 65 + '"', '"' + "é" * 64 + '"', '"' + "𝄞" * 64 + '"', '"a\\u0000"', '"none"']  # fmt: skip


@st.composite
def bent(draw: st.DrawFn) -> bytes:
    """A body that was good once."""
    body = encode(draw(EVENT))
    how = draw(st.sampled_from(["flip", "cut", "put", "drop", "swap", "repeat", "value", "space", "tag", "unknown"]))
    place = draw(st.integers(0, len(body) - 1))
    if how == "flip":
        return body[:place] + bytes([body[place] ^ (1 << draw(st.integers(0, 7)))]) + body[place + 1 :]
    if how == "cut":
        return body[:place]
    if how == "put":
        return body[:place] + draw(st.sampled_from(SPOTS) | st.binary(max_size=3)) + body[place:]
    if how == "drop":
        return body[:place] + body[place + draw(st.integers(1, 9)) :]
    pairs = [(json.dumps(name), msgspec.json.encode(value).decode()) for name, value in json.loads(body).items()]
    index = draw(st.integers(0, len(pairs) - 1))
    if how == "swap":
        pairs.insert(draw(st.integers(0, len(pairs) - 1)), pairs.pop(index))
    elif how == "repeat":
        pairs.insert(
            draw(st.integers(0, len(pairs))), (pairs[index][0], draw(st.sampled_from([pairs[index][1], *VALUES])))
        )
    elif how == "value":
        pairs[index] = (pairs[index][0], draw(st.sampled_from(VALUES)))
    elif how == "tag":
        pairs[0] = (
            pairs[0][0],
            json.dumps(draw(st.sampled_from(["", "s", "sale", "sale_recordedx", "barrier", "day_closed"]))),
        )
    elif how == "unknown":
        pairs.insert(index, ('"unknown"', draw(st.sampled_from(VALUES))))
    separators = (", ", ": ") if how == "space" else (",", ":")
    return ("{" + separators[0].join(name + separators[1] + value for name, value in pairs) + "}").encode()


@settings(max_examples=1000, deadline=None)
@given(st.lists(EVENT.map(encode), max_size=2), bent(), st.lists(EVENT.map(encode), max_size=2))
def test_what_is_bent_is_read_as_msgspec_reads_it(before: list[bytes], body: bytes, after: list[bytes]) -> None:
    check([*before, body, *after])


FIELDS: Final = [
    (encode(event), name)
    for event in (
        SaleRecorded(seq=7, product_id="p", order_id="o", order_line_id="l", at_ms=5, order_day=6, due_day=8, quantity=9,
                     paid_minor=10, unit_price_minor=11, creator_id="k", repeat=True),
        DayClosed(seq=7, day=5, next_policy_version=1, next_algorithm_version=1),
    )
    for name in type(event).__struct_fields__
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(("body", "name"), FIELDS, ids=[name for _, name in FIELDS])
def test_every_odd_value_in_every_field(body: bytes, name: str, value: str) -> None:
    pairs = {key: msgspec.json.encode(held).decode() for key, held in json.loads(body).items()} | {name: value}
    check([("{" + ",".join(f'"{key}":{held}' for key, held in pairs.items()) + "}").encode()])


@patient
@given(EVENT.map(encode), EVENT.map(encode))
@example(b'{"type":"barrier","seq":1', b"}")
def test_a_body_does_not_lean_on_the_next(one: bytes, other: bytes) -> None:
    for place in range(0, len(one), 7):
        check([one[:place], one[place:], other])
    check([one + other])
    check([b"", one])
    check([one + b"\n", other])


@pytest.mark.parametrize("length", [1, 9])
def test_every_byte_at_every_place_of_a_word(length: int) -> None:
    for field in (b'"order_id":"', b'"product_id":"'):
        body = FIELDS[0][0].replace(field, field + b"x" * length)
        first = body.index(field) + len(field)
        for place in range(first, first + length):
            for byte in range(256):
                check([body[:place] + bytes([byte]) + body[place + 1 :]])


def test_what_is_no_body_is_rejected() -> None:
    good = encode(Barrier(seq=1))
    check([good, None, good])
    check([good, b""])
    check([good, b" " * BODY_BYTES_MAX + good])
    check([good, good[:-1] + b" " * (BODY_BYTES_MAX - len(good)) + b"}"])
    assert len(read_events([])) == 0


@patient
@given(st.lists(EVENT, min_size=1, max_size=8), st.data())
def test_a_stretch_is_the_same_events(events: list[AnyEvent], data: st.DataObject) -> None:
    bodies: list[bytes | None] = [encode(event) for event in events]
    first, end = sorted(data.draw(st.tuples(st.integers(0, 8), st.integers(0, 8))))
    for part in (read_events(bodies)[first:end], read_events([*bodies, b"x"])[first:end]):
        for index, body in enumerate(bodies[first:end]):
            if expected(body) is not None and (part.rejected is None or index < part.rejected[0]):
                assert found(part, index) == expected(body)
    bad = read_events([*bodies, None])
    assert bad.rejected is not None
    place = bad.rejected[0]
    assert bad[:place].rejected is None
    assert bad[1:].rejected == (max(0, place - 1), bad.rejected[1])
    with pytest.raises(ValueError, match="one after the other"):
        bad[::2]


def test_bodies_are_as_long_as_their_spans() -> None:
    bodies: list[bytes | None] = [encode(Barrier(seq=seq)) for seq in (1, 22, 333)]
    events = read_events(bodies)
    assert [events.text[a:b].tobytes() for a, b in zip(events.starts, events.ends, strict=True)] == bodies
