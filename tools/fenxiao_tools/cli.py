"""The `fenxiao` command: what is typed comes in here and goes to the module that does it.

Those modules are imported when their command runs, so that help is quick. Whatever goes wrong becomes one line here
(`explain`), and an exit code: 1, or 2 for a command line that is no command.
"""

import datetime as dt
import logging
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from fenxiao_tools import options
from fenxiao_tools.explain import debugging, explain
from fenxiao_tools.lazy_group import LazyGroup
from fenxiao_tools.policy_cli import policy_app

EPOCH = dt.date(1970, 1, 1)

app = typer.Typer(
    name="fenxiao",
    cls=LazyGroup,
    help="Distribution for live commerce: exact tiers for products, and who should sell what.\n\nStart with: fenxiao demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.command()
def demo(
    data: options.DataPath = None,
    products: options.Products = options.PRODUCTS_DEFAULT,
    days: options.Days = options.DAYS_DEFAULT,
    seed: options.Seed = options.SEED_DEFAULT,
    report: Annotated[Path, typer.Option(help="Where the HTML report goes.")] = options.REPORT_DEFAULT,
    keep: Annotated[bool, typer.Option("--keep", help="Keep everything running afterwards, until Ctrl-C.")] = False,
) -> None:
    """See all of it work: real servers, the services, a market's data, a check of every tier, and a report.

    Takes Kafka and PostgreSQL from the environment, from Docker, or starts its own; stops what it started.

    Examples:
    fenxiao demo

    fenxiao demo --products 2000 --days 60

    fenxiao demo --data online_retail.parquet
    """
    from fenxiao_tools.demo import DemoOptions, run_demo  # noqa: PLC0415 - quick --help

    wanted = DemoOptions(data=data, products=products, days=days, seed=seed, report=report, keep=keep)
    raise typer.Exit(run_demo(wanted))


@app.command()
def up(
    data: options.DataPath = None,
    work_dir: Annotated[
        Path | None, typer.Option(help="Keep data and logs there, and go on from it the next time.")
    ] = None,
    partitions: Annotated[int, typer.Option(min=1, help="The shared partition count, for ever.")] = (
        options.PARTITIONS_DEFAULT
    ),
) -> None:
    """Keep servers and services running until Ctrl-C, for work from other terminals.

    The calendar's first day, the UTC offset and the currency are those of the data you mean to ingest (--data), else
    those of the made market.

    Example: fenxiao up --work-dir .fenxiao
    """
    from fenxiao_tools.up import run_up  # noqa: PLC0415 - quick --help

    run_up(data=data, work_dir=work_dir, partitions=partitions)


@app.command()
def install(
    bootstrap_servers: options.BootstrapServers,
    dsn: options.Dsn,
    partitions: Annotated[int, typer.Option(min=1, help="The shared partition count, for ever.")] = 64,
    first_day: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first business day; today if unsaid.")
    ] = None,
    utc_offset_minutes: Annotated[int, typer.Option(help="Where a business day begins, east of UTC.")] = 480,
    currency: Annotated[str, typer.Option(help="The deployment's only one.")] = "CNY",
    policy: Annotated[Path | None, typer.Option(help="A policy file; the default policy if unsaid.")] = None,
    calendar: Annotated[
        Literal["clock", "feed"],
        typer.Option(help="Who closes business days: the catalog by the clock, or whoever feeds data of the past."),
    ] = "clock",
) -> None:
    """Create topics, tables and the deployment's fixed numbers; again with the same values, nothing changes.

    Example: fenxiao install --currency CNY --partitions 64 --policy mine.toml
    """
    import asyncio  # noqa: PLC0415 - quick --help

    from fenxiao_schemas.policy import default_policy_text  # noqa: PLC0415
    from fenxiao_tools.install import install as run_install  # noqa: PLC0415
    from fenxiao_tools.policy_cli import read_text  # noqa: PLC0415

    asyncio.run(
        run_install(
            bootstrap_servers,
            dsn,
            partitions=partitions,
            first_day=_day(first_day, utc_offset_minutes),
            utc_offset_minutes=utc_offset_minutes,
            currency=currency,
            policy_text=read_text(policy) if policy else default_policy_text(),
            calendar_keeper=calendar,
            report=lambda line: typer.echo(line, err=True),
        )
    )


