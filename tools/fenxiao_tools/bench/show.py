"""The results on the terminal: a table a bench, what it has no column for, the machine, and how it was measured."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fenxiao_tools.bench.figures import (
    CatalogFigures,
    Ceiling,
    CloseFigures,
    Cost,
    Load,
    LogLoad,
    Machine,
    MemoryFigures,
    RecoveryFigures,
    Results,
    ScaleFigures,
    ScorerFigures,
)

NONE = "-"
MARKET_HEADS = ("records", "seconds", "per second", "CPU s", "servers' CPU s", "RSS MiB")
SCALE_HEADS = ("days", "events", "seconds", "per second", "µs an event", "CPU µs an event", "RSS MiB")
DOUBTFUL_PCT = 5
"""When others had more of the core, it is said."""


def show(results: Results, console: Console) -> None:
    """Print everything."""
    for table in tables(results):
        console.print(table, "")
    for line in lines(results):
        console.print(escape(line), highlight=False)


def tables(results: Results) -> Iterator[Table]:
    """One for each kind of load."""
    found = results.figures
    catalog, scorer = found.get("catalog"), found.get("scorer")
    if isinstance(catalog, CatalogFigures):
        yield _market(catalog, scorer if isinstance(scorer, ScorerFigures) else None)
    scale = found.get("scale")
    if isinstance(scale, ScaleFigures):
        yield _scale(scale)
    standing = [each for each in found.values() if isinstance(each, MemoryFigures | RecoveryFigures | CloseFigures)]
    if standing:
        made = _table(_log_in_words(standing[0].load), "one scorer, caught up", ("",))
        for each in standing:
            for name, value in _standing_rows(each):
                made.add_row(name, value)
        yield made


def _table(title: str, first: str, heads: tuple[str, ...]) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(first)
    for head in heads:
        made.add_column(head, justify="right")
    return made


def _market(catalog: CatalogFigures, scorer: ScorerFigures | None) -> Table:
    """A row a measurement, in the order in which they were made."""
    made = _table(_market_in_words(catalog.load), "one process", MARKET_HEADS)
    made.add_row("catalog, commands", *_row(catalog.commands, catalog.commands_per_s, catalog.cost))
    if scorer is not None:
        made.add_row("ceiling before, events", *_ceiling_row(scorer.ceilings[0]))
        made.add_row("FastStream alone before", *_ceiling_row(scorer.faststream[0]))
        made.add_row("scorer, events", *_row(scorer.events, scorer.events_per_s, scorer.cost), style="bold")
        made.add_row("ceiling after, events", *_ceiling_row(scorer.ceilings[1]))
        made.add_row("FastStream alone after", *_ceiling_row(scorer.faststream[1]))
    return made


def _market_in_words(load: Load) -> str:
    activity = "" if load.activity == 1 else f", activity {load.activity:g}"
    return (
        f"A market of {load.products:,} products over {load.days:,} days{activity}, seed {load.seed}, "
        f"{load.partitions} partitions"
    )


def _log_in_words(load: LogLoad) -> str:
    return (
        f"{load.events:,} events of {load.products:,} products over {load.days:,} days, seed {load.seed}, "
        f"{load.partitions} partitions"
    )


def _scale(scale: ScaleFigures) -> Table:
    made = _table("The scorer at several sizes", "products", SCALE_HEADS)
    for size in scale.sizes:
        made.add_row(
            f"{size.products:,}",
            f"{size.days}",
            f"{size.events:,}",
            f"{size.cost.seconds:.2f}",
            f"{size.events / size.cost.seconds:,.0f}" if size.cost.seconds else NONE,
            f"{size.us_per_event:.2f}",
            _number(size.cpu_us_per_event),
            _whole(size.cost.rss_mib),
        )
    return made


def _standing_rows(found: MemoryFigures | RecoveryFigures | CloseFigures) -> Iterator[tuple[str, str]]:
    match found:
        case MemoryFigures():
            yield "memory: resident bytes a product", _whole(found.rss_bytes_per_product)
            yield "  the same at its peak", _whole(found.rss_peak_bytes_per_product)
            yield "  MiB of an idle scorer, and of this one", f"{_whole(found.idle_rss_mib)}, {_whole(found.rss_mib)}"
        case RecoveryFigures():
            yield "recovery: seconds from SIGKILL to the first tier message", f"{found.recovery_s:.2f}"
            yield f"  to that of the last of {found.partitions} partitions", f"{found.recovery_all_s:.2f}"
            yield "  events after the snapshots, folded again", f"{found.replayed:,}"
        case CloseFigures():
            yield "day close: seconds for histograms, sweep and assessment", f"{found.close_s:.3f}"
            yield f"    (and the first {found.first_messages:,} of {found.messages:,} messages)", ""
            yield "  for encoding the other messages", f"{found.encode_s:.3f}"
            yield f"  for committing {found.steps:,} steps", f"{found.commit_s:.3f}"
            yield "  for relaying them", f"{found.relay_s:.3f}"


def _row(records: int, per_s: int, cost: Cost) -> list[str]:
    return [
        f"{records:,}",
        f"{cost.seconds:.2f}",
        f"{per_s:,}",
        _number(cost.cpu_s),
        _number(cost.servers_cpu_s),
        _whole(cost.rss_mib),
    ]


def _ceiling_row(ceiling: Ceiling) -> list[str]:
    counts = [f"{ceiling.records:,}", f"{ceiling.seconds:.2f}", f"{ceiling.per_s:,}", f"{ceiling.cpu_s:.2f}"]
    return [*counts, NONE, NONE]


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _whole(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"


def _share(ratio: float | None) -> str:
    return NONE if ratio is None else f"{100 * ratio:.1f}%"


def lines(results: Results) -> Iterator[str]:
    """What the tables have no column for."""
    for found in results.figures.values():
        match found:
            case CatalogFigures():
                yield (
                    f"catalog: {found.accepted:,} accepted, {found.duplicates:,} duplicates, {found.refused:,} refused, "
                    f"{found.parked:,} parked; {found.events:,} events ({found.events_per_s:,} a second) "
                    f"and {found.outcomes:,} outcomes"
                )
            case ScorerFigures():
                yield from _scorer_lines(found)
            case ScaleFigures():
                yield (
                    f"scale: an event costs {_number(found.cost_ratio)} times as much at the largest size as at the "
                    f"smallest ({_number(found.wall_ratio)} by wall time); the events were written by {found.written_by}"
                )
    yield from _doubts(results)
    yield f"machine: {machine_in_words(results.machine)}"
    yield f"measured: {results.measured}"


def _scorer_lines(scorer: ScorerFigures) -> Iterator[str]:
    yield (
        f"scorer: {_share(scorer.ceiling_ratio)} of the ceiling (the mean of both), "
        f"{_share(scorer.ceiling_cpu_ratio)} by CPU time, and {_number(scorer.faststream_ratio)} times FastStream alone; "
        f"{scorer.messages:,} messages published"
    )
    shares = scorer.shares
    yield (
        f"events: {len(shares.kinds)} kinds; {shares.refunds_pct:g}% are refunds, {shares.late_pct:g}% of the sales came "
        f"after their day had closed"
    )
    rest = "" if scorer.good or scorer.differ else ", but not all is right: see fenxiao verify"
    yield f"verify: {scorer.products:,} products, {scorer.differ:,} differ{rest}"


def _doubts(results: Results) -> Iterator[str]:
    """Where the measured core was not left to what was measured."""
    shares: dict[str, int | None] = {}
    for found in results.figures.values():
        match found:
            case CatalogFigures():
                shares["catalog"] = found.cost.others_pct
            case ScorerFigures():
                before, after = found.ceilings
                shares |= {"ceiling before": before.others_pct, "scorer": found.cost.others_pct}
                shares |= {"ceiling after": after.others_pct}
            case ScaleFigures():
                shares |= {f"scorer at {size.products:,} products": size.cost.others_pct for size in found.sizes}
    doubtful = [f"{name} {share}%" for name, share in shares.items() if (share or 0) > DOUBTFUL_PCT]
    if doubtful:
        yield f"doubtful: other work had a share of the measured core: {', '.join(doubtful)}"


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
