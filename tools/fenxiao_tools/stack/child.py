"""Our hand on one server process, held through `guard`; `kafka` and `postgres` are built on it."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fenxiao_tools.stack import guard
from fenxiao_tools.stack.model import StackError

GRACE_S = 20.0
GUARD_END_S = 10.0
LOG_TAIL_BYTES = 64_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, and how to end it.

    Attributes:
        argv: The program and its arguments.
        log: Where its output is appended.
        stop_signal: The server's own signal for a clean and prompt stop.
        user: The user to run as; None is this one.
        remove: Directories to remove if we die before the server.
    """

    argv: list[str]
    log: Path
    stop_signal: signal.Signals
    user: str | None = None
    remove: tuple[Path, ...] = ()

    def guarded(self) -> list[str]:
        """The same command under its guard."""
        options = ["--signal", self.stop_signal.name, "--grace-s", str(GRACE_S), "--log", str(self.log)]
        options += ["--user", self.user] if self.user else []
        options += [part for path in self.remove for part in ("--remove", str(path))]
        return [sys.executable, "-I", "-S", guard.__file__, *options, "--", *self.argv]


class Child:
    """A running server, named by its pid and by nothing else."""

    def __init__(self, command: Command) -> None:
        """Start it.

        Raises:
            StackError: The program could not be run.
        """
        self._command = command
        self._log_start = command.log.stat().st_size if command.log.exists() else 0
        self._guard = subprocess.Popen(  # noqa: S603 - our own guard
            command.guarded(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A Ctrl-C at the terminal is for us; the server is then stopped by us, in order.
            start_new_session=True,
        )
        self.pid = self._read_pid()

    def _read_pid(self) -> int:
        assert self._guard.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        line = self._guard.stdout.readline()
        if not line:
            _, errors = self._guard.communicate()
            reason = errors.strip().splitlines()[-1] if errors.strip() else f"code {self._guard.returncode}"
            raise StackError(f"could not run {self._command.argv[0]}: {reason}")
        return int(line)

    @property
    def running(self) -> bool:
        """Whether the server lives."""
        return self._guard.poll() is None

    def log_tail(self) -> str:
        """The end of what the server has written since this start."""
        with self._command.log.open("rb") as log:
            log.seek(max(self._log_start, self._command.log.stat().st_size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")

    def kill(self) -> None:
        """SIGKILL the server itself, as a crash would, and wait until it is gone."""
        if self.running:
            os.kill(self.pid, signal.SIGKILL)
        self._end()

    def ask_to_stop(self) -> None:
        """Tell the guard to stop the server, without waiting: several servers can then stop side by side."""
        if self.running and self._guard.stdin is not None and not self._guard.stdin.closed:
            try:
                self._guard.stdin.write("stop\n")
                self._guard.stdin.flush()
            except BrokenPipeError:
                return  # it ended by itself in this very moment, which is what was wanted

    def stop(self) -> None:
        """Stop the server cleanly, by force after a time of grace."""
        self.ask_to_stop()
        self._end()

    def _end(self) -> None:
        try:
            self._guard.wait(GRACE_S + GUARD_END_S)
        except subprocess.TimeoutExpired:
            os.kill(self.pid, signal.SIGKILL)
            self._guard.kill()
            self._guard.wait()
        for pipe in (self._guard.stdin, self._guard.stdout, self._guard.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()
