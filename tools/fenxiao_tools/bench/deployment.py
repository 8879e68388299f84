"""Servers on their own core and a fresh installation for as long as a block lasts; no service runs yet."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fenxiao_schemas.policy import default_policy_text
from fenxiao_tools.bench.cores import Cores
from fenxiao_tools.connect import postgres
from fenxiao_tools.errors import ToolError
from fenxiao_tools.ingest.items import Source
from fenxiao_tools.install import install, read_deployment
from fenxiao_tools.phases import Phases, Say
from fenxiao_tools.running import PASSABLE
from fenxiao_tools.stack import LocalStack, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What is there to measure on; `logs` is where the services write theirs."""

    stack: Stack
    logs: Path


@contextmanager
def installed(source: Source, phases: Phases, cores: Cores, *, partitions: int) -> Iterator[Installed]:
    """Start servers, or take those that the environment names, and install there.

    Raises:
        ToolError: Something is installed there already.
        StackError: There are no servers.
    """
    with _directory() as directory:
        local = LocalStack(work_dir=directory / "servers", report=phases.detail)
        with phases.phase("starting Kafka and PostgreSQL"), cores.on_servers():
            stack = local.start()
        try:
            with phases.phase(f"installing, with {partitions} partitions") as say:
                asyncio.run(_install(stack, source, partitions, say))
            yield Installed(stack=stack, logs=directory / "logs")
        finally:
            with phases.phase("stopping what was started"):
                local.stop()


@contextmanager
def _directory() -> Iterator[Path]:
    """A temporary directory; after a failure the services' logs stay, because the line that tells of it names one."""
    made, failed = Path(tempfile.mkdtemp(prefix="fenxiao-bench-")), False
    made.chmod(PASSABLE)
    try:
        yield made
    except Exception:
        failed = True
        raise
    finally:
        if not (failed and (made / "logs").exists()):
            shutil.rmtree(made, ignore_errors=True)


async def _install(stack: Stack, source: Source, partitions: int, say: Say) -> None:
    async with postgres(stack.postgres_dsn) as connection:
        if await read_deployment(connection) is not None:
            raise ToolError("the bench needs servers where nothing is installed yet: it measures from an empty log on")
    await install(
        stack.bootstrap_servers,
        stack.postgres_dsn,
        partitions=partitions,
        first_day=source.first_day,
        utc_offset_minutes=source.utc_offset_minutes,
        currency=source.currency,
        policy_text=default_policy_text(),
        report=say,
    )