def _day(named: dt.datetime | None, utc_offset_minutes: int) -> int:
    """A date as a business day."""
    if named is None:
        named = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=utc_offset_minutes)
    return (named.date() - EPOCH).days


@app.command()
def report(
    bootstrap_servers: options.BootstrapServers,
    dsn: options.Dsn,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("reports/fenxiao.html"),
) -> None:
    """Write one HTML file that shows tiers, their history, forces, rights, matches and refusals. It needs no network.

    Example: fenxiao report --out today.html
    """
    import asyncio  # noqa: PLC0415 - quick --help

    from fenxiao_tools.phases import Phases  # noqa: PLC0415
    from fenxiao_tools.report.sources import read_report  # noqa: PLC0415
    from fenxiao_tools.report.write import write_report  # noqa: PLC0415

    with Phases().phase("reading topics and tables") as say:
        data = asyncio.run(read_report(bootstrap_servers, dsn, report=say))
    write_report(data, out)
    typer.echo(out)


@app.command()
def rebuild(
    bootstrap_servers: options.BootstrapServers,
    dsn: options.Dsn,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare the live state with what comes out: messages, tiers, snapshots.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option(metavar="DAY", help="Stop at the close of a past day, YYYY-MM-DD or its number.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="With --as-of: this policy file instead of all that were in force.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="With --as-of: how many of the largest moves to show.")] = 10,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; of a past day, every product.")
    ] = False,
) -> None:
    """Fold the log from zero with the scorer's own core, beside the running services, which notice nothing of it.

    With --verify it ends with 0 only if nothing differs. With --as-of it says what every product would have been worth on
    that day, under the policies of the time or under one that you are thinking about.

    Examples:
    fenxiao rebuild

    fenxiao rebuild --verify

    fenxiao rebuild --as-of 2026-03-31 --policy mine.toml --limit 20
    """
    if as_of is None and policy is not None:
        raise typer.BadParameter("it goes with --as-of", param_hint="--policy")
    if as_of is not None and verify:
        raise typer.BadParameter(
            "a past day cannot be compared with what is live: give one of the two", param_hint="--verify"
        )
    import asyncio  # noqa: PLC0415 - quick --help
    import json  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415

    from fenxiao_tools.phases import Phases  # noqa: PLC0415
    from fenxiao_tools.rebuild import rebuild as fold_all  # noqa: PLC0415
    from fenxiao_tools.rebuild import rebuild_as_of  # noqa: PLC0415
    from fenxiao_tools.rebuilding import show  # noqa: PLC0415

    with Phases().phase("rebuilding") as say:
        if as_of is not None:
            answer = asyncio.run(rebuild_as_of(bootstrap_servers, dsn, as_of, policy=policy, report=say.passing))
        else:
            rebuilt = asyncio.run(fold_all(bootstrap_servers, dsn, compare=verify, report=say.passing))
    if as_json:
        found = show.as_of_json(answer) if as_of is not None else show.rebuilt_json(rebuilt)
        typer.echo(json.dumps(found, ensure_ascii=False))
    elif as_of is not None:
        show.show_as_of(answer, limit, Console())
    else:
        show.show_rebuilt(rebuilt, Console())
    if as_of is None and rebuilt.comparison is not None and not rebuilt.comparison.good:
        raise typer.Exit(1)


app.add_typer(policy_app, name="policy")


def main() -> None:
    """Run the command line; never returns."""
    if not debugging():
        # Kafka's client logs each refused connection; what matters is in the one line.
        logging.getLogger().addHandler(logging.NullHandler())
    try:
        app()
    except Exception as error:
        if debugging():
            raise
        sys.stderr.write(f"fenxiao: {explain(error)}\n")
        sys.exit(1)
