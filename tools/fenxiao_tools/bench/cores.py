"""Which core the servers have, and which the measured process, so that neither slows the other down."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from fenxiao_tools.bench import pin


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """The numbers of the two; None where they can't be kept apart."""

    servers: int | None = None
    measured: int | None = None

    def argv(self, command: Sequence[str]) -> list[str]:
        """The command, pinned to the measured core."""
        if self.measured is None:
            return list(command)
        return [sys.executable, "-I", "-S", pin.__file__, str(self.measured), *command]

    def on_servers(self) -> AbstractContextManager[None]:
        """This process on the servers' core for the length of a block, and for good what is started in it."""
        return _placed(self.servers)

    def on_measured(self) -> AbstractContextManager[None]:
        """This process on the measured core for the length of a block: our own work between two measurements."""
        return _placed(self.measured)


def choose_cores() -> Cores:
    """The first core that we may use for the servers, the second for what is measured, if there are two."""
    if not hasattr(os, "sched_setaffinity"):
        return Cores()
    usable = sorted(os.sched_getaffinity(0))
    return Cores(servers=usable[0], measured=usable[1]) if len(usable) > 1 else Cores()


@contextmanager
def _placed(core: int | None) -> Iterator[None]:
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
