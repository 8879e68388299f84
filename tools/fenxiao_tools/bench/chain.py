"""`fenxiao bench chain`: from a command appended to `catalog.commands` to its tier message readable, catalog and scorer."""

import asyncio
from collections.abc import Iterable, Sequence

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from fenxiao_schemas.codec import encode
from fenxiao_schemas.commands import Command
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.topics import COMMANDS, EVENTS
from fenxiao_tools.bench.deployment import Installed
from fenxiao_tools.bench.loops import (
    LoopResults,
    Options,
    deployed,
    earlier,
    load_of,
    machine_of,
    probe_names,
    producer,
    product_names,
    rate_in_words,
    run_loop,
    started,
)
from fenxiao_tools.bench.open_loop import Stream
from fenxiao_tools.bench.percentiles import NS_PER_MS
from fenxiao_tools.bench.probes import PREFIX, LoopFigures, TierReader, Timed, figures
from fenxiao_tools.bench.trade import FIRST_DAY, Act, Trade, as_command, opened
from fenxiao_tools.connect import kafka_errors
from fenxiao_tools.feed import Feed
from fenxiao_tools.phases import Phases
from fenxiao_tools.processes import Services

TICK_NS = 5 * NS_PER_MS
"""The sender collects for so long, as Kafka's own client does since 4.0; it counts from each command's own time."""
AHEAD_S_MAX = 600.0
READ_WAIT_MS = 1_000


def run_chain(options: Options) -> LoopResults:
    """Measure; what was started is stopped again.

    Raises:
        ToolError: A part could not be started, or failed.
        StackError: There are no servers.
    """
    phases = Phases()
    with deployed("chain", options, phases) as found, started(found, ["catalog", "scorer"], phases) as services:
        loops = asyncio.run(_Run(found, services, options, phases).measure())
        machine = asyncio.run(machine_of(found))
    phases.total("measured")
    return LoopResults(bench="chain", machine=machine, options=options, loops=tuple(loops))


class _Run:
    """The parts of a run."""

    def __init__(self, found: Installed, services: Services, options: Options, phases: Phases) -> None:
        self._found, self._services, self._options, self._phases = found, services, options, phases
        self._servers = found.stack.bootstrap_servers
        self._trade = Trade(product_names(options), options.seed)
        self._commands = 0

    async def measure(self) -> list[LoopFigures]:
        """What went before, then each rate."""
        async with Feed(self._servers, self._found.stack.postgres_dsn) as feed:
            with self._phases.phase("sending a day of commands ahead") as say:
                await self._ahead(feed)
                await feed.wait_until_caught_up(AHEAD_S_MAX, say.passing)
                say(f"{feed.sent:,} commands")
            async with TierReader(self._servers) as reader:
                found: list[LoopFigures] = []
                for rate in self._options.rates:
                    found.append(await self._loop(rate, feed, reader))
                    if found[-1].lost:
                        break
                return found

    async def _ahead(self, feed: Feed) -> None:
        probes = [name for names in probe_names(self._options).values() for name in names]
        # Without a plan, since nobody is to sell them.
        listed = (Act(kind, name) for name in probes for kind in ("register", "list"))
        for acts in (opened(product_names(self._options)), listed, earlier(self._trade, self._options)):
            for act in acts:
                await feed.send(self._command(act))
        await feed.close_day(FIRST_DAY)
        self._trade.day = FIRST_DAY + 1

    async def _loop(self, rate: int, feed: Feed, reader: TierReader) -> LoopFigures:
        with self._phases.phase(
            f"measuring {self._options.seconds:g} s at {rate_in_words(rate)} commands a second"
        ) as say:
            load = load_of(self._trade, self._options, rate)
            streams = self._streams(load.acts)
            ends = await feed.end_offsets(EVENTS.name)
            async with kafka_errors(self._servers, "sending commands"), producer(self._found) as sender:
                sending, cpu_pct = await run_loop(
                    sender, COMMANDS.name, streams, load, reader, self._services, tick_ns=TICK_NS
                )
            if not reader.missing(load.probes):
                await feed.wait_until_caught_up(AHEAD_S_MAX, say.passing)
            event_ms = await _written(self._servers, ends, await feed.end_offsets(EVENTS.name))
            found = figures(load, sending, streams, reader, event_ms=event_ms, cpu_pct=cpu_pct)
            say(f"p99 {found.latency.p99_ms} ms")
        return found

    def _streams(self, acts: Iterable[Timed]) -> list[Stream]:
        streams = [Stream(partition=number) for number in range(self._options.partitions)]
        for due, act, is_probe in acts:
            key = act.product_id.encode()
            body = encode(self._command(act))
            streams[partition_of(key, len(streams))].add(due, key, body, probe=act.product_id if is_probe else None)
        return streams

    def _command(self, act: Act) -> Command:
        self._commands += 1
        return as_command(act, self._commands, self._trade.day)


class _Event(msgspec.Struct):
    """As little of an event as is needed."""

    type: str
    product_id: str = ""
    held: bool = False


async def _written(servers: str, starts: Sequence[int], ends: Sequence[int]) -> dict[str, int]:
    """When the event of each probe was written, by the timestamp of its record (ms), between two positions of the log."""
    found: dict[str, int] = {}
    decoder = msgspec.json.Decoder(_Event)
    async with kafka_errors(servers, "reading the events"):
        consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
        try:
            await consumer.start()
            parts = [TopicPartition(EVENTS.name, number) for number in range(len(ends))]
            consumer.assign(parts)
            for part in parts:
                consumer.seek(part, starts[part.partition])
            while any([await consumer.position(part) < ends[part.partition] for part in parts]):
                fetched = await consumer.getmany(timeout_ms=READ_WAIT_MS)
                for record in (record for records in fetched.values() for record in records):
                    event = decoder.decode(record.value or b"")
                    if event.held and event.product_id.startswith(PREFIX):
                        found.setdefault(event.product_id, record.timestamp)
        finally:
            await consumer.stop()
    return found
