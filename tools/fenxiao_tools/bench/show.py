"""The results on the terminal: one table, the verdict, the machine, and how it was measured."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fenxiao_tools.bench.figures import Ceiling, Cost, Machine, Results

NONE = "-"
HEADS = ("records", "seconds", "per second", "CPU s", "servers' CPU s", "RSS MiB")
DOUBTFUL_PCT = 5
"""When others had more of the core, it is said."""


def show(results: Results, console: Console) -> None:
    """Print everything."""
    console.print(table(results))
    for line in lines(results):
        console.print(escape(line), highlight=False)


def table(results: Results) -> Table:
    """A row a measurement, in the order in which they were made."""
    load = results.load
    title = f"A market of {load.products:,} products over {load.days:,} days, seed {load.seed}, {load.partitions} partitions"
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column("one process")
    for head in HEADS:
        made.add_column(head, justify="right")
    catalog, scorer = results.catalog, results.scorer
    made.add_row("catalog, commands", *_row(catalog.commands, catalog.commands_per_s, catalog.cost))
    if scorer is not None:
        before, after = scorer.ceilings
        made.add_row("ceiling before, events", *_ceiling_row(before))
        made.add_row("scorer, events", *_row(scorer.events, scorer.events_per_s, scorer.cost), style="bold")
        made.add_row("ceiling after, events", *_ceiling_row(after))
    return made


def _row(records: int, per_s: int, cost: Cost) -> list[str]:
    rss = NONE if cost.rss_mib is None else f"{cost.rss_mib:,.0f}"
    return [f"{records:,}", f"{cost.seconds:.2f}", f"{per_s:,}", _cpu(cost.cpu_s), _cpu(cost.servers_cpu_s), rss]


def _ceiling_row(ceiling: Ceiling) -> list[str]:
    counts = [f"{ceiling.records:,}", f"{ceiling.seconds:.2f}", f"{ceiling.per_s:,}", f"{ceiling.cpu_s:.2f}"]
    return [*counts, NONE, NONE]


def _cpu(seconds: float | None) -> str:
    return NONE if seconds is None else f"{seconds:.2f}"


def _share(ratio: float | None) -> str:
    return NONE if ratio is None else f"{100 * ratio:.1f}%"


def lines(results: Results) -> Iterator[str]:
    """What the table has no column for."""
    catalog, scorer = results.catalog, results.scorer
    yield (
        f"catalog: {catalog.accepted:,} accepted, {catalog.duplicates:,} duplicates, {catalog.refused:,} refused, "
        f"{catalog.parked:,} parked; {catalog.events:,} events ({catalog.events_per_s:,} a second) "
        f"and {catalog.outcomes:,} outcomes"
    )
    if scorer is not None:
        yield (
            f"scorer: {_share(scorer.ceiling_ratio)} of the ceiling (the mean of both), "
            f"{_share(scorer.ceiling_cpu_ratio)} by CPU time; {scorer.messages:,} messages published"
        )
        rest = "" if scorer.good or scorer.differ else ", but not all is right: see fenxiao verify"
        yield f"verify: {scorer.products:,} products, {scorer.differ:,} differ{rest}"
    yield from _doubts(results)
    yield f"machine: {machine_in_words(results.machine)}"
    yield f"measured: {results.measured}"


def _doubts(results: Results) -> Iterator[str]:
    """Where the measured core was not left to what was measured."""
    shares = {"catalog": results.catalog.cost.others_pct}
    if results.scorer is not None:
        before, after = results.scorer.ceilings
        shares |= {"ceiling before": before.others_pct, "scorer": results.scorer.cost.others_pct}
        shares |= {"ceiling after": after.others_pct}
    found = [f"{name} {share}%" for name, share in shares.items() if (share or 0) > DOUBTFUL_PCT]
    if found:
        yield f"doubtful: other work had a share of the measured core: {', '.join(found)}"


def machine_in_words(machine: Machine) -> str:
    """One line."""
    memory = "" if machine.memory_mib is None else f", {machine.memory_mib / 1024:.1f} GiB"
    return (
        f"{machine.cores} cores{memory}, {machine.cpu}, {machine.system}; Python {machine.python}, "
        f"Kafka {machine.kafka} and PostgreSQL {machine.postgres} from {machine.servers_from} "
        f"({_where(machine.servers_core)}), what is measured {_where(machine.measured_core)}"
    )


def _where(core: int | None) -> str:
    return "not pinned" if core is None else f"on core {core}"
