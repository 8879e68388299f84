"""What passes through the processor, and what it asks of the world. Adapters: `store` and `kafka`, or `memory` in tests.

The walk: `group` hands records to a `worker`, which gives them to a `Service` (one of ours) inside a transaction of a
`Store`, and what comes out to a `relay`, which gives it to a `Sender`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, Self

import msgspec

from fenxiao_schemas.codec import Rejected


class Record(Protocol):
    """One record as it lies in a log; whatever the log's adapter has made of it will do. `value` is None for a tombstone."""

    @property
    def offset(self) -> int:
        """Where it lies."""
        ...

    @property
    def key(self) -> bytes | None:
        """Its key."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its value."""
        ...


class Messages(Protocol):
    """What `Service.decode` makes of many values at once: a list, or columns. The processor counts and slices, no more."""

    def __len__(self) -> int:
        """How many messages."""
        ...

    def __getitem__(self, part: slice, /) -> Self:
        """Some of them that follow one another."""
        ...


@dataclass(frozen=True, slots=True)
class Batch[M: Messages]:
    """Records that follow one another, and what they say."""

    records: Sequence[Record]
    messages: M

    def __len__(self) -> int:
        """How many records."""
        return len(self.records)

    def __getitem__(self, part: slice, /) -> "Batch[M]":
        """Some of them that follow one another."""
        return Batch(self.records[part], self.messages[part])


class Outputs(msgspec.Struct, frozen=True, array_like=True):
    """Messages to publish, one after the other, to one topic: an index into the service's `outputs`.

    `first_seq` is what the first value says of itself; those after it count on.
    """

    topic: int
    first_seq: int
    keys: Sequence[bytes]
    values: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """All that a partition's row holds: what is folded, and what has come out of it.

    Attributes:
        epoch: Of the lease under which this was read.
        next_offset: The first input offset that is not wholly folded.
        step: How many steps of the record at `next_offset` are committed already.
        mark: The highest input `seq` applied.
        out_seqs: The last `seq` of each output topic.
        outbox_id: Of the last outbox row.
        step_size: What the service called the size of those committed steps, to go on with; 0 if there are none.
    """

    epoch: int
    next_offset: int
    step: int
    mark: int
    out_seqs: tuple[int, ...]
    outbox_id: int
    step_size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What one step came to.

    Attributes:
        outputs: In the order in which they are to be published, topic by topic.
        done: How many records of the batch are wholly folded after this step.
        step_size: Kept for as long as a record is half done: `Position.step_size`.
    """

    outputs: Sequence[Outputs]
    done: int
    step_size: int = 0


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """The encoded outputs of one committed step."""

    id: int
    payload: bytes


Step = Callable[[Any, Position], Awaitable[StepResult]]
"""One transaction's work: gets the transaction and the position before it; reads, folds and writes in it."""


class Service[S](Protocol):
    """One of our services, as the processor sees it: topics, and the fold of a partition.

    Attributes:
        name: Also its PostgreSQL schema.
        input: The name of the topic it folds.
        outputs: The names of the topics it writes, each with the input's partition number.
        own_input: The input is written by us: unreadable records halt, and `seq` is checked against the mark.
    """

    name: str
    input: str
    outputs: tuple[str, ...]
    own_input: bool

    def decode(self, values: Sequence[bytes | None]) -> Any:
        """Decode record values, all at once, as `Messages`. Never raises for what is in them."""
        ...

    def rejected(self, messages: Any) -> tuple[int, Rejected] | None:
        """The first message that could not be read, and why. Asked only of an own input."""
        ...

    def seqs(self, messages: Any) -> list[int]:
        """The `seq` of each message. Asked only of an own input, if none is rejected."""
        ...

    def output_seq(self, topic: int, value: bytes) -> int:
        """The `seq` that an output says of itself."""
        ...

    async def load(self, tx: Any, partition: int, position: Position, log: "Log") -> S:
        """The state of a partition as of `position`, without its steps."""
        ...

    def ready(self, state: S, batch: Batch[Any]) -> int:
        """How many of these records can be folded now; the rest wait, here alone, and are asked about again."""
        ...

    async def prepare(self, tx: Any, state: S, batch: Batch[Any]) -> None:
        """Fetch, outside any step, what `ready` may be waiting for."""
        ...

    def steps(self, state: S, batch: Batch[Any], position: Position) -> Iterable[Step]:
        """The steps that fold these records, lazily; each is committed before the next is asked for.

        With none it is the idle turn: facts that came by another way (inbox, calendar). Yield no step, and PostgreSQL
        isn't asked anything.
        """
        ...

    def committed(self, state: S, position: Position) -> Awaitable[None] | None:
        """Told after a batch is committed; may do slow things that no result depends on, such as a snapshot."""
        ...


class Store(Protocol):
    """The one authority. Every method raises `TemporaryFault` when the database cannot be asked."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """A transaction; leaving it normally commits. If the commit's answer is lost, it raises `TemporaryFault`."""
        ...

    async def take_lease(self, partition: int, owner: str) -> Position:
        """Raise the epoch, and read the row."""
        ...

    async def read_position(self, partition: int) -> Position | None:
        """Read the row."""
        ...

    async def lock(self, tx: Any, partition: int, position: Position) -> None:
        """The compare; raises `Fenced`."""
        ...

    async def save(self, tx: Any, partition: int, position: Position, row: OutboxRow | None) -> None:
        """The set."""
        ...

    async def read_relay(self, partition: int) -> tuple[int, tuple[int, ...]]:
        """The last outbox row known to be relayed, and the next offset of each output log then."""
        ...

    async def read_outbox(self, partition: int, after: int, limit: int) -> list[OutboxRow]:
        """Rows not yet relayed, in order."""
        ...

    async def mark_relayed(self, partition: int, row_id: int, next_offsets: Sequence[int]) -> None:
        """Rows up to this one are in the log."""
        ...


class Log(Protocol):
    """Kafka's logs, read outside any group."""

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset and the next one to be written."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """The records from `start` up to, not including, `end`, in batches."""
        ...


class Sender(Protocol):
    """Writes to Kafka, to one partition by number."""

    async def send(self, topic: str, partition: int, pairs: Sequence[tuple[bytes, bytes]]) -> int:
        """Write (key, value) pairs in order, wait for all acks, and give the next offset; raises `TemporaryFault`."""
        ...


class Assignment(Protocol):
    """What the group's consumer lets a worker do with its partition."""

    def seek(self, partition: int, offset: int) -> None:
        """Fetch from `offset` on."""
        ...

    def pause(self, partition: int) -> None:
        """Fetch nothing of it."""
        ...

    def resume(self, partition: int) -> None:
        """Fetch it again."""
        ...

    def holds(self, partition: int) -> bool:
        """Whether the group gives it to this process."""
        ...
