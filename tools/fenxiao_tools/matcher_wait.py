"""Waits until the matcher has read and published all there is, as its health says; `demo` asks for it."""

import time
from collections.abc import Callable
from typing import Any

from fenxiao_tools.errors import ToolError
from fenxiao_tools.processes import Services

LEFT = ("lag", "dirty")
"""The counts in the matcher's health that are 0 when it is done: records to read, and lists to make anew."""
POLL_S = 0.2
CALM_ROUNDS = 10
"""In so many looks in a row (2 s) nothing must be left: the matcher itself looks at the ends of the logs every 0.5 s."""
STALL_S_MAX = 60.0
"""When nothing moved for so long, nobody is at work."""


def await_matcher(services: Services, timeout_s: float, say: Callable[[str], None]) -> None:
    """Wait until it is ready and nothing is left.

    Raises:
        ToolError: It died, the time is over, or nothing has moved for `STALL_S_MAX`.
    """
    clock = time.monotonic
    deadline, moved, calm, said = clock() + timeout_s, clock(), 0, ""
    while calm < CALM_ROUNDS:
        health = services.health("matcher")
        left = what_is_left(health.report)
        calm = calm + 1 if health.ready and not left else 0
        if left != said:
            say(f"the matcher has {left or 'nothing left'}")
            moved, said = clock(), left
        if clock() > min(deadline, moved + STALL_S_MAX):
            waited = f"{timeout_s:g} s" if clock() > deadline else f"nothing moved for {STALL_S_MAX:g} s"
            raise ToolError(f"the matcher was not done after {waited}: {left or health}")
        time.sleep(POLL_S)


def what_is_left(report: dict[str, Any]) -> str:
    """What its health counts, in words; empty if nothing is."""
    counts = [(name, report.get(name, 0)) for name in LEFT]
    return ", ".join(f"{name} {count:,}" for name, count in counts if count)
