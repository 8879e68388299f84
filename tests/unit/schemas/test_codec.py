"""Codecs against hostile bodies: whatever anybody sends, it is rejected alone and its neighbours are read."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao_schemas.base import ID_LENGTH_MAX, TEXT_LENGTH_MAX
from fenxiao_schemas.codec import BODY_BYTES_MAX, ERROR_LENGTH_MAX, Codec, Rejected, encode
from fenxiao_schemas.commands import AnyCommand, Command, HoldProduct, RecordSale, RecordShipment, RegisterCreator

CODEC: Codec[Command] = Codec(AnyCommand)
SALE = RecordSale(
    command_id="sal-1",
    at_ms=1_773_577_867_000,
    product_id="p-1",
    order_id="o-1",
    order_line_id="o-1-1",
    quantity=2,
    paid_minor=31_800,
    currency="CNY",
)
HOLD = HoldProduct(command_id="hol-1", at_ms=1_773_577_867_000, product_id="p-1", reason="抽检中")
GOOD = encode(SALE)


def sale_with(old: bytes, new: bytes) -> bytes:
    """The good sale with one piece of its body replaced."""
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def with_field(value: bytes) -> bytes:
    """The good sale with an unknown field, which readers skip."""
    return GOOD[:-1] + b',"unknown":' + value + b"}"


HOSTILE: dict[str, bytes | None] = {
    "two messages in one body": GOOD + b"," + GOOD,
    "two lines in one body": GOOD + b"\n" + GOOD,
    "a list of one message": b"[" + GOOD + b"]",
    "closes the list it might be put in": GOOD + b"],[" + GOOD,
    "the first half of a string": GOOD[: GOOD.index(b'"p-1"') + 2],
    "the second half of a string": GOOD[GOOD.index(b'"p-1"') + 2 :],
    "empty": b"",
    "blank": b" \n",
    "no value": None,
    "null": b"null",
    "not UTF-8 in a known field": sale_with(b'"p-1"', b'"p\xff1"'),
    "not UTF-8 at all": b"\xff\xfe\x00",
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "half a surrogate pair": sale_with(b'"p-1"', b'"\\ud800"'),
    "NUL after the end": GOOD + b"\x00",
    "NUL in an id": sale_with(b'"p-1"', b'"p\\u0000"'),
    "NUL in a text": encode(HOLD).replace("抽检中".encode(), b"\\u0000"),
    "lists nested 2,000 deep": b"[" * 2_000 + b"]" * 2_000,
    "a known field nested 2,000 deep": sale_with(b'"p-1"', b"[" * 2_000 + b"]" * 2_000),
    "an unknown field nested 100,000 deep": with_field(b"[" * 100_000 + b"]" * 100_000),
    "objects nested deeply and left open": with_field(b'{"a":' * 100_000),
    "NaN": sale_with(b"31800", b"NaN"),
    "NaN in an unknown field": with_field(b"NaN"),
    "infinity": sale_with(b"31800", b"1e999"),
    "a number with a fraction": sale_with(b"31800", b"31800.5"),
    "a bool for a number": sale_with(b"31800", b"true"),
    "an int of 4,000 digits": sale_with(b"31800", b"9" * 4_000),
    "an int of more digits than Python converts": sale_with(b"31800", b"9" * 5_000),
    "a negative price": sale_with(b"31800", b"-1"),
    "too long an id": sale_with(b'"p-1"', b'"' + b"p" * (ID_LENGTH_MAX + 1) + b'"'),
    "an empty id": sale_with(b'"p-1"', b'""'),
    "a blank in an id": sale_with(b'"p-1"', b'"p 1"'),
    "too long a text": encode(HOLD).replace("抽检中".encode(), "抽".encode() * (TEXT_LENGTH_MAX + 1)),
    "a type twice, differently": GOOD[:-1] + b',"type":"hold_product"}',
    "a field twice, one of them out of bounds": sale_with(b'"quantity":2', b'"quantity":0,"quantity":2'),
    "an unknown type": sale_with(b"record_sale", b"record_gift"),
    "no type": sale_with(b'"type":"record_sale",', b""),
    "a missing field": sale_with(b'"quantity":2,', b""),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_is_rejected_alone(body: bytes | None) -> None:
    """It is told apart in one bounded line, and the records around it are read."""
    for decode in (CODEC.decode_batch, CODEC.decode_own_batch):
        before, rejected, after = decode([GOOD, body, encode(HOLD)])
        assert (before, after) == (SALE, HOLD)
        assert isinstance(rejected, Rejected)
        assert 0 < len(rejected.error) <= ERROR_LENGTH_MAX
        assert rejected.error.isprintable()


def test_too_large_a_body_is_rejected_unread() -> None:
    """The limit itself is allowed. Only others' bodies are measured: ours have the bounds of their fields."""
    largest = GOOD.ljust(BODY_BYTES_MAX)
    before, rejected, after = CODEC.decode_batch([largest, largest + b" ", GOOD])
    assert (before, after) == (SALE, SALE)
    assert isinstance(rejected, Rejected)
    assert str(BODY_BYTES_MAX) in rejected.error


