"""Asks the outcomes topic what became of each row, so that none of the input is lost silently.

Every row is applied, a duplicate, refused for a reason, or left out for a reason (or waits still for its parent): the
numbers must sum up to the lines of the input.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.table import Table

from fenxiao_schemas.codec import Rejected
from fenxiao_schemas.outcomes import Outcome
from fenxiao_schemas.topics import OUTCOMES, codec_of
from fenxiao_tools.connect import kafka_errors
from fenxiao_tools.errors import ToolError
from fenxiao_tools.ingest.run import Sent

_RECORDS_MAX = 10_000
_IDLE_MS_MAX = 30_000


@dataclass(slots=True, kw_only=True)
class Account:
    """What became of the rows of one run.

    Attributes:
        duplicates: Found by the catalog, or equal to a row that was left out.
        waiting: Parked, and neither released nor given up so far.
    """

    name: str
    rows: int
    applied: int = 0
    duplicates: int = 0
    waiting: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def accounted(self) -> int:
        """How many rows there is an answer for."""
        return self.applied + self.duplicates + self.waiting + self.refused.total() + self.left_out.total()

    @property
    def complete(self) -> bool:
        """Whether the numbers sum up to the rows."""
        return self.accounted == self.rows

    def table(self) -> Table:
        """For the terminal."""
        table = Table(
            title=f"{self.name}: {self.accounted:,} of {self.rows:,} lines accounted for", title_justify="left"
        )
        table.add_column("what became of them")
        table.add_column("why")
        table.add_column("lines", justify="right")
        table.add_row("applied", "", f"{self.applied:,}")
        table.add_row("duplicate", "equal to another in every column", f"{self.duplicates:,}")
        for what, counts in (("refused", self.refused), ("left out", self.left_out)):
            for reason, count in counts.most_common():
                table.add_row(what, reason, f"{count:,}")
        if self.waiting:
            table.add_row("waiting", "for what they belong to", f"{self.waiting:,}")
        return table


async def account(bootstrap_servers: str, sent: Sent) -> Account:
    """Reconcile the rows of a run with the outcomes; to be called when the catalog has caught up.

    Args:
        bootstrap_servers: Kafka's.
        sent: What the run sent.

    Raises:
        ToolError: The topic can't be read.
    """
    result = Account(name=sent.source.name, rows=sent.rows, duplicates=sent.repeated, left_out=Counter(sent.left_out))
    parked: set[tuple[int, int]] = set()
    async for outcome in _outcomes(bootstrap_servers, len(sent.starts)):
        if not outcome.command_id.startswith(sent.source.prefix):
            continue
        if sent.starts[outcome.partition] <= outcome.offset < sent.ends[outcome.partition]:
            _count(result, outcome, parked)
    result.waiting = len(parked)
    return result


def _count(result: Account, outcome: Outcome, parked: set[tuple[int, int]]) -> None:
    where = (outcome.partition, outcome.offset)
    if outcome.status == "parked":
        parked.add(where)
        return
    parked.discard(where)
    if outcome.status == "accepted":
        result.applied += 1
    elif outcome.status == "duplicate":
        result.duplicates += 1
    else:
        result.refused[outcome.reason] += 1


async def _outcomes(bootstrap_servers: str, partitions: int) -> AsyncIterator[Outcome]:
    """All outcomes up to the present end of the topic."""
    codec = codec_of(OUTCOMES)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    async with kafka_errors(bootstrap_servers, "reading the outcomes"):
        try:
            await consumer.start()
            todo = [TopicPartition(OUTCOMES.name, number) for number in range(partitions)]
            ends = await consumer.end_offsets(todo)
            consumer.assign(todo)
            await consumer.seek_to_beginning()
            while [1 for partition in todo if await consumer.position(partition) < ends[partition]]:
                batches = await consumer.getmany(timeout_ms=_IDLE_MS_MAX, max_records=_RECORDS_MAX)
                if not batches:
                    raise ToolError(f"reading the outcomes: nothing came for {_IDLE_MS_MAX // 1000} s")
                for records in batches.values():
                    for outcome in codec.decode_own_batch([record.value for record in records]):
                        if isinstance(outcome, Rejected):
                            raise ToolError(f"a record of {OUTCOMES.name} can't be read: {outcome.error}")
                        yield outcome
        finally:
            await consumer.stop()
