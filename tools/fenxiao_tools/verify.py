"""`fenxiao verify`: reads four topics as they are now and checks everything that can be checked of them.

The events give the expected tiers (by the oracle, which shares no code with the scorer) and one side of the books. What
is checked is pure and lives in `verifying`; this module does the reading.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asyncpg.exceptions import PostgresError

from fenxiao_oracle import Expected, LogError, expect
from fenxiao_schemas.outcomes import Outcome
from fenxiao_schemas.policy import Policy, parse_policy
from fenxiao_schemas.topics import COMMANDS, EVENTS, OUTCOMES, TIERS, Topic, codec_of
from fenxiao_tools.caught_up import await_caught_up
from fenxiao_tools.connect import postgres
from fenxiao_tools.errors import ToolError
from fenxiao_tools.logs import LogsReader, PartitionLog, TopicLog, open_logs
from fenxiao_tools.policy_cli import read_text
from fenxiao_tools.verifying.books import Books, Ledger, PartitionBooks
from fenxiao_tools.verifying.sequence import Numbered
from fenxiao_tools.verifying.tiers import Comparison, compare_tiers

_TOPICS = (COMMANDS, OUTCOMES, EVENTS, TIERS)
"""In the order in which their ends are pinned."""

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was found.

    Attributes:
        records: How many each topic has, by its name.
        repeats: How many records of the events and outcomes came twice, which is no fault.
        problems: What is wrong with the logs themselves, a line each.
    """

    books: Books
    comparison: Comparison
    records: dict[str, int] = field(default_factory=dict)
    repeats: int = 0
    problems: tuple[str, ...] = ()

    @property
    def products(self) -> int:
        """How many products there are."""
        return self.comparison.products

    @property
    def differ(self) -> int:
        """How many of them differ."""
        return len(self.comparison.differing)

    @property
    def lag(self) -> tuple[str, ...]:
        """What has not been processed yet, a line each."""
        return (*self.books.lag, *self.comparison.lag)

    @property
    def good(self) -> bool:
        """Whether everything is there and right."""
        return not (self.differ or self.problems or self.lag) and self.books.balanced

    def __str__(self) -> str:
        return f"{self.products} products, {self.differ} differ"


async def verify(
    bootstrap_servers: str,
    postgres_dsn: str | None,
    *,
    policies: Sequence[Path] = (),
    wait_s: float = 0,
    report: Say | None = None,
) -> VerifyReport:
    """Check the whole deployment's logs.

    Args:
        bootstrap_servers: Kafka's.
        postgres_dsn: Where the policies are, and how far the services have come; may be None if neither is needed.
        policies: Policy files, instead of those in PostgreSQL.
        wait_s: For how long to wait for the services to work off the commands that are there now.
        report: Takes a line of progress at a time.

    Raises:
        ToolError: Kafka or PostgreSQL can't be reached, or the topics are not there.
    """
    say = report or _silence
    known = _policies_of_files(policies) if policies else await _policies_of_database(postgres_dsn)
    async with open_logs(bootstrap_servers, _TOPICS) as reader:
        _check_partitions(reader)
        ends = {COMMANDS.name: await reader.ends(COMMANDS)}
        if wait_s > 0:
            await _wait(reader, ends[COMMANDS.name], postgres_dsn, wait_s, say)
        for topic in _TOPICS[1:]:
            ends[topic.name] = await reader.ends(topic)
        logs = {topic.name: await _read(reader, topic, ends[topic.name], say) for topic in _TOPICS}
    say("computing what must be there")
    return await asyncio.to_thread(check_logs, logs, known, say)


