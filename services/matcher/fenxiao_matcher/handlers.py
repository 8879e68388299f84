"""From fetched records to the fold: decode once, check the marks, fold, note the position. The `publisher` takes it from there.

A record that cannot be ours (unreadable, or a gap in `seq`) halts the whole replica, aloud: whatever it would rank from
here on would not follow from the log.
"""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import structlog

from fenxiao_matcher.core.matcher import Matcher
from fenxiao_matcher.marks import Marks, Positions, readable
from fenxiao_runtime.errors import Halt
from fenxiao_schemas.topics import EVENTS, TIERS, codec_of

_LOG = structlog.get_logger("replica")
_PARTITION = attrgetter("partition")


class Replica:
    """The fold of both input topics, and how far it is.

    Attributes:
        halted: Why it will fold nothing any more.
    """

    def __init__(self, matcher: Matcher, partitions: int) -> None:
        self.matcher = matcher
        self.events = Positions(EVENTS.name, partitions)
        self.tiers = Positions(TIERS.name, partitions)
        self.halted: Halt | None = None
        self._marks = Marks(partitions)
        self._events_codec = codec_of(EVENTS)
        self._tiers_codec = codec_of(TIERS)
        self._pinned: list[list[int]] | None = None

    async def handle_events(self, records: Sequence[Any]) -> None:
        """Fold fetched records of the events topic; never raises for what is in them."""
        await self._handle(records, self._fold_events)

    async def handle_tiers(self, records: Sequence[Any]) -> None:
        """Fold fetched records of the tiers topic; never raises for what is in them."""
        await self._handle(records, self._fold_tiers)

    def pin_ends(self) -> None:
        """What the logs hold now is the past: it is folded before anything is published."""
        self._pinned = [list(self.events.end_offsets), list(self.tiers.end_offsets)]

    @property
    def caught_up(self) -> bool:
        """Whether the past is folded."""
        if self._pinned is None:
            return False
        events, tiers = self._pinned
        return _reached(self.events, events) and _reached(self.tiers, tiers)

    async def _handle(self, records: Sequence[Any], fold: Any) -> None:
        if self.halted is not None:
            return
        try:
            for partition, run in _runs(records):
                fold(partition, run)
        except Halt as halt:
            self.halt(halt)
        except Exception as error:  # noqa: BLE001 - a bug of ours: halting is the one safe thing
            _LOG.exception("handler error")
            self.halt(Halt("handler_error", f"{type(error).__name__}: {error}"))
        await asyncio.sleep(0)

    def halt(self, halt: Halt) -> None:
        """Stop for good."""
        self.halted = halt
        _LOG.error("halted", reason=halt.reason, detail=halt.detail)

    def _fold_events(self, partition: int, run: list[Any]) -> None:
        where = f"{EVENTS.name}-{partition}"
        decoded = self._events_codec.decode_own_batch([record.value for record in run])
        messages = readable(decoded, [record.offset for record in run], where)
        fresh = self._marks.unseen(partition, messages, f"{where} offset {run[0].offset} or after")
        self.matcher.fold_events(partition, fresh)
        self.events.next_offsets[partition] = run[-1].offset + 1

    def _fold_tiers(self, partition: int, run: list[Any]) -> None:
        decoded = self._tiers_codec.decode_own_batch([record.value for record in run])
        messages = readable(decoded, [record.offset for record in run], f"{TIERS.name}-{partition}")
        # Compaction leaves gaps in `seq`; the revision per product says which message counts.
        self.matcher.fold_tiers(messages)
        self.tiers.next_offsets[partition] = run[-1].offset + 1


def _runs(records: Sequence[Any]) -> Iterator[tuple[int, list[Any]]]:
    for partition, run in groupby(records, key=_PARTITION):
        yield partition, list(run)


def _reached(positions: Positions, pinned: list[int]) -> bool:
    return all(at >= end for at, end in zip(positions.next_offsets, pinned, strict=True))
