"""The results of `latency` and `chain` on the terminal: a table, where the time went, and the machine."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fenxiao_tools.bench.loops import LoopResults
from fenxiao_tools.bench.percentiles import Spread
from fenxiao_tools.bench.probes import LoopFigures, complaints
from fenxiao_tools.bench.show import DOUBTFUL_PCT, NONE, machine_in_words

TITLES = {
    "latency": "From an event appended to a tier message readable",
    "chain": "From a command appended to a tier message readable",
}
HEADS = ("sent a second", "probes", "lost", "p50 ms", "p99 ms", "max ms")


def show(results: LoopResults, console: Console) -> None:
    """Print everything."""
    title = f"{TITLES[results.bench]}: open loop, {results.options.products:,} products, everything on all cores"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("load")
    for head in HEADS:
        table.add_column(head, justify="right")
    for loop in results.loops:
        counts = [f"{loop.rate_sent:,}", f"{loop.probes:,}", f"{loop.lost:,}"]
        table.add_row(f"{loop.rate:,} a second", *counts, *_columns(loop.latency), style="bold")
    console.print(table)
    for line in lines(results):
        console.print(escape(line), highlight=False)


def _columns(spread: Spread) -> list[str]:
    return [_ms(value) for value in (spread.p50_ms, spread.p99_ms, spread.max_ms)]


def _ms(value: float | None) -> str:
    return NONE if value is None else f"{value:,.1f}"


def lines(results: LoopResults) -> Iterator[str]:
    """What the table has no column for."""
    for loop in results.loops:
        yield f"{loop.rate:,} a second, p50 / p99 ms: {'; '.join(_parts(loop))}"
        shares = ", ".join(f"{name} {share}%" for name, share in loop.cpu_pct.items())
        yield f"{loop.rate:,} a second, CPU: {shares}"
        if loop.cpu_pct.get("others", 0) > DOUBTFUL_PCT:
            yield f"doubtful: other work had {loop.cpu_pct['others']}% of a core at {loop.rate:,} a second"
    yield from complaints(results.loops)
    yield f"machine: {machine_in_words(results.machine)}"


def _parts(loop: LoopFigures) -> Iterator[str]:
    stages = loop.stages
    named = {
        "due to event": stages.to_event,
        "event to tier": stages.to_tier,
        "tier to readable": stages.to_read,
        "the bench itself late by": loop.sender_late,
    }
    return (f"{name} {_ms(spread.p50_ms)} / {_ms(spread.p99_ms)}" for name, spread in named.items())