def check_logs(logs: dict[str, TopicLog], policies: dict[int, Policy], say: Say | None = None) -> VerifyReport:
    """Check the four topics, read by name; pure.

    Args:
        logs: Of each topic its partitions.
        policies: By version.
        say: Takes a line of progress at a time.
    """
    events = [_numbered(EVENTS, number, log) for number, log in enumerate(logs[EVENTS.name])]
    ledgers = [Ledger() for _ in events]
    streams = [ledger.passing(each.messages()) for ledger, each in zip(ledgers, events, strict=True)]
    problems: list[str] = []
    try:
        expected = expect(
            streams, policies, (lambda day: say(f"computing what must be there: day {day}")) if say else None
        )
    except LogError as error:
        problems.append(str(error))
        expected = [Expected(messages=[], as_of_seq=2**53) for _ in events]
        for stream in streams:
            for _ in stream:
                pass
    books, outcomes = _books(logs, ledgers)
    sequences = [*events, *outcomes]
    problems += [problem for each in sequences for problem in each.problems]
    return VerifyReport(
        books=books,
        comparison=compare_tiers(expected, logs[TIERS.name]),
        records={name: sum(len(log.offsets) for log in topic) for name, topic in logs.items()},
        repeats=sum(each.repeats for each in sequences),
        problems=tuple(problems),
    )


def _books(logs: dict[str, TopicLog], ledgers: Sequence[Ledger]) -> tuple[Books, list[Numbered[Outcome]]]:
    books, sequences, codec = Books(), [], codec_of(COMMANDS)
    columns = zip(logs[COMMANDS.name], logs[OUTCOMES.name], ledgers, strict=True)
    for number, (commands, outcomes, ledger) in enumerate(columns):
        numbered = _numbered(OUTCOMES, number, outcomes)
        sequences.append(numbered)
        PartitionBooks(
            number=number,
            commands=dict(zip(commands.offsets, codec.decode_batch(commands.bodies), strict=True)),
            outcomes=list(numbered.messages()),
            ledger=ledger,
            commands_start=commands.start,
            commands_end=commands.end,
            outcomes_kept=outcomes.start == 0,
        ).enter(books)
    books.check_sums()
    return books, sequences


def _numbered(topic: Topic, number: int, log: PartitionLog) -> Numbered[Any]:
    """Only a topic whose first records have expired may begin beyond 1."""
    kept_from_start = log.start == 0 or topic is EVENTS
    return Numbered(f"{topic.name}, partition {number}", log, codec_of(topic), first=1 if kept_from_start else None)


def _check_partitions(reader: LogsReader) -> None:
    if len(set(reader.partitions.values())) > 1:
        found = ", ".join(f"{name} {count}" for name, count in reader.partitions.items())
        raise ToolError(f"the topics must have one count of partitions: {found}")


async def _read(reader: LogsReader, topic: Topic, ends: Sequence[int], say: Say) -> TopicLog:
    say(f"reading {topic.name}")
    return await reader.read(topic, ends, lambda count: say(f"reading {topic.name}: {count:,} records"))


async def _wait(reader: LogsReader, commands: list[int], dsn: str | None, wait_s: float, say: Say) -> None:
    """Wait for what was pinned; what has not come by then is told as lag."""
    if dsn is None:
        raise ToolError("to wait for the services takes PostgreSQL, where they say how far they are: give --dsn")

    async def ends(topic: str) -> list[int]:
        return commands if topic == COMMANDS.name else await reader.ends(EVENTS)

    async with postgres(dsn) as connection:
        try:
            await await_caught_up(connection, ends, wait_s, say)
        except ToolError as error:
            say(str(error))


async def _policies_of_database(dsn: str | None) -> dict[int, Policy]:
    if dsn is None:
        raise ToolError("the policies are in PostgreSQL: give --dsn, or --policy")
    async with postgres(dsn) as connection:
        try:
            rows = await connection.fetch("SELECT version, content FROM catalog.policies")
        except PostgresError as error:
            raise ToolError(f"PostgreSQL has no policies ({error}): is Fenxiao installed there?") from error
    return _by_version([parse_policy(row["content"]) for row in rows])


def _policies_of_files(files: Sequence[Path]) -> dict[int, Policy]:
    return _by_version([parse_policy(read_text(file)) for file in files])


def _by_version(policies: Sequence[Policy]) -> dict[int, Policy]:
    known: dict[int, Policy] = {}
    for policy in policies:
        if known.setdefault(policy.version, policy) != policy:
            raise ToolError(f"there are two policies of version {policy.version}")
    return known


def _silence(_line: str) -> None:
    pass
