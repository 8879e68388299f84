"""`fenxiao bench`: measurements on this machine, each a command of this group; `bench.run` makes them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fenxiao_tools import options

if TYPE_CHECKING:
    from fenxiao_tools.bench.figures import Load
    from fenxiao_tools.bench.run import Run
    from fenxiao_tools.bench.scale import ScaleLoad
    from fenxiao_tools.bench.zipf_log import LogSize

bench_app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

MARKET_SMALL = (2_000, 20, 1.0)
"""Products, days and activity: in a minute on two cores."""
MARKET_LARGE = (100_000, 60, 0.1)
"""Three million commands: ten minutes."""
SCALE_SMALL = (1_000, 20_000)
SCALE_LARGE = (10_000, 100_000, 1_000_000)
SCALE_DAYS, SCALE_EVENTS_PER_PRODUCT = 4, 5.0
LOG_SMALL = (20_000, 200_000)
"""Products and events."""
LOG_LARGE = (1_000_000, 10_000_000)
LOG_DAYS = 10
OUT_DEFAULT = Path("reports/bench.json")


def _defaults(large: float, small: float) -> str:
    return f"[default: {large:,}; small: {small:,}]"


Products = Annotated[
    int | None,
    typer.Option(min=1, max=1_000_000, help=f"Of the made market. {_defaults(MARKET_LARGE[0], MARKET_SMALL[0])}"),
]
Days = Annotated[int | None, typer.Option(min=1, max=3_650, help=_defaults(MARKET_LARGE[1], MARKET_SMALL[1]))]
Activity = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=100,
        help=f"Scales orders and view counts by product and day. {_defaults(MARKET_LARGE[2], MARKET_SMALL[2])}",
    ),
]
LogProducts = Annotated[
    int | None, typer.Option("--products", min=1, max=5_000_000, help=_defaults(LOG_LARGE[0], LOG_SMALL[0]))
]
LogEvents = Annotated[
    int | None,
    typer.Option("--events", min=1, help=f"What the bench writes ahead. {_defaults(LOG_LARGE[1], LOG_SMALL[1])}"),
]
LogDays = Annotated[int, typer.Option("--days", min=1, max=3_650, help="Over which they are spread.")]
Sizes = Annotated[
    list[int] | None,
    typer.Option("--products", min=1, max=5_000_000, help="Of one market; give it several times for several."),
]
Small = Annotated[bool, typer.Option("--small", help="A load for a first look.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else on standard output.")]


LOOP_SMALL = (500, 5.0)
"""Products and seconds: a look."""
LOOP_LARGE = (2_000, 20.0)

Seconds = Annotated[
    float | None,
    typer.Option(min=1, max=600, help=f"Of each load; {LOOP_LARGE[1]:g} if unsaid, {LOOP_SMALL[1]:g} if small."),
]
Traded = Annotated[
    int | None,
    typer.Option("--products", min=1, max=1_000_000, help=f"{LOOP_LARGE[0]:,} if unsaid, {LOOP_SMALL[0]:,} if small."),
]
BatchMs = Annotated[
    float | None,
    typer.Option(min=1, max=1_000, help="How often each partition gets a batch with a barrier; 20 if unsaid."),
]
Rates = Annotated[
    list[int] | None,
    typer.Option("--rate", min=100, max=1_000_000, help="A load, records a second; may be given again."),
]


@bench_app.callback()
def bench() -> None:
    """Measure throughput on this machine, with real servers."""


@bench_app.command()
def scorer(
    products: Products = None,
    days: Days = None,
    activity: Activity = None,
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
) -> None:
    """Measure the scorer against the ceiling of reading and decoding the same events, and verify what it published.

    The catalog makes those events of a made market, and is measured on the way. The second ceiling is FastStream's own
    batch subscriber without any work.

    Example: fenxiao bench scorer --products 2000 --days 30 --activity 1
    """
    from fenxiao_tools.bench.run import Run  # noqa: PLC0415 - quick --help

    run = Run("scorer")
    run.market(_load(products, days, activity, seed, small=small), with_scorer=True)
    _finish(run, as_json=as_json)


@bench_app.command()
def catalog(
    products: Products = None,
    days: Days = None,
    activity: Activity = None,
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
) -> None:
    """Measure how many commands a second one catalog accepts, deduplicates, stores and emits.

    Example: fenxiao bench catalog --small
    """
    from fenxiao_tools.bench.run import Run  # noqa: PLC0415 - quick --help

    run = Run("catalog")
    run.market(_load(products, days, activity, seed, small=small), with_scorer=False)
    _finish(run, as_json=as_json)


@bench_app.command()
def scale(
    products: Sizes = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="That are measured.")] = SCALE_DAYS,
    events_per_product: Annotated[
        float, typer.Option(min=0.01, max=1_000, help="In one day, on average.")
    ] = SCALE_EVENTS_PER_PRODUCT,
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
) -> None:
    """Measure what an event costs the scorer in small and large markets of equal trade by product and day.

    The bench writes the events itself, for the catalog would take an hour over the largest.

    Example: fenxiao bench scale --products 10000 --products 1000000
    """
    from fenxiao_tools.bench.run import Run  # noqa: PLC0415 - quick --help

    run = Run("scale")
    run.scale(_scale_load(products, days, events_per_product, seed, small=small))
    _finish(run, as_json=as_json)


@bench_app.command()
def memory(
    products: LogProducts = None,
    events: LogEvents = None,
    days: LogDays = LOG_DAYS,
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
) -> None:
    """Measure how much memory a scorer has, by the product, when it has caught up with a long log.

    Example: fenxiao bench memory --products 100000 --events 1000000
    """
    _run_standing("memory", products, events, days, seed, small=small, as_json=as_json)


@bench_app.command()
def recovery(
    products: LogProducts = None,
    events: LogEvents = None,
    days: LogDays = LOG_DAYS,
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
) -> None:
    """Measure how long after SIGKILL, and a start at once, a scorer publishes its first new tier message.

    Example: fenxiao bench recovery --small
    """
    _run_standing("recovery", products, events, days, seed, small=small, as_json=as_json)


@bench_app.command("day-close")
def day_close(
    products: LogProducts = None,
    events: LogEvents = None,
    days: LogDays = LOG_DAYS,
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
) -> None:
    """Measure one close of a day: the assessment of all products; then encoding, commit and relay, each apart.

    Example: fenxiao bench day-close --small
    """
    _run_standing("day_close", products, events, days, seed, small=small, as_json=as_json)


@bench_app.command()
def latency(
    seconds: Seconds = None,
    products: Traded = None,
    rate: Rates = None,
    batch_ms: BatchMs = None,
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
) -> None:
    """Measure from an event appended to its tier message readable, at 2,000 and at 10,000 events a second.

    An open loop: events come at their times, however slow the answers are. Ends with 1 if one never comes.

    Example: fenxiao bench latency --small
    """
    _run_loop(
        "latency", seconds, products, rate or [2_000, 10_000], seed, batch_ms=batch_ms, small=small, as_json=as_json
    )


@bench_app.command()
def chain(
    seconds: Seconds = None,
    products: Traded = None,
    rate: Rates = None,
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
) -> None:
    """Measure from a command appended to its tier message readable, through catalog and scorer, at 2,000 a second.

    An open loop: commands come at their times, however slow the answers are. Ends with 1 if one never comes.

    Example: fenxiao bench chain --small
    """
    _run_loop("chain", seconds, products, rate or [2_000], seed, small=small, as_json=as_json)


@bench_app.command("all")
def everything(
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
    out: Annotated[Path, typer.Option(help="The JSON file to write.")] = OUT_DEFAULT,
) -> None:
    """Measure all there is, one after the other, and write the figures into a file.

    Small, it takes under five minutes; else, an hour or so.

    Example: fenxiao bench all --small
    """
    from fenxiao_tools.bench.run import Run  # noqa: PLC0415 - quick --help

    run = Run("all")
    run.market(_load(None, None, None, seed, small=small), with_scorer=True)
    run.scale(_scale_load(None, SCALE_DAYS, SCALE_EVENTS_PER_PRODUCT, seed, small=small))
    run.standing(_log_size(None, None, LOG_DAYS, seed, small=small))
    run.loops(*(LOOP_SMALL if small else LOOP_LARGE), seed=seed)
    _finish(run, as_json=as_json, out=out)


def _load(products: int | None, days: int | None, activity: float | None, seed: int, *, small: bool) -> "Load":
    from fenxiao_tools.bench.figures import Load  # noqa: PLC0415 - quick --help

    size = MARKET_SMALL if small else MARKET_LARGE
    return Load(
        products=products or size[0],
        days=days or size[1],
        activity=activity or size[2],
        seed=seed,
        partitions=options.PARTITIONS_DEFAULT,
    )


def _scale_load(
    products: list[int] | None, days: int, events_per_product: float, seed: int, *, small: bool
) -> "ScaleLoad":
    from fenxiao_tools.bench.scale import ScaleLoad  # noqa: PLC0415 - quick --help

    return ScaleLoad(
        products=tuple(dict.fromkeys(products or (SCALE_SMALL if small else SCALE_LARGE))),
        days=days,
        events_per_product=events_per_product,
        seed=seed,
        partitions=options.PARTITIONS_DEFAULT,
    )


def _log_size(products: int | None, events: int | None, days: int, seed: int, *, small: bool) -> "LogSize":
    from fenxiao_tools.bench.zipf_log import LogSize  # noqa: PLC0415 - quick --help

    size = LOG_SMALL if small else LOG_LARGE
    return LogSize(
        products=products or size[0],
        events=events or size[1],
        days=days,
        seed=seed,
        partitions=options.PARTITIONS_DEFAULT,
    )


def _run_standing(
    part: Literal["memory", "recovery", "day_close"],
    products: int | None,
    events: int | None,
    days: int,
    seed: int,
    *,
    small: bool,
    as_json: bool,
) -> None:
    from fenxiao_tools.bench.run import Run  # noqa: PLC0415 - quick --help

    run = Run(part)
    run.standing(_log_size(products, events, days, seed, small=small), [part])
    _finish(run, as_json=as_json)


def _finish(run: "Run", *, as_json: bool, out: Path | None = None) -> None:
    """Say what was found; ends with 1 if something of it was wrong."""
    from rich.console import Console  # noqa: PLC0415 - quick --help

    from fenxiao_tools.bench import figures  # noqa: PLC0415
    from fenxiao_tools.bench.show import show  # noqa: PLC0415

    results = run.results()
    text = json.dumps(figures.as_json(results), indent=2, ensure_ascii=False)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
    if as_json:
        typer.echo(text)
    else:
        run.show_loops(Console())
        show(results, Console())
        if out is not None:
            typer.echo(f"figures: {out.resolve()}")
    raise typer.Exit(0 if results.good else 1)


def _run_loop(
    bench: Literal["latency", "chain"],
    seconds: float | None,
    products: int | None,
    rates: list[int],
    seed: int,
    *,
    batch_ms: float | None = None,
    small: bool,
    as_json: bool,
) -> None:
    # Imported late, so that help is quick.
    from rich.console import Console  # noqa: PLC0415

    from fenxiao_tools.bench import loops  # noqa: PLC0415
    from fenxiao_tools.bench.chain import run_chain  # noqa: PLC0415
    from fenxiao_tools.bench.latency import run_latency  # noqa: PLC0415
    from fenxiao_tools.bench.probes import complaints  # noqa: PLC0415
    from fenxiao_tools.bench.show_loops import show as show_loops  # noqa: PLC0415

    size = LOOP_SMALL if small else LOOP_LARGE
    wanted = loops.Options(
        products=products or size[0],
        seconds=seconds or size[1],
        seed=seed,
        rates=tuple(dict.fromkeys(rates)),
        batch_ms=batch_ms or loops.BATCH_MS,
    )
    results = (run_latency if bench == "latency" else run_chain)(wanted)
    if as_json:
        typer.echo(json.dumps(loops.as_json(results), indent=2, ensure_ascii=False))
        for line in complaints(results.loops):
            typer.echo(line, err=True)
    else:
        show_loops(results, Console())
    raise typer.Exit(0 if results.good else 1)
