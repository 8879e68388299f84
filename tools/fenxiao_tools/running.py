"""A whole deployment for as long as a block lasts: servers, installation, services. `demo` and `up` stand on it."""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fenxiao_schemas.policy import default_policy_text
from fenxiao_tools.ingest.items import Source
from fenxiao_tools.install import install
from fenxiao_tools.phases import Phases, Say
from fenxiao_tools.processes import BUYER_KEY_BYTES, BUYER_KEYS, Services
from fenxiao_tools.stack import LocalStack, Stack

KEY_FILE = "buyer-keys"
PASSABLE = 0o711
"""PostgreSQL's own user must be able to pass through the directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What runs.

    Attributes:
        stack: Kafka and PostgreSQL.
        services: The three services, ready.
        work_dir: Holds the services' logs, and the servers' data if it is kept.
    """

    stack: Stack
    services: Services
    work_dir: Path


@contextmanager
def running(
    source: Source, phases: Phases, *, partitions: int, policy_text: str | None = None, work_dir: Path | None = None
) -> Iterator[Running]:
    """Start everything, and stop what was started.

    Args:
        source: Whose first day, UTC offset and currency the installation takes.
        phases: Where to tell.
        partitions: The shared count.
        policy_text: The policy as TOML; None is the default one.
        work_dir: Keeps the data and the logs there; None: they go with the block.

    Raises:
        ToolError: A part could not be started or installed.
        StackError: There are no servers.
    """
    with _directory(work_dir) as directory:
        stack = LocalStack(work_dir=directory / "servers", keep=work_dir is not None, report=phases.detail)
        with phases.phase("starting Kafka and PostgreSQL"):
            servers = stack.start()
        try:
            with phases.phase(f"installing, with {partitions} partitions") as say:
                text = policy_text or default_policy_text()
                asyncio.run(_install(servers, source, partitions, text, say))
            keys = {BUYER_KEYS: _buyer_keys(directory)}
            services = Services(servers, directory / "logs", settings=keys, report=phases.detail)
            with _started(services, phases):
                yield Running(stack=servers, services=services, work_dir=directory)
        finally:
            with phases.phase("stopping what was started"):
                stack.stop()


@contextmanager
def _started(services: Services, phases: Phases) -> Iterator[None]:
    try:
        with phases.phase("starting catalog, scorer and matcher"):
            services.start()
        yield
    finally:
        services.stop()


@contextmanager
def _directory(named: Path | None) -> Iterator[Path]:
    """The named directory, which stays, or a temporary one."""
    if named is not None:
        named.mkdir(parents=True, exist_ok=True)
        yield named.resolve()
        return
    made, failed = Path(tempfile.mkdtemp(prefix="fenxiao-")), False
    made.chmod(PASSABLE)
    try:
        yield made
    except Exception:
        failed = True
        raise
    finally:
        # The line that tells of a failure names a log.
        if not (failed and (made / "logs").exists()):
            shutil.rmtree(made, ignore_errors=True)


def _buyer_keys(directory: Path) -> str:
    """The keys of buyers' HMACs: the environment's, else made once a directory, because they must outlive a restart."""
    if named := os.environ.get(BUYER_KEYS):
        return named
    file = directory / KEY_FILE
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(f"k1:{secrets.token_hex(BUYER_KEY_BYTES)}")
    return file.read_text()


async def _install(stack: Stack, source: Source, partitions: int, policy_text: str, say: Say) -> None:
    await install(
        stack.bootstrap_servers,
        stack.postgres_dsn,
        partitions=partitions,
        first_day=source.first_day,
        utc_offset_minutes=source.utc_offset_minutes,
        currency=source.currency,
        policy_text=policy_text,
        report=say,
    )
