"""Fixtures that all tests share: the real Kafka and PostgreSQL, started when the first test asks for them."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from fenxiao_tools.stack import LocalStack, Stack, StackError
from support.databases import new_database

ORIGIN = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Show a line at once, past pytest's capture: downloading and starting take long enough to be told."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    terminal = request.config.pluginmanager.getplugin("terminalreporter")

    def line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(f"stack: {text}")

    return line


@pytest.fixture(scope="session")
def local_stack(request: pytest.FixtureRequest, say: Callable[[str], None]) -> Iterator[LocalStack]:
    """The one stack of this run, for tests that kill and start its servers; others take `stack`."""
    local = LocalStack(report=say)
    try:
        running = local.start()
    except StackError as error:
        pytest.fail(str(error), pytrace=False)
    request.config.stash[ORIGIN] = running.origin
    yield local
    local.stop()


@pytest.fixture(scope="session")
def stack(local_stack: LocalStack) -> Stack:
    """The addresses of the running servers."""
    assert local_stack.stack is not None
    return local_stack.stack


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[str]:
    """The DSN of a new, empty database, dropped after the test."""
    async with new_database(stack.postgres_dsn) as dsn:
        yield dsn


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """An empty directory for a test's own migrations."""
    directory = tmp_path / "migrations"
    directory.mkdir()
    return directory


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say on which servers the run stood, because a result is worth no more than they are."""
    origin = config.stash.get(ORIGIN, None)
    if origin is not None:
        terminalreporter.write_line(f"stack: the tests ran on servers from: {origin}")
