"""`fenxiao up`: everything runs until Ctrl-C, and the lines to paste into other terminals are printed."""

import shlex
import time
from pathlib import Path

from fenxiao_tools.choose import choose_source
from fenxiao_tools.phases import Phases
from fenxiao_tools.processes import SERVICES
from fenxiao_tools.running import Running, running

CHECK_S = 1.0


def run_up(*, data: Path | None, work_dir: Path | None, partitions: int) -> None:
    """Start all and stay.

    Raises:
        ToolError: A part could not be started, or a service died meanwhile.
    """
    phases = Phases()
    with running(choose_source(data), phases, partitions=partitions, work_dir=work_dir) as found:
        print("\n".join(lines_for_others(found)), flush=True)  # noqa: T201 - this is the command's output
        stay(found, phases)


def lines_for_others(found: Running) -> list[str]:
    """What other terminals need, as shell."""
    values = {
        "FENXIAO_KAFKA_BOOTSTRAP_SERVERS": found.stack.bootstrap_servers,
        "FENXIAO_POSTGRES_DSN": found.stack.postgres_dsn,
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    health = [f"# {name}: http://127.0.0.1:{found.services.port(name)}/health/ready" for name in SERVICES]
    return [*lines, *health, "# for example: fenxiao ingest --help, fenxiao verify, fenxiao report"]


def stay(found: Running, phases: Phases) -> None:
    """Watch the services until Ctrl-C, which is how this is meant to end.

    Raises:
        ToolError: A service died.
    """
    phases.console.print("[bold]running; Ctrl-C stops everything[/]")
    try:
        while True:
            found.services.check()
            time.sleep(CHECK_S)
    except KeyboardInterrupt:
        phases.console.print()