def test_a_field_said_twice_counts_as_said_last() -> None:
    """JSON leaves it open and msgspec can't refuse it: each is checked, the last wins, and one is written on."""
    (message,) = CODEC.decode_batch([sale_with(b'"quantity":2', b'"quantity":9,"quantity":2')])
    assert message == SALE
    assert encode(SALE) == GOOD


@pytest.mark.parametrize(
    "value",
    [b"\xff".join([b'"', b'"']), b"9" * 5_000, b"[" * 500 + b"]" * 500],
    ids=["not UTF-8", "5,000 digits", "500 deep"],
)
def test_what_stands_in_an_unknown_field_is_skipped_unread(value: bytes) -> None:
    """Newer writers may add fields; nothing of them reaches us, and nothing of them is written on."""
    (message,) = CODEC.decode_batch([with_field(value)])
    assert message == SALE


def test_an_id_does_not_end_in_a_newline() -> None:
    """The JSON Schema, as other languages read it, forbids it."""
    (message,) = CODEC.decode_batch([sale_with(b'"p-1"', b'"p-1\\n"')])
    assert isinstance(message, Rejected)


def test_two_broken_bodies_do_not_mend_each_other() -> None:
    """A string split over two bodies, and a body with two messages that makes the count right again.

    Joined, this would be three messages of three records; it is why others' bodies are never joined.
    """
    cut = GOOD.index(b'"p-1"') + 2
    bodies = [GOOD[:cut], GOOD[cut:], GOOD + b"," + GOOD]
    assert all(isinstance(result, Rejected) for result in CODEC.decode_batch(bodies))


def test_a_string_split_over_two_of_our_own_bodies_is_two_rejections() -> None:
    """The joined list is valid JSON, but shorter than the batch."""
    cut = GOOD.index(b'"p-1"') + 2
    results = CODEC.decode_own_batch([GOOD, GOOD[:cut], GOOD[cut:]])
    assert [isinstance(result, Rejected) for result in results] == [False, True, True]


@pytest.mark.parametrize("bodies", [[], [GOOD], [GOOD, encode(HOLD)] * 100], ids=["none", "one", "many"])
def test_a_joined_batch_is_what_its_bodies_are(bodies: list[bytes]) -> None:
    assert CODEC.decode_own_batch(bodies) == [CODEC.decode(body) for body in bodies]


ids = st.text("abcXYZ019._:-", min_size=1, max_size=ID_LENGTH_MAX)
texts = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=TEXT_LENGTH_MAX)
times = st.integers(min_value=0, max_value=4_102_444_800_000)
messages = st.one_of(
    st.builds(HoldProduct, command_id=ids, at_ms=times, product_id=ids, reason=texts),
    st.builds(RegisterCreator, command_id=ids, at_ms=times, creator_id=ids, name=texts, categories=st.just(("a/b",))),
    st.builds(
        RecordSale,
        command_id=ids,
        at_ms=times,
        reference=st.none() | ids,
        product_id=ids,
        order_id=ids,
        order_line_id=ids,
        quantity=st.integers(1, 1_000_000),
        paid_minor=st.integers(0, 10**12),
        currency=st.sampled_from(["CNY", "USD"]),
        buyer_id=st.none() | ids,
    ),
)
good_bodies = messages.map(encode)
small_hostile = [body for body in HOSTILE.values() if body is None or len(body) < 10_000]
bodies = st.lists(st.one_of(good_bodies, st.sampled_from(small_hostile), st.binary(max_size=40)), max_size=12)


