"""The command line: every known mistake is one line on stderr and an exit code, never a traceback."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fenxiao_schemas.policy import default_policy_text
from fenxiao_tools.stack.waiting import free_port

START = "from fenxiao_tools.cli import main; main()"
GONE = "postgresql://me:secret@127.0.0.1:1/none"
HELP_S_MAX = 3.0


def fenxiao(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FENXIAO_")}
    return subprocess.run(
        [sys.executable, "-c", START, *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The line that says what went wrong: the last one, after those of progress where there are any."""
    *progress, line = done.stderr.strip().splitlines()
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert line.startswith("fenxiao: ")
    assert not any(other.startswith("fenxiao: ") for other in progress)
    return line


@pytest.fixture(scope="module")
def closed() -> str:
    return f"127.0.0.1:{free_port()}"


def test_help_is_quick_and_names_every_command() -> None:
    start = time.monotonic()
    done = fenxiao("--help")
    took = time.monotonic() - start
    assert done.returncode == 0
    for command in ("demo", "up", "install", "ingest", "verify", "rebuild", "report", "policy", "bench"):
        assert f" {command} " in done.stdout
    assert took < HELP_S_MAX


def test_help_loads_none_of_the_large_libraries() -> None:
    code = "import sys; import fenxiao_tools.cli; print([m for m in sys.modules if m in sys.argv[1:]])"
    large = ["polars", "plotly", "aiokafka", "asyncpg", "numpy", "docker"]
    done = subprocess.run([sys.executable, "-c", code, *large], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_command_and_an_unknown_one_are_usage() -> None:
    assert fenxiao("nonsense").returncode == 2
    assert fenxiao("install").returncode == 2  # it must be told where


def test_a_missing_file() -> None:
    assert one_line(fenxiao("policy", "check", "/no/such.toml")) == "fenxiao: /no/such.toml: no such file or directory"
    assert "/no/data.parquet: no such file" in one_line(fenxiao("demo", "--data", "/no/data.parquet"))


def test_a_file_that_is_no_source(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.touch()
    assert "is no source" in one_line(fenxiao("up", "--data", str(file)))


def test_an_invalid_policy(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("version = 1\n")
    assert "invalid policy" in one_line(fenxiao("policy", "check", str(file)))
    file.write_bytes(b"\xff\xfe")
    assert "is no UTF-8 text" in one_line(fenxiao("policy", "check", str(file)))


def test_the_default_policy_is_valid_and_shown_as_it_is(tmp_path: Path) -> None:
    shown = fenxiao("policy", "show").stdout
    assert shown == default_policy_text()
    file = tmp_path / "mine.toml"
    file.write_text(shown)
    done = fenxiao("policy", "check", str(file))
    assert done.returncode == 0
    assert "is valid: policy 1" in done.stdout


@pytest.mark.parametrize("command", ["report", "verify"])
def test_an_unreachable_database(command: str, closed: str) -> None:
    line = one_line(fenxiao(command, FENXIAO_KAFKA_BOOTSTRAP_SERVERS=closed, FENXIAO_POSTGRES_DSN=GONE))
    assert "PostgreSQL" in line
    assert "secret" not in line


def test_a_dsn_that_is_none(closed: str) -> None:
    done = fenxiao("install", "--bootstrap-servers", closed, "--dsn", "mysql://x")
    assert "PostgreSQL" in one_line(done)


def test_an_unreachable_broker(closed: str) -> None:
    line = one_line(fenxiao("demo", FENXIAO_KAFKA_BOOTSTRAP_SERVERS=closed, FENXIAO_POSTGRES_DSN=GONE))
    assert f"no Kafka listens at {closed}" in line


def test_one_server_without_the_other(closed: str) -> None:
    assert "go together" in one_line(fenxiao("up", FENXIAO_KAFKA_BOOTSTRAP_SERVERS=closed))


def test_debugging_shows_where() -> None:
    done = fenxiao("policy", "check", "/no/such.toml", FENXIAO_DEBUG="1")
    assert "Traceback" in done.stderr
    assert done.returncode == 1
