"""`LocalStack`: takes the first origin that serves, in design section 7's order, and gives it back whatever happens."""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn

from fenxiao_tools.stack.environment import Environment
from fenxiao_tools.stack.model import Backend, Origin, Report, Stack, StackError, UnavailableError
from fenxiao_tools.stack.processes import Processes
from fenxiao_tools.stack.waiting import Stopwatch


def print_line(line: str) -> None:
    """The plainest report: a line on stderr, at once."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - this is what it is for


def _exit_on_sigterm(_signum: int, _frame: FrameType | None) -> NoReturn:
    """Unwind, so that the `with` block stops what it started."""
    raise SystemExit(128 + signal.SIGTERM)


class LocalStack:
    """A real Kafka and PostgreSQL for as long as the `with` block lasts.

    It blocks while it starts and stops; in a coroutine use `await asyncio.to_thread(stack.start)` and `stop`.

    Attributes:
        stack: The running stack, None outside the block.
    """

    def __init__(
        self,
        *,
        work_dir: Path | None = None,
        keep: bool = False,
        origin: Origin | None = None,
        report: Report = print_line,
    ) -> None:
        """Say what is wanted; nothing starts yet.

        Args:
            work_dir: Where native processes keep their data; a new temporary directory if None.
            keep: Whether that data outlives the stack.
            origin: The only origin to take; None tries all, in order.
            report: Takes one line of progress at a time.
        """
        self._work_dir, self._keep, self._origin, self._report = work_dir, keep, origin, report
        self._backend: Backend | None = None
        self._handles_sigterm = False
        self.stack: Stack | None = None

    def __enter__(self) -> Stack:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Stack:
        """Start the first origin that serves.

        Raises:
            StackError: None does, or the one that should has failed.
        """
        self._watch_sigterm()
        try:
            self.stack = self._start_first()
        except BaseException:
            self.stop()
            raise
        return self.stack

    def _start_first(self) -> Stack:
        reasons: list[str] = []
        for origin in ("environment", "containers", "processes") if self._origin is None else (self._origin,):
            self._backend = self._make(origin)
            try:
                return self._backend.start()
            except UnavailableError as error:
                self._backend.stop()
                reasons.append(str(error))
                if origin == "containers":
                    self._report(str(error))
        raise StackError("; ".join(reasons))

    def _make(self, origin: Origin) -> Backend:
        match origin:
            case "environment":
                return Environment()
            case "containers":
                # Imported late: it brings the Docker client, which the other origins don't need.
                from fenxiao_tools.stack.containers import Containers  # noqa: PLC0415

                return Containers(report=self._report)
            case "processes":
                return Processes(work_dir=self._work_dir, keep=self._keep, report=self._report)

    def stop(self) -> None:
        """Stop what was started; nothing happens the second time."""
        backend, self._backend, self.stack = self._backend, None, None
        try:
            if backend is not None:
                backend.stop()
        finally:
            self._unwatch_sigterm()

    def _watch_sigterm(self) -> None:
        """Only where the default, dying on the spot, would be in force: a handler of the application goes first."""
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _exit_on_sigterm)
            self._handles_sigterm = True

    def _unwatch_sigterm(self) -> None:
        if self._handles_sigterm and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._handles_sigterm = False

    def _processes(self) -> Processes:
        """The native processes, for faults.

        Raises:
            StackError: The servers are not ours to kill.
        """
        if isinstance(self._backend, Processes):
            return self._backend
        raise StackError("only servers that run as local processes can be killed and started again")

    def kill_kafka(self) -> None:
        """Kill Kafka with SIGKILL."""
        if (kafka := self._processes().kafka) is not None:
            kafka.kill()

    def start_kafka(self) -> None:
        """Start Kafka again on its port and data, and wait until it serves."""
        if (kafka := self._processes().kafka) is not None:
            stopwatch = Stopwatch()
            kafka.start()
            kafka.await_ready()
            self._report(f"Kafka serves again after {stopwatch}")

    def kill_postgres(self) -> None:
        """Kill PostgreSQL's postmaster with SIGKILL; its backends follow it at once."""
        if (postgres := self._processes().postgres) is not None:
            postgres.kill()

    def start_postgres(self) -> None:
        """Start PostgreSQL again on its socket and data, and wait until it serves."""
        if (postgres := self._processes().postgres) is not None:
            stopwatch = Stopwatch()
            postgres.start()
            postgres.await_ready()
            self._report(f"PostgreSQL serves again after {stopwatch}")

    def __repr__(self) -> str:
        return f"LocalStack({self.stack!r})"
