"""Bytes to Structs and back, in one pass: a record at a time, or a whole batch joined into one JSON array.

A bad record never raises out of a batch: it becomes a `Rejected` in its place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from fenxiao_schemas.base import ID_LENGTH_MAX, Id

BODY_BYTES_MAX: Final = 1_048_576
"""The longest body that is looked at; a longer one is rejected unread."""
ERROR_LENGTH_MAX: Final = 300

encode: Final[Callable[[msgspec.Struct], bytes]] = msgspec.json.Encoder().encode
"""The one encoding of a message: compact JSON, fields in the order of the class."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A body that is not a message of its topic, and why, in one line."""

    error: str


_FAULTS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ID_CHARACTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
PLAIN_BYTES_MAX: Final = 2_048
"""A longer body is not among the many that must be quick, and should not be kept in a cache."""
_set = object.__setattr__
_UnmatchedId = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH_MAX)]


class _PlainBodies[M]:
    """Decodes bodies whose strings are all of the characters of an `Id`, without matching each id, which costs far more.

    For each message there is a subclass, the same but that its ids have no pattern. It is what the body is decoded to,
    and then made the message's own class.

    Args:
        union: As `Codec` takes it.
    """

    def __init__(self, union: Any) -> None:
        kinds = [_without_patterns(kind) for kind in get_args(union) or (union,)]
        self._decoder: msgspec.json.Decoder[M] = msgspec.json.Decoder(Union[tuple(kinds)])  # noqa: UP007 - made of a list

    def decode(self, body: bytes) -> M | None:
        """The message; None if this is not such a body, or not a message: `Codec` knows what to say of it."""
        if len(body) > PLAIN_BYTES_MAX or not _is_plain(body.translate(None, _ID_CHARACTERS)):
            return None
        try:
            message = self._decoder.decode(body)
        except _FAULTS:
            return None
        _set(message, "__class__", type(message).__base__)
        return message


@lru_cache(maxsize=4_096)
def _is_plain(left: bytes) -> bool:
    """Whether all strings of a JSON text are plain, by what is left of it without the characters of ids.

    Nothing is left of a plain string but its quotes, side by side, and outside of strings there are none: a quote that stands
    alone, counted from the left in pairs, is next to another character of its string. Few different ones are ever asked about.
    """
    return b'"' not in left.replace(b'""', b"")


def _without_patterns(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    fields = [
        (field.name, _unmatched(field.type)) if field.required else (field.name, _unmatched(field.type), field.default)
        for field in msgspec.structs.fields(kind)
        if field.type != _unmatched(field.type)
    ]
    config = kind.__struct_config__
    return msgspec.defstruct(
        kind.__name__, fields, bases=(kind,), tag=config.tag, frozen=config.frozen, kw_only=True, gc=config.gc
    )


def _unmatched(type_: Any) -> Any:
    """The type of a field, but that an id in it has no pattern."""
    if type_ == Id:
        return _UnmatchedId
    if get_origin(type_) in (Union, UnionType):
        return Union[tuple(_unmatched(part) for part in get_args(type_))]  # noqa: UP007 - made of a list
    return type_


class Codec[M]:
    """Decodes the messages of one topic.

    Args:
        union: The topic's message type: a Struct, or a union of tagged Structs.
    """

    def __init__(self, union: Any) -> None:
        self._plain: _PlainBodies[M] = _PlainBodies(union)
        self._one: msgspec.json.Decoder[M] = msgspec.json.Decoder(union)
        self._many: msgspec.json.Decoder[list[M | Rejected]] = msgspec.json.Decoder(list[union])

    def decode(self, body: bytes) -> M:
        """Decode one body; raises `msgspec.DecodeError`, or `RecursionError` for what is nested too deeply."""
        return self._one.decode(body)

    def decode_batch(self, bodies: Sequence[bytes | None]) -> list[M | Rejected]:
        """Decode many bodies that anybody may have written, each alone, so that none can lean on its neighbours."""
        return [self._decode_or_reject(body) for body in bodies]

    def decode_own_batch(self, bodies: Sequence[bytes | None]) -> list[M | Rejected]:
        """Decode many bodies that a service of ours wrote, joined into one array; one by one if that fails.

        Not for what others write: two broken bodies may join into a whole one (`{"a":"x` and `y"}`).
        """
        try:
            joined: list[M | Rejected] = self._many.decode(b"[" + b",".join(bodies) + b"]")  # type: ignore[arg-type]
        except (*_FAULTS, TypeError):
            return self.decode_batch(bodies)
        return joined if len(joined) == len(bodies) else self.decode_batch(bodies)

    def _decode_or_reject(self, body: bytes | None) -> M | Rejected:
        if body is None:
            return Rejected("the record has no value")
        if len(body) > BODY_BYTES_MAX:
            return Rejected(f"the body has {len(body)} bytes, over {BODY_BYTES_MAX}")
        message = self._plain.decode(body)
        if message is not None:
            return message
        try:
            return self._one.decode(body)
        except _FAULTS as error:
            return Rejected(_one_line(error))


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:ERROR_LENGTH_MAX]
