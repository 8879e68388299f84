"""Sends a source through the feed, a day after the other, and counts what it sent and what it left out."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from fenxiao_schemas.commands import Command
from fenxiao_tools.connect import postgres
from fenxiao_tools.errors import ToolError
from fenxiao_tools.feed import Feed
from fenxiao_tools.ingest.items import CloseDay, LeftOut, Repeated, Source, Unreadable
from fenxiao_tools.install import install, read_deployment


@dataclass(slots=True, kw_only=True)
class Sent:
    """What one run sent of a source.

    Attributes:
        kinds: How many commands of each kind, by class name.
        left_out: How many rows for each reason.
        repeated: How many rows equal one that was left out.
        starts: Of each partition of the commands topic, its end before the run.
        ends: The same after it.
    """

    source: Source
    kinds: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    days: int = 0
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    @property
    def records(self) -> int:
        """How many records were sent."""
        return self.kinds.total()

    @property
    def rows(self) -> int:
        """How many lines there are to account for."""
        return self.records if self.source.rows is None else self.source.rows


async def prepare(
    source: Source,
    bootstrap_servers: str,
    postgres_dsn: str,
    *,
    partitions: int | None,
    policy_text: str,
    report: Callable[[str], None],
) -> None:
    """Install a deployment that suits the source, unless one is there that does.

    Args:
        source: What will be sent.
        bootstrap_servers: Kafka's.
        postgres_dsn: A libpq URL.
        partitions: For an installation; None takes what is installed, or 4.
        policy_text: For an installation.
        report: Takes one line of progress at a time.

    Raises:
        ToolError: What is installed there does not suit the source, or a server can't be reached.
    """
    async with postgres(postgres_dsn) as connection:
        installed = await read_deployment(connection)
    if installed is not None:
        wanted = {
            "currency": source.currency,
            "first_day": source.first_day,
            "utc_offset_minutes": source.utc_offset_minutes,
            "partitions": partitions or installed.partitions,
        }
        wrong = [f"{k} is {getattr(installed, k)}, not {v}" for k, v in wanted.items() if getattr(installed, k) != v]
        if wrong:
            raise ToolError(f"the installed deployment does not suit {source.name}: {'; '.join(wrong)}")
        return
    await install(
        bootstrap_servers,
        postgres_dsn,
        partitions=partitions or 4,
        first_day=source.first_day,
        utc_offset_minutes=source.utc_offset_minutes,
        currency=source.currency,
        policy_text=policy_text,
        report=report,
    )


async def send_source(feed: Feed, source: Source, day_closed: Callable[[int], None]) -> Sent:
    """Send everything and close every day.

    Args:
        feed: Open, to the deployment to send to.
        source: What to send.
        day_closed: Called after each day with the number of records sent so far.

    Raises:
        ToolError: Days of the source are closed already (nothing was sent then), or a server failed.
    """
    last = await feed.last_closed_day()
    if last is not None:
        raise ToolError(f"day {last} is closed already, but {source.name} begins with day {source.first_day}")
    sent = Sent(source=source, starts=await feed.end_offsets())
    for item in source.items():
        if isinstance(item, Command):
            sent.kinds[type(item).__name__] += 1
            await feed.send(item)
        elif isinstance(item, CloseDay):
            await feed.close_day(item.day)
            sent.days += 1
            day_closed(sent.records)
        elif isinstance(item, LeftOut):
            sent.left_out[item.reason] += 1
        elif isinstance(item, Unreadable):
            sent.kinds[Unreadable.__name__] += 1
            await feed.send_raw(item.key, item.body)
        elif isinstance(item, Repeated):
            sent.repeated += 1
    await feed.flush()
    sent.ends = await feed.end_offsets()
    return sent
