"""Probes: products that are held once each, which always makes a tier message. When they were due, and when it was readable.

`latency` and `chain` send them among their load; `tier_reader` sees the answers.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self

from fenxiao_tools.bench.open_loop import NS_PER_S, Sending, Stream, due_ns
from fenxiao_tools.bench.percentiles import NS_PER_MS, Spread, spread
from fenxiao_tools.bench.tier_reader import READY
from fenxiao_tools.bench.trade import Act, Trade
from fenxiao_tools.errors import ToolError
from fenxiao_tools.health import last_words
from fenxiao_tools.stack.environment import KAFKA_VARIABLE

PER_S = 100
"""Enough for a 99th percentile in seconds; a twentieth of the load at 2,000 a second."""
PREFIX = "probe-"
ANSWER_S_MAX = 30.0
READY_S_MAX = 30.0
LOOK_S = 0.1


type Timed = tuple[int, Act, bool]
"""When since the start, what, and whether it is a probe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One open loop to be."""

    rate: int
    seconds: float
    probes: list[str]
    acts: list[Timed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Where the time went, by the timestamps that Kafka's records carry: to the millisecond.

    Attributes:
        to_event: From due to the event written by the catalog's relay (by the bench itself, where there is no catalog).
        to_tier: From there to the tier message written by the scorer's relay.
        to_read: From there to readable.
    """

    to_event: Spread
    to_tier: Spread
    to_read: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopFigures:
    """One open loop.

    Attributes:
        rate: Wanted, a second, barriers not counted.
        seconds: That were measured; a lead-in of the same load came before.
        rate_sent: Reached, barriers not counted.
        probes: Sent.
        lost: Of those, how many had no answer.
        latency: From due to readable.
        from_ack: From the acknowledgement of Kafka to readable.
        sender_late: How late the bench itself was with its batches; it is part of `latency`.
        cpu_pct: Of one core, by process; `servers`: Kafka, PostgreSQL and the reading; `others`: not of this bench.
    """

    rate: int
    seconds: float
    rate_sent: int
    probes: int
    lost: int
    latency: Spread
    from_ack: Spread
    sender_late: Spread
    stages: Stages
    cpu_pct: dict[str, int]


def names(run: str, seconds: float) -> list[str]:
    """A product for each probe of a run."""
    return [f"{PREFIX}{run}-{number}" for number in range(int(seconds * PER_S))]


def plan(trade: Trade, probes: Sequence[str], *, rate: int, lead_s: float, seed: int) -> list[Timed]:
    """A lead-in without probes, then one probe at a random place among each `rate // PER_S` acts.

    At a fixed place, it would always meet the same moment of a cycle of whoever reads it.
    """
    rng, lead, group = Random(seed), round(lead_s * rate), max(1, rate // PER_S)
    places = {lead + number * group + rng.randrange(group): name for number, name in enumerate(probes)}
    made: list[Timed] = []
    for index in range(lead + len(probes) * group):
        probe = places.get(index)
        made.append((due_ns(index, rate), trade.act() if probe is None else Act("hold", probe), probe is not None))
    return made


class TierReader:
    """The reading process; an async context manager, ready when entered.

    Attributes:
        readable_ns: When each probe's message was first readable, by the monotonic clock.
        written_ms: The timestamp of that record.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._process: asyncio.subprocess.Process
        self._task: asyncio.Task[None]
        self.readable_ns: dict[str, int] = {}
        self.written_ms: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "fenxiao_tools.bench.tier_reader",
            PREFIX,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, KAFKA_VARIABLE: self._servers},
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), READY_S_MAX)
        except TimeoutError:
            line = b""
        if line.decode().strip() != READY:
            raise ToolError(f"the reader of tiers did not begin: {await self._last_words()}")
        self._task = asyncio.create_task(self._read(self._process.stdout), name="tier-reader")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await self._last_words()

    async def _last_words(self) -> str:
        if self._process.returncode is None:
            self._process.kill()
        _, errors = await self._process.communicate()
        return last_words(errors.decode(errors="replace"))

    async def _read(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            name, at_ns, stamp_ms = line.decode().split()
            if name not in self.readable_ns:
                self.readable_ns[name], self.written_ms[name] = int(at_ns), int(stamp_ms)

    def missing(self, probes: Sequence[str]) -> bool:
        """Whether one of them has no answer yet."""
        return any(name not in self.readable_ns for name in probes)

    async def wait_for(self, probes: Sequence[str], alive: Callable[[], None]) -> None:
        """Wait until all are answered, or `ANSWER_S_MAX` are over."""
        deadline = time.monotonic() + ANSWER_S_MAX
        while time.monotonic() < deadline and self.missing(probes):
            alive()
            if self._task.done():
                raise ToolError(f"the reader of tiers ended: {await self._last_words()}")
            await asyncio.sleep(LOOK_S)


def figures(
    load: Load,
    sending: Sending,
    streams: Sequence[Stream],
    reader: TierReader,
    *,
    event_ms: Mapping[str, int] | None,
    cpu_pct: dict[str, int],
) -> LoopFigures:
    """From what was noted.

    Args:
        load: What was to be sent.
        sending: How that went.
        streams: What was sent, with the due times.
        reader: What came back.
        event_ms: When each probe's event was written; None: when it was acknowledged, for the bench has written it.
        cpu_pct: See `LoopFigures`.
    """
    wall_ns = time.time_ns() - time.monotonic_ns()
    at, acked = reader.readable_ns, sending.acked_ns
    due = {name: sending.start_ns + stream.due_ns[index] for stream in streams for index, name in stream.probes}
    answered = [name for name in due if name in at and name in acked]
    tier = {name: reader.written_ms[name] * NS_PER_MS - wall_ns for name in answered}
    event = acked if event_ms is None else {name: ms * NS_PER_MS - wall_ns for name, ms in event_ms.items()}
    staged = [name for name in answered if name in event]
    return LoopFigures(
        rate=load.rate,
        seconds=load.seconds,
        rate_sent=round(len(load.acts) * NS_PER_S / max(1, sending.last_ns - sending.start_ns)),
        probes=len(due),
        lost=len(due) - len(answered),
        latency=spread(at[name] - due[name] for name in answered),
        from_ack=spread(at[name] - acked[name] for name in answered),
        sender_late=spread(sending.late_ns),
        stages=Stages(
            to_event=spread(event[name] - due[name] for name in staged),
            to_tier=spread(tier[name] - event[name] for name in staged),
            to_read=spread(at[name] - tier[name] for name in answered),
        ),
        cpu_pct=cpu_pct,
    )


def complaints(found: Sequence[LoopFigures]) -> Iterator[str]:
    """A line for each loop that lost something."""
    for one in found:
        if one.lost:
            yield (
                f"{one.lost:,} of {one.probes:,} probes had no tier message {ANSWER_S_MAX:g} s after the last record "
                f"was sent, at {one.rate:,} a second"
            )
