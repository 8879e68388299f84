"""How far each input partition has been read, and whether what comes is what has to come. `handlers` asks it."""

from collections.abc import Sequence
from typing import Any

from fenxiao_runtime.errors import Halt
from fenxiao_schemas.codec import Rejected


class Positions:
    """The next offset of each partition of a topic."""

    def __init__(self, topic: str, partitions: int) -> None:
        self.topic = topic
        self.next_offsets = [0] * partitions
        self.end_offsets = [0] * partitions
        """The last known; `lag` is measured against these."""

    def lag(self) -> list[int]:
        """How many records each partition is behind."""
        return [max(end - at, 0) for end, at in zip(self.end_offsets, self.next_offsets, strict=True)]


class Marks:
    """The highest `seq` applied of each partition of a gapless topic."""

    def __init__(self, partitions: int) -> None:
        self._marks = [0] * partitions

    def unseen(self, partition: int, messages: Sequence[Any], where: str) -> list[Any]:
        """Drop what is at or below the mark; raises `Halt` on a gap above it, which is a forged or a lost record."""
        mark = self._marks[partition]
        fresh = []
        for message in messages:
            if message.seq <= mark:
                continue
            if message.seq != mark + 1:
                self._marks[partition] = mark
                raise Halt("seq_gap", f"{where}: seq {message.seq}, expected {mark + 1}")
            mark += 1
            fresh.append(message)
        self._marks[partition] = mark
        return fresh


def readable(messages: Sequence[Any], offsets: Sequence[int], where: str) -> Sequence[Any]:
    """The messages, if all could be read; raises `Halt`: the topics are our own, so it is our fault."""
    for message, offset in zip(messages, offsets, strict=True):
        if isinstance(message, Rejected):
            raise Halt("unreadable_own_record", f"{where} offset {offset}: {message.error}")
    return messages
