"""Decodes one partition of a topic of ours as its readers do: no gap in `seq`, and what comes twice is the same.

A relay that crashed may have sent a record twice: at or below the highest `seq` so far it is dropped, if it has the
very bytes of the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fenxiao_schemas.codec import Codec, Rejected
from fenxiao_tools.logs import PartitionLog

_CHUNK = 10_000


@dataclass(slots=True)
class Numbered[M]:
    """The messages of one partition, each once, in order.

    Attributes:
        name: For the problems: which topic and partition.
        first: The `seq` that the first record must have; None for a topic whose beginning has expired.
        problems: What is wrong, a line each. After a gap nothing more comes.
        last: The `seq` of the last message that came out; known when the messages have been taken.
        repeats: How many records came twice.
    """

    name: str
    log: PartitionLog
    codec: Codec[M]
    first: int | None = 1
    problems: list[str] = field(default_factory=list)
    last: int = 0
    repeats: int = 0

    def messages(self) -> Iterator[M]:
        """Each message once. Broken off at a gap or at what can't be read."""
        kept: list[bytes | None] = []
        first = self.first
        for body, message in self._decoded():
            if isinstance(message, Rejected):
                self.problems.append(f"{self.name}: after seq {self.last}, a record can't be read: {message.error}")
                return
            seq: int = message.seq
            first = seq if first is None else first
            if first <= seq < first + len(kept):
                self._repeated(seq, same=kept[seq - first] == body)
            elif seq != first + len(kept):
                self.problems.append(f"{self.name}: seq {seq} follows {self.last}, where {first + len(kept)} was due")
                return
            else:
                kept.append(body)
                self.last = seq
                yield message

    def _repeated(self, seq: int, *, same: bool) -> None:
        self.repeats += 1
        if not same:
            self.problems.append(f"{self.name}: seq {seq} came twice, with different content")

    def _decoded(self) -> Iterator[tuple[bytes | None, Any]]:
        for start in range(0, len(self.log.bodies), _CHUNK):
            bodies = self.log.bodies[start : start + _CHUNK]
            yield from zip(bodies, self.codec.decode_own_batch(bodies), strict=True)
