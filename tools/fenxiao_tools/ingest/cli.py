"""`fenxiao ingest`: check a source, install a deployment for it if there is none, send it, and account for each line."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from fenxiao_schemas.policy import default_policy_text
from fenxiao_tools import options
from fenxiao_tools.errors import ToolError
from fenxiao_tools.feed import Feed
from fenxiao_tools.ingest.accounting import Account, account
from fenxiao_tools.ingest.items import Source
from fenxiao_tools.ingest.olist import open_olist
from fenxiao_tools.ingest.online_retail import open_online_retail
from fenxiao_tools.ingest.run import Sent, prepare, send_source
from fenxiao_tools.ingest.synthetic import FIRST_DAY, Size, open_synthetic

ingest_app = typer.Typer(help="Send a data set as commands, day by day.", no_args_is_help=True)

Partitions = Annotated[int | None, typer.Option(min=1, max=9_999, help="For a new deployment. [default: 4]")]
PolicyFile = Annotated[Path | None, typer.Option(help="For a new deployment, instead of the default policy.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for the services; 0: don't account for the lines.")]


@ingest_app.command()
def online_retail(
    file: Annotated[Path, typer.Argument(help="The data set as Parquet.")],
    bootstrap_servers: options.BootstrapServers,
    dsn: options.Dsn,
    partitions: Partitions = None,
    policy: PolicyFile = None,
    wait_s: Wait = 600,
) -> None:
    """UCI Online Retail: a UK gift wholesaler's invoice lines."""
    _ingest(lambda: open_online_retail(file), bootstrap_servers, dsn, partitions, policy, wait_s)


@ingest_app.command()
def olist(
    directory: Annotated[Path, typer.Argument(help="The directory of its CSV files.")],
    bootstrap_servers: options.BootstrapServers,
    dsn: options.Dsn,
    partitions: Partitions = None,
    policy: PolicyFile = None,
    wait_s: Wait = 600,
) -> None:
    """Olist: Brazilian shop orders with reviews and delivery dates."""
    _ingest(lambda: open_olist(directory), bootstrap_servers, dsn, partitions, policy, wait_s)


@ingest_app.command()
def synthetic(
    bootstrap_servers: options.BootstrapServers,
    dsn: options.Dsn,
    products: options.Products = options.PRODUCTS_DEFAULT,
    days: options.Days = options.DAYS_DEFAULT,
    seed: options.Seed = options.SEED_DEFAULT,
    creators: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="[default: a third of the products]")
    ] = None,
    first_day: Annotated[int, typer.Option(min=0, max=40_000, help="In days since 1970-01-01.")] = FIRST_DAY,
    poison: Annotated[bool, typer.Option(help="Send a few unreadable records too.")] = False,
    partitions: Partitions = None,
    policy: PolicyFile = None,
    wait_s: Wait = 600,
) -> None:
    """A made-up market that has what the public sets lack: creators, commissions, views, fraud, late and early records."""
    size = Size(products=products, days=days, creators=creators or max(1, products // 3), first_day=first_day)
    _ingest(lambda: open_synthetic(size, seed=seed, poison=poison), bootstrap_servers, dsn, partitions, policy, wait_s)


def _ingest(
    open_source: Callable[[], Source],
    servers: str,
    dsn: str,
    partitions: int | None,
    policy: Path | None,
    wait_s: float,
) -> None:
    # The Kafka client logs each failed attempt; what matters of it becomes the one line of a ToolError.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = Console(stderr=True)
    policy_text = _read_policy(policy)
    source = open_source()
    result = asyncio.run(_run(source, servers, dsn, partitions, policy_text, wait_s, console))
    if result is not None and not result.complete:
        raise ToolError(f"{result.rows - result.accounted:,} lines of {source.name} are not accounted for")


def _read_policy(policy: Path | None) -> str:
    try:
        return default_policy_text() if policy is None else policy.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ToolError(f"the policy {policy} can't be read: {error}") from error


async def _run(
    source: Source, servers: str, dsn: str, partitions: int | None, policy_text: str, wait_s: float, console: Console
) -> Account | None:
    await prepare(source, servers, dsn, partitions=partitions, policy_text=policy_text, report=console.print)
    async with Feed(servers, dsn) as feed:
        with _progress(console) as progress:
            task = progress.add_task(source.name, total=source.last_day - source.first_day + 1, records=0)
            sent = await send_source(feed, source, lambda records: progress.update(task, advance=1, records=records))
        Console().print(sent_table(sent))
        if not wait_s:
            return None
        with console.status("waiting for the services") as status:
            await feed.wait_until_caught_up(wait_s, lambda line: status.update(f"waiting: {line}"))
    result = await account(servers, sent)
    Console().print(result.table())
    return result


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days, {task.fields[records]:,} records"),
        TimeElapsedColumn(),
        console=console,
    )


def sent_table(sent: Sent) -> Table:
    """What was sent and what was left out, for the terminal."""
    title = f"{sent.source.name}: {sent.records:,} records sent, {sent.days:,} days closed"
    table = Table(title=title, title_justify="left", min_width=72)
    table.add_column("what")
    table.add_column("how many", justify="right")
    for kind, count in sent.kinds.most_common():
        table.add_row(kind, f"{count:,}")
    for reason, count in sent.left_out.most_common():
        table.add_row(f"left out: {reason}", f"{count:,}")
    if sent.repeated:
        table.add_row("left out: equal to another line that is left out", f"{sent.repeated:,}")
    return table
