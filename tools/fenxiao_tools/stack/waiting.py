"""Waiting with a deadline, and ports: the two things every server start needs."""

import random
import socket
import time
from collections.abc import Callable

from fenxiao_tools.stack.model import StackError

POLL_S = 0.05
# Below Linux's ephemeral range (32768 on): a client that retries a dead server's ephemeral port can be given that very
# port as its own, and then holds it when the server comes back.
PORT_MIN = 20_000
PORT_MAX = 32_000
PORT_TRIES_MAX = 200


def wait_until(ready: Callable[[], bool], *, timeout_s: float, what: str) -> None:
    """Poll until `ready`; it may raise to end the wait early.

    Raises:
        StackError: It was not ready in time.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise StackError(f"{what} was not ready after {timeout_s:g} s")
        time.sleep(POLL_S)


def free_port() -> int:
    """A loopback port that is free now; the caller must cope with losing a race for it."""
    for _ in range(PORT_TRIES_MAX):
        port = random.SystemRandom().randint(PORT_MIN, PORT_MAX)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise StackError(f"found no free port between {PORT_MIN} and {PORT_MAX} in {PORT_TRIES_MAX} tries")


def accepts(host: str, port: int, *, timeout_s: float = 1.0) -> bool:
    """Whether something listens there."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


class Stopwatch:
    """Says how long something took, for the lines that are reported."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._start:.1f} s"
