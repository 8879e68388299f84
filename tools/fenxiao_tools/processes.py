"""The three services as real processes of this machine: the demo, `fenxiao up`, fault tests and the bench run them so.

Each hangs on the stack's `Child`, so none outlives us; its settings go by the environment, its output into a file, and
`health` says when it is ready.
"""

import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from fenxiao_tools.errors import ToolError
from fenxiao_tools.health import Health, ask, last_words
from fenxiao_tools.stack.child import Child, Command
from fenxiao_tools.stack.model import Report, Stack, StackError
from fenxiao_tools.stack.waiting import POLL_S, Stopwatch, free_port

SERVICES = ("catalog", "scorer", "matcher")
READY_S_MAX = 240.0
"""The scorer compiles itself at its first start on a machine, which takes a minute of one core."""
START_TRIES_MAX = 3
PORT_TAKEN = "address already in use"
BUYER_KEYS = "FENXIAO_CATALOG_BUYER_KEYS"
BUYER_KEY_BYTES = 32


def module_argv(name: str) -> list[str]:
    """How a service is run."""
    return [sys.executable, "-m", f"fenxiao_{name}"]


class Services:
    """Services as child processes; a context manager that starts all of them and stops what is left.

    Attributes:
        environment: What every service is told by `FENXIAO_*` variables; the port of each comes on top.
    """

    def __init__(
        self,
        stack: Stack,
        work_dir: Path,
        *,
        names: Sequence[str] = SERVICES,
        settings: Mapping[str, str] | None = None,
        argv: Callable[[str], list[str]] = module_argv,
        ready_s_max: float = READY_S_MAX,
        report: Report,
    ) -> None:
        """Say what is wanted; nothing starts yet.

        Args:
            stack: The servers to work with.
            work_dir: Takes the logs.
            names: Which services.
            settings: Further `FENXIAO_*` variables.
            argv: The command line of a service.
            ready_s_max: How long a service may take to be ready.
            report: Takes one line of progress at a time.
        """
        # The key must stay the same over restarts, and over runs where the data does: then the environment names it.
        buyer_keys = os.environ.get(BUYER_KEYS) or f"k1:{secrets.token_hex(BUYER_KEY_BYTES)}"
        self.environment = {
            "FENXIAO_KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "FENXIAO_POSTGRES_DSN": stack.postgres_dsn,
            BUYER_KEYS: buyer_keys,
            **(settings or {}),
        }
        self._work_dir, self._names, self._argv, self._report = work_dir, tuple(names), argv, report
        self._ready_s_max = ready_s_max
        self._children: dict[str, Child] = {}
        self._ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all side by side and wait until each is ready.

        Raises:
            ToolError: One died, or was not ready in time; the others run on until `stop`.
        """
        stopwatch = Stopwatch()
        for name in self._names:
            self.launch(name)
        for name in self._names:
            self.await_ready(name)
            self._report(f"{name} is ready after {stopwatch} (http://127.0.0.1:{self._ports[name]}/health/ready)")

    def launch(self, name: str) -> None:
        """Start one without waiting for it.

        Raises:
            ToolError: The program could not be run.
        """
        self._ports[name] = free_port()
        self._work_dir.mkdir(parents=True, exist_ok=True)
        command = Command(argv=self._argv(name), log=self.log_path(name), stop_signal=signal.SIGTERM)
        try:
            with _environment(self.environment | {"FENXIAO_HTTP_PORT": str(self._ports[name])}):
                self._children[name] = Child(command)
        except StackError as error:
            raise ToolError(str(error)) from error

    def log_path(self, name: str) -> Path:
        """Where the service's output goes."""
        return self._work_dir / f"{name}.log"

    def port(self, name: str) -> int:
        """The port of the service's health."""
        return self._ports[name]

    def pid(self, name: str) -> int:
        """The service's process id."""
        return self._children[name].pid

    def running(self, name: str) -> bool:
        """Whether the service lives."""
        return name in self._children and self._children[name].running

    def health(self, name: str) -> Health:
        """How the service is now; raises `ToolError` if it died."""
        self._check_alive(name)
        return ask(self._ports[name])

    def await_ready(self, name: str) -> None:
        """Wait until the service is ready.

        Raises:
            ToolError: It died, or it took too long.
        """
        deadline, tries = time.monotonic() + self._ready_s_max, 1
        while True:
            if self._lost_port(name) and tries < START_TRIES_MAX:
                self._children[name].stop()
                self.launch(name)
                tries += 1
            health = self.health(name)
            if health.ready:
                return
            if time.monotonic() > deadline:
                raise ToolError(f"{name} was not ready after {self._ready_s_max:g} s: {health}; {self._tail(name)}")
            time.sleep(POLL_S)

    def _lost_port(self, name: str) -> bool:
        """Whether somebody else took the port between our choice and its bind."""
        child = self._children[name]
        return not child.running and PORT_TAKEN in child.log_tail().lower()

    def _check_alive(self, name: str) -> None:
        if not self.running(name):
            raise ToolError(f"{name} ended: {self._tail(name)}")

    def _tail(self, name: str) -> str:
        return f"{last_words(self._children[name].log_tail())} (log: {self.log_path(name)})"

    def check(self) -> None:
        """Raise `ToolError` if one of the services died."""
        for name in self._children:
            self._check_alive(name)

    def kill(self, name: str) -> None:
        """SIGKILL one, as a crash would, and wait until it is gone."""
        self._children[name].kill()

    def restart(self, name: str) -> None:
        """Start one again, after ending it if it still runs, and wait until it is ready.

        Raises:
            ToolError: It died, or it took too long.
        """
        self._children[name].stop()
        self.launch(name)
        self.await_ready(name)

    def stop(self) -> None:
        """Stop all side by side: SIGTERM, a time of grace, then SIGKILL. Safe to call twice."""
        for child in self._children.values():
            child.ask_to_stop()
        for child in self._children.values():
            child.stop()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Our own environment with these values, for the moment of a start: a child inherits it.

    Not on the command line, which every user of the machine can read, because a DSN may hold a password.
    """
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
