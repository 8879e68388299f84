"""Says on the terminal what is being done, what it found, and how long it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status

type Say = Callable[[str], None]

PLAIN_INTERVAL_S = 5.0
"""Where there is no terminal, passing words are printed this often at the most."""


class Phase:
    """One phase in progress. Call it to say a line that stays; `passing` says one that the next replaces."""

    def __init__(self, console: Console, status: Status | None) -> None:
        self._console, self._status = console, status
        self._printed_at = time.monotonic()

    def __call__(self, line: str) -> None:
        """Say a line under the phase."""
        self._console.print(f"  [dim]{escape(line)}[/]")

    def passing(self, line: str) -> None:
        """Say how far it is."""
        if self._status is not None and self._console.is_terminal:
            self._status.update(f"[dim]{escape(line)}[/]")
        elif time.monotonic() - self._printed_at > PLAIN_INTERVAL_S:
            self._printed_at = time.monotonic()
            self(line)


class Phases:
    """The phases of a longer command, one after the other, on standard error.

    Attributes:
        console: Where the lines go.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._start = time.monotonic()

    @contextmanager
    def phase(self, doing: str, *, spinner: bool = True) -> Iterator[Phase]:
        """One phase, with the time it took at its end if it ends well.

        Args:
            doing: What is done, as `feeding 30 days`.
            spinner: Whether to turn a spinner; no, where a progress bar is shown.
        """
        start = time.monotonic()
        self.console.print(f"[bold cyan]▸[/] [bold]{escape(doing)}[/]")
        if spinner:
            with self.console.status("[dim]…[/]") as status:
                yield Phase(self.console, status)
        else:
            yield Phase(self.console, None)
        self.console.print(f"  [green]done[/] [dim]in {time.monotonic() - start:.1f} s[/]")

    def detail(self, line: str) -> None:
        """A line under the present phase."""
        Phase(self.console, None)(line)

    def total(self, what: str) -> None:
        """How long everything took."""
        self.console.print(f"[bold]{escape(what)}[/] [dim]after {time.monotonic() - self._start:.1f} s in all[/]")
