"""Asks a service of ours how it is, over HTTP on loopback, and reads the last words of one that died."""

import http.client
import json
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"
TIMEOUT_S = 3.0
LINE_LENGTH_MAX = 300
NOT_TOLD = frozenset({"level", "timestamp", "service", "logger"})


@dataclass(frozen=True, slots=True)
class Health:
    """An answer of `/health/ready`.

    Attributes:
        ready: Whether it was 200.
        report: The details; empty if it does not answer.
    """

    ready: bool
    report: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return json.dumps(self.report, ensure_ascii=False)[:LINE_LENGTH_MAX] if self.report else "it does not answer"


def ask(port: int, path: str = "/health/ready") -> Health:
    """One question; a service that does not answer is not ready, which is no error."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        report = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return Health(False)
    finally:
        connection.close()
    return Health(answer.status == http.client.OK, report if isinstance(report, dict) else {})


def last_words(log: str) -> str:
    """The last line of a log that says something; of a structured line, what happened and its details."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return _plain(lines[-1])[:LINE_LENGTH_MAX] if lines else "it said nothing"


def _plain(line: str) -> str:
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict) or "event" not in record:
        return line
    event = str(record.pop("event"))
    if "exception" in record:
        event += ": " + last_words(str(record.pop("exception")))
    details = ", ".join(f"{key}={value}" for key, value in record.items() if key not in NOT_TOLD)
    return f"{event} ({details})" if details else event
