"""PostgreSQL as a local process on a Unix socket, made of what `postgres_binaries` finds.

Tuned for one busy machine, but durable: a commit that was acknowledged outlives a kill, or the fault tests would
prove nothing.
"""

import os
import pwd
import shutil
import signal
import tempfile
from pathlib import Path
from urllib.parse import quote

from fenxiao_tools.stack.child import Child, Command
from fenxiao_tools.stack.model import StackError
from fenxiao_tools.stack.postgres_binaries import find_binaries, run_as, server_user
from fenxiao_tools.stack.waiting import wait_until

READY_S_MAX = 60.0
STATUS_LINE = 7
# sockaddr_un holds 108 bytes on Linux and 104 on macOS.
SOCKET_PATH_BYTES_MAX = 100
SOCKET_NAME = ".s.PGSQL.5432"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    # Checkpoints would come in the middle of a measurement.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # Nobody replicates from it.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Compiling a query costs more than any of ours takes.
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
}


class Postgres:
    """One server with its directory; it keeps socket and data over kill and start."""

    def __init__(self, directory: Path, *, remove: bool) -> None:
        self._directory = directory
        self._remove = remove
        self._user = server_user()
        self._binaries = Path()
        self._sockets = directory
        self._child: Child | None = None

    @property
    def dsn(self) -> str:
        """A URL that libpq, asyncpg and dbmate read alike."""
        return f"postgresql://postgres@/postgres?host={quote(str(self._sockets))}"

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def launch(self) -> None:
        """Set the directory up and start the process, without waiting for it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._binaries = find_binaries(self._user, self._directory / "install")
        if len(os.fsencode(self._directory / SOCKET_NAME)) > SOCKET_PATH_BYTES_MAX:
            self._sockets = Path(tempfile.mkdtemp(prefix="fenxiao-pg-", dir="/tmp"))
        for path in {self._directory, self._sockets}:
            self._give(path)
        if not (self._data / "PG_VERSION").exists():
            self._initdb()
        self.start()

    def _give(self, path: Path) -> None:
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def _initdb(self) -> None:
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", f"--pgdata={self._data}"]
        done = run_as(self._user, [str(self._binaries / "initdb"), *options])
        if done.returncode != 0:
            reason = done.stderr.strip().splitlines() or ["it said nothing"]
            raise StackError(f"PostgreSQL's data directory {self._data} could not be made: {reason[0]}")

    def start(self) -> None:
        """Start the process on the socket and data it has, without waiting for it."""
        options = SETTINGS | {"unix_socket_directories": str(self._sockets)}
        arguments = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        self._child = Child(
            Command(
                argv=[str(self._binaries / "postgres"), "-D", str(self._data), *arguments],
                log=self._directory / "postgres.log",
                stop_signal=signal.SIGINT,  # "fast": sessions are cut off, the data is flushed
                user=self._user,
                remove=(self._directory, self._sockets) if self._remove else (),
            ),
        )

    def await_ready(self) -> None:
        """Wait until it takes connections.

        After a kill, start again while the dead server's backends still hold its shared memory.

        Raises:
            StackError: It ended, or it took too long.
        """
        wait_until(self._ready, timeout_s=READY_S_MAX, what=f"PostgreSQL (log: {self._directory / 'postgres.log'})")

    def _ready(self) -> bool:
        if self._child is None:
            raise StackError("PostgreSQL was not started")
        if not self._child.running:
            log = self._child.log_tail()
            if "still in use" not in log and "postmaster.pid" not in log:
                raise StackError(f"PostgreSQL ended while starting: {(log.splitlines() or ['it said nothing'])[-1]}")
            self._child.stop()
            self.start()
            return False
        return self._says_ready(self._child.pid)

    def _says_ready(self, pid: int) -> bool:
        """Read what pg_ctl reads: the pid file's status, written by this very process."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > STATUS_LINE and lines[0] == str(pid) and lines[STATUS_LINE].strip() == "ready"

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self._child is not None:
            self._child.kill()

    def ask_to_stop(self) -> None:
        """Begin a clean stop."""
        if self._child is not None:
            self._child.ask_to_stop()

    def stop(self) -> None:
        """Stop cleanly and wait for it."""
        if self._child is not None:
            self._child.stop()
        if self._sockets != self._directory:
            shutil.rmtree(self._sockets, ignore_errors=True)
