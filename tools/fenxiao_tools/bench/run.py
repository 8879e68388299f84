"""One run: a market sent ahead, the catalog measured on it, then ceiling, scorer, ceiling, and the check of the tiers.

All in one run, because figures of two runs on one machine differ by more than what they are to show.
"""

import asyncio
import json
import os
import subprocess
import sys

from fenxiao_schemas.topics import COMMANDS, EVENTS, OUTCOMES, TIERS, Topic
from fenxiao_tools.bench.cores import Cores, choose_cores
from fenxiao_tools.bench.deployment import Installed, installed
from fenxiao_tools.bench.figures import (
    MEASURED,
    CatalogFigures,
    Ceiling,
    Cost,
    Load,
    Results,
    ScorerFigures,
    per_second,
    scorer_figures,
)
from fenxiao_tools.bench.machine import describe
from fenxiao_tools.bench.watch import POLL_S, watch
from fenxiao_tools.choose import choose_source
from fenxiao_tools.connect import postgres
from fenxiao_tools.errors import ToolError
from fenxiao_tools.feed import Feed
from fenxiao_tools.health import last_words
from fenxiao_tools.ingest.accounting import account
from fenxiao_tools.ingest.items import Source
from fenxiao_tools.ingest.run import Sent, send_source
from fenxiao_tools.logs import open_logs
from fenxiao_tools.phases import Phase, Phases
from fenxiao_tools.processes import Services, module_argv
from fenxiao_tools.stack.environment import KAFKA_VARIABLE
from fenxiao_tools.verify import verify

SERVICE_S_MAX = 3_600.0
CEILING_S = 3.0
CEILING_S_MAX = 300.0


def run_bench(load: Load, *, with_scorer: bool) -> Results:
    """Measure; what was started is stopped again.

    Raises:
        ToolError: A part could not be started, or failed.
        StackError: There are no servers.
    """
    phases, cores = Phases(), choose_cores()
    source = choose_source(None, products=load.products, days=load.days, seed=load.seed)
    with installed(source, phases, cores, partitions=load.partitions) as found:
        run = _Run(found, phases, cores)
        sent = run.send(source)
        catalog = run.catalog(sent)
        scorer = run.scorer() if with_scorer else None
        machine = asyncio.run(describe(found.stack, cores))
    phases.total("measured")
    measured = MEASURED.format(poll_ms=round(1_000 * POLL_S))
    return Results(machine=machine, load=load, catalog=catalog, scorer=scorer, measured=measured)


class _Run:
    """The parts of a run, in the order in which they are called."""

    def __init__(self, found: Installed, phases: Phases, cores: Cores) -> None:
        self._logs, self._phases, self._cores = found.logs, phases, cores
        self._stack, self._servers, self._dsn = found.stack, found.stack.bootstrap_servers, found.stack.postgres_dsn

    def send(self, source: Source) -> Sent:
        """All commands, and the ends of all days, before anybody reads them."""
        with self._phases.phase(f"sending {source.name} ahead") as say, self._cores.on_measured():
            sent = asyncio.run(self._send(source, say))
            say(f"{sent.records:,} commands, {sent.days:,} days")
        return sent

    async def _send(self, source: Source, say: Phase) -> Sent:
        async with Feed(self._servers, self._dsn) as feed:
            if any(await feed.end_offsets()):
                raise ToolError(f"the bench needs servers without data, but there are records in {COMMANDS.name}")
            return await send_source(feed, source, lambda records: say.passing(f"{records:,} commands"))

    def catalog(self, sent: Sent) -> CatalogFigures:
        """From the first command to the last event."""
        cost = self._service("catalog", COMMANDS)
        with self._cores.on_measured():
            accounted = asyncio.run(account(self._servers, sent))
            events, outcomes = self._count(EVENTS), self._count(OUTCOMES)
        return CatalogFigures(
            commands=sent.records,
            commands_per_s=per_second(sent.records, cost.seconds),
            accepted=accounted.applied,
            duplicates=accounted.duplicates,
            refused=accounted.refused.total(),
            parked=accounted.waiting,
            events=events,
            events_per_s=per_second(events, cost.seconds),
            outcomes=outcomes,
            cost=cost,
        )

    def scorer(self) -> ScorerFigures:
        """Between two ceilings, then verified."""
        before = self._ceiling("before")
        cost = self._service("scorer", EVENTS)
        after = self._ceiling("after")
        with self._phases.phase("verifying every published tier") as say, self._cores.on_measured():
            verified = asyncio.run(verify(self._servers, self._dsn, report=say.passing))
            say(str(verified))
        return scorer_figures(
            events=self._count(EVENTS),
            messages=self._count(TIERS),
            before=before,
            after=after,
            cost=cost,
            products=verified.products,
            differ=verified.differ,
            good=verified.good and verified.products > 0,
        )

    def _count(self, topic: Topic) -> int:
        """How many records a topic has ever had."""

        async def count() -> int:
            async with open_logs(self._servers, [topic]) as reader:
                return sum(await reader.ends(topic))

        return asyncio.run(count())

    def _service(self, name: str, topic: Topic) -> Cost:
        """The service alone on its core, from nothing to the end of its input."""
        records = self._count(topic)
        services = Services(
            self._stack,
            self._logs,
            names=[name],
            argv=lambda service: self._cores.argv(module_argv(service)),
            report=self._phases.detail,
        )
        with self._phases.phase(f"measuring the {name}") as say, self._cores.on_servers():
            try:
                services.launch(name)
                cost = asyncio.run(self._watch(services, name, records, say))
            finally:
                services.stop()
            say(f"{records:,} records in {cost.seconds:.2f} s: {per_second(records, cost.seconds):,} a second")
        return cost

    async def _watch(self, services: Services, name: str, records: int, say: Phase) -> Cost:
        async with postgres(self._dsn) as connection:
            return await watch(
                connection,
                name,
                records,
                pid=services.pid(name),
                cores=self._cores,
                alive=services.check,
                timeout_s=SERVICE_S_MAX,
                progress=say.passing,
            )

    def _ceiling(self, when: str) -> Ceiling:
        command = self._cores.argv([sys.executable, "-m", "fenxiao_tools.bench.ceiling", str(CEILING_S)])
        with self._phases.phase(f"measuring the ceiling {when} the scorer") as say, self._cores.on_servers():
            try:
                done = subprocess.run(  # noqa: S603 - our own module
                    command,
                    env={**os.environ, KAFKA_VARIABLE: self._servers},
                    capture_output=True,
                    text=True,
                    timeout=CEILING_S_MAX,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise ToolError(f"the ceiling was not measured after {CEILING_S_MAX:g} s") from error
            if done.returncode != 0:
                raise ToolError(f"the ceiling could not be measured: {last_words(done.stderr)}")
            ceiling = Ceiling(**json.loads(done.stdout))
            say(f"{ceiling.per_s:,} events a second, {ceiling.passes} times over")
        return ceiling