@given(messages)
def test_a_message_survives_the_round_trip(message: Command) -> None:
    assert CODEC.decode(encode(message)) == message


@given(bodies)
def test_a_batch_is_what_its_bodies_are_one_by_one(batch: list[bytes | None]) -> None:
    """For any mix: the result at a place depends on the body at that place alone."""
    assert CODEC.decode_batch(batch) == [CODEC.decode_batch([body])[0] for body in batch]


@given(st.lists(good_bodies, max_size=12), st.none() | st.sampled_from(small_hostile), st.integers(0, 12))
def test_a_joined_batch_with_one_bad_body_falls_back(batch: list[bytes], bad: bytes | None, place: int) -> None:
    """One broken record among our own, wherever it stands, gives what decoding one by one gives."""
    mixed: list[bytes | None] = [*batch[:place], bad, *batch[place:]]
    assert CODEC.decode_own_batch(mixed) == CODEC.decode_batch(mixed)


STRICT: msgspec.json.Decoder[Command] = msgspec.json.Decoder(AnyCommand)
SHIPMENT = RecordShipment(command_id="s", at_ms=1, product_id="p", order_line_id="l")
PLAIN = [encode(SALE), encode(SHIPMENT)]
PIECES = [
    *(
        b'"',
        b'""',
        b"\\",
        b'\\"',
        b",",
        b":",
        b" ",
        b"\n",
        b"{",
        b"}",
        b"[",
        b"]",
        b"\x00",
        b"\xff",
        "é".encode(),
        b"-",
        b"A" * 70,
    ),
    *(b"\\u0041", b"\\u000a", b'"product_id":"a b",', b'"product_id":"ab",', b'"product_id":"",', b'"currency":"cny",'),
    *(b'"x":"a,b",', b'"x":"\\"",', b'"x":{"y":["z",1]},', b'"reference":null,', b'"reference":"r\\n",', b"null"),
]
edits = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 3), st.sampled_from(PIECES) | st.binary(max_size=2)), max_size=4
)


def edited(body: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """The body with some bytes at some places replaced."""
    for place, cut, piece in changes:
        at = place % (len(body) + 1)
        body = body[:at] + piece + body[at + cut :]
    return body


def strictly(body: bytes) -> Command | Rejected:
    """What a decoder that matches every id says."""
    try:
        return STRICT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Rejected(" ".join(str(error).split())[:ERROR_LENGTH_MAX])


@settings(max_examples=500)
@given(st.sampled_from(PLAIN) | good_bodies, edits)
def test_ids_are_not_matched_one_by_one_and_yet_none_slips_through(
    body: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    """The quick way for plain bodies accepts what the strict decoder accepts, and errors are the strict decoder's."""
    body = edited(body, changes)
    [result] = CODEC.decode_batch([body])
    assert result == strictly(body)
    assert type(result) is type(strictly(body))


@pytest.mark.parametrize("piece", PIECES, ids=repr)
@pytest.mark.parametrize("body", PLAIN, ids=["sale", "shipment"])
def test_one_piece_anywhere_in_a_plain_body(body: bytes, piece: bytes) -> None:
    for at in range(len(body) + 1):
        changed = body[:at] + piece + body[at:]
        assert CODEC.decode_batch([changed]) == [strictly(changed)], changed


def test_a_message_read_the_quick_way_is_of_its_own_class() -> None:
    read = CODEC.decode_batch(PLAIN)
    assert read == [SALE, SHIPMENT]
    assert [type(message) for message in read] == [RecordSale, RecordShipment]
    assert [encode(message) for message in read if isinstance(message, Command)] == PLAIN
