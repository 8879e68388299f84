"""`fenxiao bench latency`: from an event appended to `catalog.events` to its tier message readable, without the catalog.

The bench writes the topic in the catalog's place: an open loop at each rate, cut into small batches that end in a barrier.
"""

import asyncio
from collections.abc import Callable

import asyncpg
from aiokafka import AIOKafkaProducer

from fenxiao_schemas.policy import default_policy
from fenxiao_schemas.topics import EVENTS
from fenxiao_tools.bench.deployment import Installed
from fenxiao_tools.bench.event_log import EventLog
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
from fenxiao_tools.bench.open_loop import send_on_time
from fenxiao_tools.bench.percentiles import NS_PER_MS
from fenxiao_tools.bench.probes import LoopFigures, TierReader, figures
from fenxiao_tools.bench.trade import FIRST_DAY, Act, Trade, opened
from fenxiao_tools.connect import kafka_errors, postgres
from fenxiao_tools.errors import ToolError
from fenxiao_tools.phases import Phases
from fenxiao_tools.processes import Services

BATCH_EVENTS_MAX = 5_000
AHEAD_BATCH = 1_000
FOLDED_S_MAX = 300.0
POLL_S = 0.05
_FOLDED = """
SELECT (SELECT coalesce(sum(next_offset), 0)::bigint FROM scorer.partitions) AS done,
       (SELECT count(*) FROM scorer.outbox) AS waiting
"""


def run_latency(options: Options) -> LoopResults:
    """Measure; what was started is stopped again.

    Raises:
        ToolError: A part could not be started, or failed.
        StackError: There are no servers.
    """
    phases = Phases()
    with deployed("latency", options, phases) as found, started(found, ["scorer"], phases) as services:
        loops = asyncio.run(_Run(found, services, options, phases).measure())
        machine = asyncio.run(machine_of(found))
    phases.total("measured")
    return LoopResults(bench="latency", machine=machine, options=options, loops=tuple(loops))


class _Run:
    """The parts of a run."""

    def __init__(self, found: Installed, services: Services, options: Options, phases: Phases) -> None:
        self._found, self._services, self._options, self._phases = found, services, options, phases
        self._log = EventLog(options.partitions, default_policy())
        self._trade = Trade(product_names(options), options.seed)

    async def measure(self) -> list[LoopFigures]:
        """What went before, then each rate."""
        servers = self._found.stack.bootstrap_servers
        async with (
            kafka_errors(servers, "writing events"),
            producer(self._found) as sender,
            postgres(self._found.stack.postgres_dsn) as connection,
        ):
            with self._phases.phase("writing a day of events ahead") as say:
                await self._ahead(sender)
                await self._folded(connection, say.passing)
                say(f"{self._log.records:,} events")
            async with TierReader(servers) as reader:
                found: list[LoopFigures] = []
                for rate in self._options.rates:
                    found.append(await self._loop(rate, sender, reader, connection))
                    if found[-1].lost:
                        break
                return found

    async def _ahead(self, sender: AIOKafkaProducer) -> None:
        streams = self._log.start()
        probes = [name for names in probe_names(self._options).values() for name in names]
        # Without a plan, since nobody is to sell them.
        listed = (Act(kind, name) for name in probes for kind in ("register", "list"))
        for acts in (opened(product_names(self._options)), listed, earlier(self._trade, self._options)):
            self._log.ahead(streams, acts, batch=AHEAD_BATCH)
        self._log.close(streams, FIRST_DAY)
        self._trade.day = FIRST_DAY + 1
        await send_on_time(sender, EVENTS.name, streams, start_ns=0, tick_ns=1)

    async def _loop(
        self, rate: int, sender: AIOKafkaProducer, reader: TierReader, connection: asyncpg.Connection
    ) -> LoopFigures:
        with self._phases.phase(
            f"measuring {self._options.seconds:g} s at {rate_in_words(rate)} events a second"
        ) as say:
            load = load_of(self._trade, self._options, rate)
            streams = self._log.timed(
                load.acts, every_ns=round(self._options.batch_ms * NS_PER_MS), batch_max=BATCH_EVENTS_MAX
            )
            sending, cpu_pct = await run_loop(sender, EVENTS.name, streams, load, reader, self._services, tick_ns=1)
            found = figures(load, sending, streams, reader, event_ms=None, cpu_pct=cpu_pct)
            say(f"p99 {found.latency.p99_ms} ms")
            if not found.lost:
                await self._folded(connection, say.passing)
        return found

    async def _folded(self, connection: asyncpg.Connection, progress: Callable[[str], None]) -> None:
        """Wait until the scorer has read and published all there is."""
        for _ in range(int(FOLDED_S_MAX / POLL_S)):
            self._services.check()
            row = await connection.fetchrow(_FOLDED)
            if row["done"] >= self._log.records and not row["waiting"]:
                return
            progress(f"the scorer has {row['done']:,} of {self._log.records:,} events")
            await asyncio.sleep(POLL_S)
        raise ToolError(f"the scorer has not read all events after {FOLDED_S_MAX:g} s")
