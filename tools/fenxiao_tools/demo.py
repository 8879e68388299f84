"""`fenxiao demo`: a market's whole life in a few minutes, on real servers, checked against the oracle.

Data in, three services at work, every published tier verified, what came of it on the terminal and in the report.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fenxiao_tools.choose import choose_source
from fenxiao_tools.demo_tables import tables
from fenxiao_tools.feed import Feed
from fenxiao_tools.ingest.accounting import Account, account
from fenxiao_tools.ingest.items import Source
from fenxiao_tools.ingest.run import Sent, send_source
from fenxiao_tools.matcher_wait import await_matcher
from fenxiao_tools.options import PARTITIONS_DEFAULT
from fenxiao_tools.phases import Phases
from fenxiao_tools.report.data import ReportData
from fenxiao_tools.report.sources import read_report
from fenxiao_tools.report.write import write_report
from fenxiao_tools.running import Running, running
from fenxiao_tools.up import lines_for_others, stay
from fenxiao_tools.verify import VerifyReport, verify
from fenxiao_tools.verifying.show import show

CATCH_UP_S_MAX = 1_800.0
MATCHER_S_MAX = 1_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What was asked for.

    Attributes:
        data: Real data; None is a made market of `products`, `days` and `seed`.
        report: Where the HTML report goes.
        keep: Whether all stays up afterwards, until Ctrl-C.
    """

    data: Path | None
    products: int
    days: int
    seed: int
    report: Path
    keep: bool


def run_demo(options: DemoOptions) -> int:
    """Run it; returns the exit code: 0 only if verify finds all good and each line of real data is accounted for.

    Raises:
        ToolError: A part could not be started, or failed.
    """
    phases, out = Phases(), Console(highlight=False)
    with phases.phase("reading the data"):
        source = choose_source(options.data, products=options.products, days=options.days, seed=options.seed)
    with running(source, phases, partitions=PARTITIONS_DEFAULT) as found:
        accounted = asyncio.run(_live(found, source, phases))
        verified = _verify(found, phases)
        data = _report(found, source, verified, phases, options.report)
        for table in tables(data):
            out.print(table, "")
        show(verified, out)
        if source.rows is not None:
            out.print(accounted.table(), "")
        out.print(f"report: {options.report.resolve()}", soft_wrap=True)
        if options.keep:
            out.print("\n".join(lines_for_others(found)), soft_wrap=True)
            stay(found, phases)
    # A check that saw fewer products than were published has not checked them.
    unchecked = len(data.tiers) - verified.products
    if unchecked or not verified.products:
        out.print(f"verify saw {verified.products:,} products, {len(data.tiers):,} have a tier")
    good = verified.good and verified.products > 0 and not unchecked and (source.rows is None or accounted.complete)
    phases.total("all is as it should be" if good else "something is not as it should be, see above")
    return 0 if good else 1


async def _live(found: Running, source: Source, phases: Phases) -> Account:
    """Send everything, and wait until the services are done with it."""
    async with Feed(found.stack.bootstrap_servers, found.stack.postgres_dsn) as feed:
        sent = await _send(feed, source, phases)
        with phases.phase("waiting for catalog and scorer") as say:
            await feed.wait_until_caught_up(CATCH_UP_S_MAX, say.passing)
        with phases.phase("waiting for the matcher") as say:
            await asyncio.to_thread(await_matcher, found.services, MATCHER_S_MAX, say.passing)
    with phases.phase("accounting for every line") as say:
        accounted = await account(found.stack.bootstrap_servers, sent)
        say(f"{accounted.accounted:,} of {accounted.rows:,} lines accounted for, {accounted.applied:,} applied")
    return accounted


async def _send(feed: Feed, source: Source, phases: Phases) -> Sent:
    days = source.last_day - source.first_day + 1
    with phases.phase(f"sending {source.name}, {days} days", spinner=False) as say, _progress(phases.console) as bar:
        task = bar.add_task("  days", total=days, records=0)
        sent = await send_source(feed, source, lambda records: bar.update(task, advance=1, records=records))
        say(f"{sent.records:,} commands")
    return sent


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("[dim]{task.description}[/]"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("[dim]{task.fields[records]:,} commands[/]"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def _verify(found: Running, phases: Phases) -> VerifyReport:
    with phases.phase("verifying every published tier against the oracle") as say:
        verified = asyncio.run(verify(found.stack.bootstrap_servers, found.stack.postgres_dsn, report=say.passing))
        say(str(verified))
    return verified


def _report(found: Running, source: Source, verified: VerifyReport, phases: Phases, file: Path) -> ReportData:
    with phases.phase("writing the report") as say:
        data = asyncio.run(
            read_report(
                found.stack.bootstrap_servers,
                found.stack.postgres_dsn,
                source=source.name,
                notes=[f"verified: {verified.comparison.messages:,} messages of {verified}"],
                report=say,
            )
        )
        write_report(data, file)
    return data
