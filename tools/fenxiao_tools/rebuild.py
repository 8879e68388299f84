"""`fenxiao rebuild`: folds the log from zero with the scorer's own core, beside the services and without a word to them.

Alone it says how far and how fast that went; it can hold the live state against what came out (`rebuild_and_compare`), or
stop at a past day, under another policy if wished (`rebuild_as_of`). This module does the reading; what is pure lives in
`rebuilding`. `verify` asks another question: whether the core itself is right, by the oracle.
"""

import asyncio
import datetime as dt
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fenxiao_schemas.policy import PolicyError, parse_policy
from fenxiao_schemas.topics import EVENTS, TIERS
from fenxiao_scorer.core import Events, ScorerState, fingerprint
from fenxiao_tools.errors import ToolError
from fenxiao_tools.policy_cli import read_text
from fenxiao_tools.rebuilding.as_of import AsOf
from fenxiao_tools.rebuilding.comparing import Comparison
from fenxiao_tools.rebuilding.folding import Half, Look, Policies, Progress, Rebuild
from fenxiao_tools.rebuilding.kafka import Records, Tape, new_events, open_tape
from fenxiao_tools.rebuilding.live import Position, instead, read_live

EPOCH = dt.date(1970, 1, 1)

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of a whole rebuild, by partition.

    Attributes:
        comparison: With the live state, if that was asked for.
    """

    progress: list[Progress]
    fingerprints: list[str]
    comparison: Comparison | None = None


async def rebuild(bootstrap_servers: str, dsn: str, *, compare: bool = False, report: Say | None = None) -> Rebuilt:
    """Fold everything up to the committed offsets.

    Args:
        bootstrap_servers: Kafka's.
        dsn: PostgreSQL.
        compare: Whether to compare the live state with what comes out.
        report: Takes a line of progress at a time.

    Raises:
        ToolError: Kafka or PostgreSQL can't be reached, or the log cannot be folded.
    """
    say = report or _silence
    say("reading PostgreSQL")
    live = await read_live(dsn, states=compare)
    count = len(live.positions)
    comparison = Comparison(live) if compare else None
    ends, messages = list[int](), 0
    if comparison is not None:
        async with open_tape(bootstrap_servers, TIERS, count) as tape:
            ends = tape.ends
            async for partition, records in tape.chunks():
                messages += len(records.offsets)
                say(f"reading {TIERS.name}: {messages:,} messages")
                await asyncio.to_thread(comparison.file, partition, records)
    folded = Rebuild(count, live.policy, watch=comparison.watch if comparison else None)
    fingerprints = [""] * count

    def at_end(state: ScorerState) -> None:
        fingerprints[state.partition] = fingerprint(state)

    cuts: list[list[_Cut]] = [[(position.next_offset, at_end)] for position in live.positions]
    if comparison is not None:
        for number, kept in enumerate(live.snapshots):
            if kept is not None:
                cuts[number].insert(0, (kept.next_offset, comparison.at_snapshot(number)))
    async with open_tape(bootstrap_servers, EVENTS, count) as tape:
        await _Feeder(tape, [folded], live.positions, cuts, say).run()
    if comparison is not None:
        if comparison.lag:
            async with open_tape(bootstrap_servers, TIERS, count, ends) as tape:
                async for partition, records in tape.chunks():
                    comparison.catch_up(partition, records)
        await asyncio.to_thread(comparison.finish, folded.states, folded.progress)
    return Rebuilt(folded.progress, fingerprints, comparison)


async def rebuild_as_of(
    bootstrap_servers: str, dsn: str, day: str, *, policy: Path | None = None, report: Say | None = None
) -> AsOf:
    """Fold up to the close of a day.

    Args:
        bootstrap_servers: Kafka's.
        dsn: PostgreSQL.
        day: A date, or the day's number.
        policy: A policy file, instead of every version that the log names.
        report: Takes a line of progress at a time.

    Raises:
        ToolError: As `rebuild`; or the day is none, or not closed, or the policy file is invalid.
    """
    say = report or _silence
    wanted = _policy_of(policy) if policy else None
    number = day_number(day)
    live = await read_live(dsn, states=False)
    check_closed(number, live.first_day, live.closed_day)
    answer = AsOf(number)
    folds = answer.folds(len(live.positions), live.policy, wanted or live.policy)
    async with open_tape(bootstrap_servers, EVENTS, len(live.positions)) as tape:
        await _Feeder(tape, folds, live.positions, [[] for _ in live.positions], say).run()
    if not all(fold.is_done(partition) for fold in folds for partition in range(len(live.positions))):
        raise ToolError(f"the log ends before day {shown_day(number)} closes")
    return answer


def day_number(text: str) -> int:
    """A business day out of `YYYY-MM-DD` or a number; raises `ToolError`."""
    if text.isascii() and text.isdigit() and len(text) < 8:
        return int(text)
    try:
        return (dt.date.fromisoformat(text) - EPOCH).days
    except ValueError as error:
        raise ToolError(f"{text!r} is no day: say it as YYYY-MM-DD, or as its number") from error


def shown_day(day: int) -> str:
    """A day for people."""
    return f"{day} ({EPOCH + dt.timedelta(days=day)})"


def check_closed(day: int, first_day: int, closed_day: int | None) -> None:
    """Raises `ToolError` unless the day has been closed."""
    if day < first_day:
        raise ToolError(f"day {shown_day(day)} is before the first one, {shown_day(first_day)}")
    if closed_day is None or day > closed_day:
        last = "no day is" if closed_day is None else f"the last closed one is {shown_day(closed_day)}"
        raise ToolError(f"day {shown_day(day)} is not closed yet: {last}")


def _policy_of(file: Path) -> Policies:
    try:
        return instead(parse_policy(read_text(file)))
    except PolicyError as error:
        raise ToolError(f"{file}: {error}") from error


type _Cut = tuple[int, Look]
"""An offset, and who looks at the state when all before it is folded."""


class _Feeder:
    """Gives the events of all partitions to folds, up to the committed offsets.

    Args:
        tape: The events.
        folds: All of them are given the same.
        positions: How far to go.
        cuts: By partition, who looks at the state on the way, in rising order of the offsets.
        say: Takes the progress.
    """

    def __init__(
        self, tape: Tape, folds: Sequence[Rebuild], positions: list[Position], cuts: list[list[_Cut]], say: Say
    ) -> None:
        self._tape, self._folds, self._positions, self._cuts, self._say = tape, folds, positions, cuts, say
        self._last_seqs = [0] * len(positions)
        self._halved = [position.step == 0 for position in positions]
        self._start = time.monotonic()
        for number, position in enumerate(positions):
            if tape.starts[number] > 0:
                raise ToolError(f"Kafka has lost the beginning of {EVENTS.name}, partition {number}")
            if tape.ends[number] < position.next_offset:
                raise ToolError(
                    f"{EVENTS.name}, partition {number}, ends at offset {tape.ends[number]} in Kafka,"
                    f" but the scorer has read up to {position.next_offset}"
                )

    async def run(self) -> None:
        """Feed them."""
        numbers = range(len(self._positions))
        while unread := [number for number in numbers if not await self._is_read(number)]:
            wanted = [number for number in unread if all(fold.wants(number) for fold in self._folds)]
            if not wanted:
                break
            for number, records in (await self._tape.read(wanted)).items():
                await asyncio.to_thread(self._feed, number, records)
            self._tell()
        if any(fold.waits(number) for fold in self._folds for number in numbers):
            raise ToolError("the log cannot be folded: a partition waits for a day that another never closes")

    async def _is_read(self, number: int) -> bool:
        """Whether nothing more is needed of a partition; the last looks are taken when its end is reached."""
        if all(fold.is_done(number) for fold in self._folds):
            return True
        position = await self._tape.position(number)
        if position < self._positions[number].next_offset:
            return False
        await asyncio.to_thread(self._pass_cuts, number)
        return self._halved[number] or position >= self._tape.ends[number]

    def _feed(self, number: int, records: Records) -> None:
        events, offsets = new_events(records, self._last_seqs[number], f"{EVENTS.name}, partition {number}")
        if not len(events):
            return
        self._last_seqs[number] = int(events.seqs[-1])
        cuts = self._cuts[number]
        while cuts and cuts[0][0] <= offsets[-1]:
            end = bisect_left(offsets, cuts[0][0])
            self._give(number, events[:end])
            self._give(number, cuts.pop(0)[1])
            events, offsets = events[end:], offsets[end:]
        within = bisect_left(offsets, self._positions[number].next_offset)
        self._give(number, events[:within])
        if within < len(events) and not self._halved[number]:
            position = self._positions[number]
            self._pass_cuts(number)
            self._give(number, Half(events[within : within + 1], position.step, position.step_size))
            self._halved[number] = True

    def _pass_cuts(self, number: int) -> None:
        while self._cuts[number]:
            self._give(number, self._cuts[number].pop(0)[1])

    def _give(self, number: int, item: Events | Half | Look) -> None:
        for fold in self._folds:
            if not isinstance(item, Events) or len(item):
                fold.take(number, item)

    def _tell(self) -> None:
        done = self._folds[-1]
        events, days = sum(each.events for each in done.progress), min(each.closes for each in done.progress)
        rate = events / max(time.monotonic() - self._start, 1e-9)
        self._say(f"folding: {events:,} events, {days} days closed everywhere, {rate:,.0f} events/s")


def _silence(_line: str) -> None:
    pass
