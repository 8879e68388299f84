"""Wakes the workers of a process that wait for what other partitions commit."""

import asyncio


class Bell:
    """Rung at every commit; what other processes commit is polled for."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def listen(self, wake: asyncio.Event) -> None:
        """Set `wake` at the next ring."""
        self._waiting.add(wake)

    def ring(self) -> None:
        """Something was committed."""
        for wake in self._waiting:
            wake.set()
        self._waiting.clear()
