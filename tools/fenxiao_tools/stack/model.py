"""What every origin of a stack gives and raises; `local` chooses among the origins."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

type Origin = Literal["environment", "containers", "processes"]
type Report = Callable[[str], None]


class StackError(Exception):
    """The stack can't be had; the message is one line for the person at the keyboard."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class UnavailableError(StackError):
    """This origin can't serve on this machine, which is no fault: the next one is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running Kafka and PostgreSQL.

    Attributes:
        bootstrap_servers: host:port pairs, as aiokafka takes them.
        postgres_dsn: A libpq URL that asyncpg and dbmate both take; a Unix socket's directory stands in `?host=`.
        origin: Who started the servers, and so who stops them.
    """

    bootstrap_servers: str
    postgres_dsn: str
    origin: Origin


class Backend(Protocol):
    """One origin: starts both servers or raises, and stops what it started, even after a start that failed."""

    def start(self) -> Stack:
        """Start both servers and wait until they serve."""
        ...

    def stop(self) -> None:
        """Stop what `start` started; safe to call more than once."""
        ...
