"""One deployment to measure on, and what every bench does there.

It counts records, runs one service alone on its core and watches it (`watch`), and runs measurements of ours, modules that
print JSON, on that core in processes of their own.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fenxiao_schemas.topics import EVENTS, Topic
from fenxiao_tools.bench.cores import Cores
from fenxiao_tools.bench.deployment import Installed
from fenxiao_tools.bench.figures import Ceiling, Cost, Machine, per_second
from fenxiao_tools.bench.machine import describe
from fenxiao_tools.bench.watch import watch
from fenxiao_tools.connect import postgres
from fenxiao_tools.errors import ToolError
from fenxiao_tools.health import last_words
from fenxiao_tools.logs import open_logs
from fenxiao_tools.phases import Phase, Phases
from fenxiao_tools.processes import Services, module_argv
from fenxiao_tools.stack.environment import KAFKA_VARIABLE, POSTGRES_VARIABLE

SERVICE_S_MAX = 7_200.0
CHILD_S_MAX = 1_800.0


class Host:
    """A deployment and the cores.

    Attributes:
        servers: Kafka's address.
        dsn: PostgreSQL's.
    """

    def __init__(self, found: Installed, phases: Phases, cores: Cores) -> None:
        self.phases, self.cores = phases, cores
        self.servers, self.dsn = found.stack.bootstrap_servers, found.stack.postgres_dsn
        self._stack, self._logs = found.stack, found.logs

    def machine(self) -> Machine:
        """What all this is."""
        return asyncio.run(describe(self._stack, self.cores))

    def count(self, topic: Topic) -> int:
        """How many records a topic has ever had."""

        async def count() -> int:
            async with open_logs(self.servers, [topic]) as reader:
                return sum(await reader.ends(topic))

        return asyncio.run(count())

    @contextmanager
    def running(self, name: str, settings: Mapping[str, str] | None = None) -> Iterator[Services]:
        """A service alone on its core, just launched; we are on the servers' meanwhile."""
        services = Services(
            self._stack,
            self._logs,
            names=[name],
            settings=settings,
            argv=lambda service: self.cores.argv(module_argv(service)),
            report=self.phases.detail,
        )
        with self.cores.on_servers():
            try:
                services.launch(name)
                yield services
            finally:
                services.stop()

    def watch(self, services: Services, name: str, topic: Topic, say: Phase, *, lead: int = 0) -> Cost:
        """Wait until a running service is at the end of its input."""

        async def watched() -> Cost:
            async with postgres(self.dsn) as connection:
                return await watch(
                    connection,
                    name,
                    records,
                    lead=lead,
                    pid=services.pid(name),
                    cores=self.cores,
                    alive=services.check,
                    timeout_s=SERVICE_S_MAX,
                    progress=say.passing,
                )

        records = self.count(topic)
        cost = asyncio.run(watched())
        done = records - cost.lead_records
        say(f"{done:,} records in {cost.seconds:.2f} s: {per_second(done, cost.seconds):,} a second")
        return cost

    def measured(self, name: str, topic: Topic) -> Cost:
        """A service from nothing to the end of its input."""
        with self.phases.phase(f"measuring the {name}") as say, self.running(name) as services:
            return self.watch(services, name, topic, say)

    def ceiling(self, module: str, what: str, seconds: float) -> Ceiling:
        """One of the ceilings, on the measured core."""
        with self.phases.phase(f"measuring {what}") as say:
            ceiling = Ceiling(**self.child(module, str(seconds)))
            say(f"{ceiling.per_s:,} of {EVENTS.name} a second")
        return ceiling

    def child(self, module: str, *arguments: str) -> dict[str, Any]:
        """What a module of ours prints.

        Raises:
            ToolError: It failed, or took too long.
        """
        command = self.cores.argv([sys.executable, "-m", f"fenxiao_tools.bench.{module}", *arguments])
        environment = {**os.environ, KAFKA_VARIABLE: self.servers, POSTGRES_VARIABLE: self.dsn}
        try:
            with self.cores.on_servers():
                done = subprocess.run(  # noqa: S603 - our own module
                    command, env=environment, capture_output=True, text=True, timeout=CHILD_S_MAX, check=False
                )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"bench.{module} was not done after {CHILD_S_MAX:g} s") from error
        if done.returncode != 0:
            raise ToolError(f"bench.{module} failed: {last_words(done.stderr)}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found
