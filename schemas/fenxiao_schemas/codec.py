"""Bytes to Structs and back, in one pass: a record at a time, or a whole batch joined into one JSON array.

A bad record never raises out of a batch: it becomes a `Rejected` in its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

BODY_BYTES_MAX: Final = 1_048_576
"""The longest body that is looked at; a longer one is rejected unread."""
ERROR_LENGTH_MAX: Final = 300

_ENCODER: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A body that is not a message of its topic, and why, in one line."""

    error: str


def encode(message: msgspec.Struct) -> bytes:
    """The one encoding of a message: compact JSON, fields in the order of the class."""
    return _ENCODER.encode(message)


class Codec[M]:
    """Decodes the messages of one topic.

    Args:
        union: The topic's message type: a Struct, or a union of tagged Structs.
    """

    def __init__(self, union: Any) -> None:
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
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError):
            return self.decode_batch(bodies)
        return joined if len(joined) == len(bodies) else self.decode_batch(bodies)

    def _decode_or_reject(self, body: bytes | None) -> M | Rejected:
        if body is None:
            return Rejected("the record has no value")
        if len(body) > BODY_BYTES_MAX:
            return Rejected(f"the body has {len(body)} bytes, over {BODY_BYTES_MAX}")
        try:
            return self._one.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Rejected(_one_line(error))


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:ERROR_LENGTH_MAX]
