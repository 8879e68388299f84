"""`fenxiao bench`: measurements on this machine, each a command of this group; `bench.run` makes them."""

import json
from pathlib import Path
from typing import Annotated

import typer

from fenxiao_tools import options

bench_app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

SMALL = (2_000, 20)
"""Products and days: all of it in under two minutes on two cores."""
LARGE = (5_000, 30)
OUT_DEFAULT = Path("reports/bench.json")

Products = Annotated[
    int | None, typer.Option(min=1, max=1_000_000, help=f"Of the made market. [default: {LARGE[0]}; small: {SMALL[0]}]")
]
Days = Annotated[int | None, typer.Option(min=1, max=3_650, help=f"[default: {LARGE[1]}; small: {SMALL[1]}]")]
Small = Annotated[bool, typer.Option("--small", help="A load for a first look.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else on standard output.")]


@bench_app.callback()
def bench() -> None:
    """Measure throughput on this machine, with real servers."""


@bench_app.command()
def scorer(
    products: Products = None,
    days: Days = None,
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
) -> None:
    """Measure the scorer against the ceiling of reading and decoding the same events, and verify what it published.

    The catalog makes those events of a made market, and is measured on the way.

    Example: fenxiao bench scorer --products 2000 --days 30
    """
    _run(products, days, seed, small=small, as_json=as_json, with_scorer=True, out=None)


@bench_app.command()
def catalog(
    products: Products = None,
    days: Days = None,
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
) -> None:
    """Measure how many commands a second one catalog accepts, deduplicates, stores and emits.

    Example: fenxiao bench catalog --small
    """
    _run(products, days, seed, small=small, as_json=as_json, with_scorer=False, out=None)


@bench_app.command("all")
def everything(
    products: Products = None,
    days: Days = None,
    seed: options.Seed = options.SEED_DEFAULT,
    small: Small = False,
    as_json: AsJson = False,
    out: Annotated[Path, typer.Option(help="The JSON file to write.")] = OUT_DEFAULT,
) -> None:
    """Measure all there is, and write the figures into a file.

    Example: fenxiao bench all --small
    """
    _run(products, days, seed, small=small, as_json=as_json, with_scorer=True, out=out)


def _run(
    products: int | None,
    days: int | None,
    seed: int,
    *,
    small: bool,
    as_json: bool,
    with_scorer: bool,
    out: Path | None,
) -> None:
    # Imported late, so that help is quick.
    from rich.console import Console  # noqa: PLC0415

    from fenxiao_tools.bench import figures  # noqa: PLC0415
    from fenxiao_tools.bench.run import run_bench  # noqa: PLC0415
    from fenxiao_tools.bench.show import show  # noqa: PLC0415

    size = SMALL if small else LARGE
    load = figures.Load(
        products=products or size[0], days=days or size[1], seed=seed, partitions=options.PARTITIONS_DEFAULT
    )
    results = run_bench(load, with_scorer=with_scorer)
    text = json.dumps(figures.as_json(results), indent=2, ensure_ascii=False)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
    if as_json:
        typer.echo(text)
    else:
        show(results, Console())
        if out is not None:
            typer.echo(f"figures: {out.resolve()}")
    raise typer.Exit(0 if results.good else 1)
