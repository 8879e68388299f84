"""Says on the terminal what is being done, what it found, and how long it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

type Say = Callable[[str], None]


class Phases:
    """The phases of a longer command, one after the other, on standard error.

    Attributes:
        console: Where the lines go.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._start = time.monotonic()

    @contextmanager
    def phase(self, doing: str, *, spinner: bool = True) -> Iterator[Say]:
        """One phase; the block gets a function that says a line under it.

        Args:
            doing: What is done, as `feeding 30 days`.
            spinner: Whether to turn a spinner; no, where a progress bar is shown.
        """
        start = time.monotonic()
        self.console.print(f"[bold cyan]▸[/] [bold]{escape(doing)}[/]")
        if spinner:
            with self.console.status("[dim]…[/]", spinner="dots"):
                yield self.detail
        else:
            yield self.detail
        self.console.print(f"  [green]done[/] [dim]in {time.monotonic() - start:.1f} s[/]")

    def detail(self, line: str) -> None:
        """A line under the present phase."""
        self.console.print(f"  [dim]{escape(line)}[/]")

    def total(self, what: str) -> None:
        """How long everything took."""
        self.console.print(f"[bold]{escape(what)}[/] [dim]after {time.monotonic() - self._start:.1f} s in all[/]")
