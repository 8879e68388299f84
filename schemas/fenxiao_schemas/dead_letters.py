"""`fenxiao.<service>.dlq.v1`: what could not even be read, cut to a bounded length, with where it came from."""

from typing import Annotated

from msgspec import Meta

from fenxiao_schemas.base import Message, Offset, Partition, Seq, snake_case

BODY_BYTES_MAX = 4_096


class DeadLetter(Message, frozen=True, kw_only=True, gc=False, tag=snake_case):
    """A record that could not be read.

    Attributes:
        body: Its first `BODY_BYTES_MAX` bytes, base64 on the wire.
        body_bytes: How long it was.
        body_sha256: Of the whole body, in hex.
        error: Why it could not be read, one line.
    """

    seq: Seq
    topic: Annotated[str, Meta(max_length=249)]
    partition: Partition
    offset: Offset
    reason: Annotated[str, Meta(max_length=32)]
    error: Annotated[str, Meta(max_length=300)]
    body: Annotated[bytes, Meta(max_length=BODY_BYTES_MAX)]
    body_bytes: Annotated[int, Meta(ge=0)]
    body_sha256: Annotated[str, Meta(max_length=64)]
    key: Annotated[bytes, Meta(max_length=1_024)] | None = None


AnyDeadLetter = DeadLetter
