"""Says on what a run was measured: a figure without its machine is none."""

import os
import platform
import re
from pathlib import Path

from fenxiao_tools.bench.cores import Cores
from fenxiao_tools.bench.figures import Machine
from fenxiao_tools.connect import postgres
from fenxiao_tools.stack import Stack
from fenxiao_tools.stack.kafka_settings import KAFKA_VERSION

BYTES_PER_MIB = 1024 * 1024
UNKNOWN = "unknown"


async def describe(stack: Stack, cores: Cores) -> Machine:
    """This machine and the servers."""
    async with postgres(stack.postgres_dsn) as connection:
        version = str(await connection.fetchval("SHOW server_version"))
    return Machine(
        cores=os.cpu_count() or 1,
        memory_mib=_memory_mib(),
        cpu=_cpu(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        kafka=UNKNOWN if stack.origin == "environment" else KAFKA_VERSION,
        postgres=version.split(maxsplit=1)[0],
        servers_from=stack.origin,
        # Only processes of ours inherit our core.
        servers_core=cores.servers if stack.origin == "processes" else None,
        measured_core=cores.measured,
    )


def _memory_mib() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // BYTES_PER_MIB
    except (OSError, ValueError):
        return None


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine() or UNKNOWN
