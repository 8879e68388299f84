"""The books: what was asked (commands), what was answered (outcomes) and what came of it (events) must agree.

Pure and per partition. Commands and outcomes expire after a while; only what both topics still have is reconciled.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from fenxiao_schemas import commands as c
from fenxiao_schemas.codec import Rejected
from fenxiao_schemas.events import AnyEvent, RefundRecorded, SaleRecorded
from fenxiao_schemas.outcomes import Outcome

type Taken = "c.AnyCommand | Rejected"
"""A command as it was read."""


class Entry(NamedTuple):
    """What a sale or a refund moves: which order line or refund, how many pieces, how much money."""

    id: str
    quantity: int
    minor: int


@dataclass(slots=True)
class Totals:
    """Number, pieces and money of some entries."""

    count: int = 0
    quantity: int = 0
    minor: int = 0

    def add(self, entry: Entry) -> None:
        """One more."""
        self.count += 1
        self.quantity += entry.quantity
        self.minor += entry.minor


@dataclass(slots=True)
class Ledger:
    """The sale or refund events of one partition, by `seq`."""

    last_seq: int = 0
    sales: dict[int, Entry] = field(default_factory=dict)
    refunds: dict[int, Entry] = field(default_factory=dict)

    def passing(self, events: Iterator[AnyEvent]) -> Iterator[AnyEvent]:
        """The same events, after a note of each."""
        for event in events:
            self.last_seq = event.seq
            if isinstance(event, SaleRecorded):
                self.sales[event.seq] = Entry(event.order_line_id, event.quantity, event.paid_minor)
            elif isinstance(event, RefundRecorded):
                self.refunds[event.seq] = Entry(event.refund_id, event.quantity, event.amount_minor)
            yield event


@dataclass(slots=True)
class Books:
    """What was counted, over all partitions.

    Attributes:
        unanswered: Commands at the end of the log that the catalog has not come to.
        expired: Commands whose outcome has expired.
        asked: Totals of the accepted commands, by kind; `booked`: of the events that they became.
        problems: What does not agree, a line each.
        lag: What is not there yet, a line each.
    """

    commands: int = 0
    accepted: int = 0
    duplicates: int = 0
    parked: int = 0
    unanswered: int = 0
    expired: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    asked: dict[str, Totals] = field(default_factory=lambda: {"sales": Totals(), "refunds": Totals()})
    booked: dict[str, Totals] = field(default_factory=lambda: {"sales": Totals(), "refunds": Totals()})
    problems: list[str] = field(default_factory=list)
    lag: list[str] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        """Whether everything agrees; what is merely late does not count against it."""
        return not self.problems

    def check_sums(self) -> None:
        """The sums over everything, once all partitions are in."""
        answered = self.accepted + self.duplicates + self.parked + self.refused.total()
        if not self.problems and self.commands != answered + self.unanswered + self.expired:
            self.problems.append(f"{self.commands} commands, but {answered} answers")
        for kind, asked in self.asked.items():
            if not self.problems and not self.lag and asked != self.booked[kind]:
                self.problems.append(f"accepted {kind} sum up to {asked}, their events to {self.booked[kind]}")


@dataclass(slots=True, kw_only=True)
class PartitionBooks:
    """One partition's part in the books.

    Attributes:
        commands: By offset.
        outcomes: In order, each once.
        commands_end: The offset after the last command; outcomes of later ones are ignored.
        commands_start: The first offset that is kept.
        outcomes_kept: Whether the outcomes topic still has its first record.
    """

    number: int
    commands: dict[int, Taken]
    outcomes: list[Outcome]
    ledger: Ledger
    commands_start: int = 0
    commands_end: int
    outcomes_kept: bool = True
    first: dict[int, Outcome] = field(default_factory=dict)
    second: dict[int, Outcome] = field(default_factory=dict)
    claimed: dict[int, int] = field(default_factory=dict)

    def enter(self, books: Books) -> None:
        """Add this partition to the books."""
        for outcome in self.outcomes:
            self._file(outcome, books)
        last = max(self.first, default=-1)
        oldest = 0 if self.outcomes_kept else min(self.first, default=self.commands_end)
        books.commands += len(self.commands)
        for offset, command in self.commands.items():
            if offset in self.first:
                self._settle(offset, command, books)
            elif offset < oldest:
                books.expired += 1
            elif offset > last:
                books.unanswered += 1
            else:
                books.problems.append(f"{self._at(offset)} has no outcome")
        if unanswered := sum(offset > last for offset in self.commands):
            books.lag.append(f"the catalog has not answered {unanswered} commands of partition {self.number}")
        self._match_events(books)

    def _at(self, offset: int) -> str:
        return f"the command at partition {self.number}, offset {offset}"

    def _file(self, outcome: Outcome, books: Books) -> None:
        offset = outcome.offset
        if outcome.partition != self.number:
            books.problems.append(
                f"outcome {outcome.seq} of partition {self.number} names partition {outcome.partition}"
            )
        elif offset >= self.commands_end or offset < self.commands_start:
            return  # of a command that came after we looked, or has expired
        elif offset not in self.commands:
            books.problems.append(f"{self._at(offset)} has an outcome, but does not exist")
        elif offset in (filed := self.second if outcome.released else self.first):
            which = "second" if outcome.released else "first"
            books.problems.append(f"{self._at(offset)} has more than one {which} outcome")
        else:
            filed[offset] = outcome

    def _settle(self, offset: int, command: Taken, books: Books) -> None:
        first, second = self.first[offset], self.second.get(offset)
        if second is not None and (first.status != "parked" or second.status not in ("accepted", "refused")):
            books.problems.append(f"{self._at(offset)} was {first.status}, then {second.status}")
        final = second or first
        if final.command_id != getattr(command, "command_id", ""):
            books.problems.append(f"{self._at(offset)} is answered under the id {final.command_id!r}")
        match final.status:
            case "accepted":
                books.accepted += 1
                self._claim(offset, command, final, books)
            case "duplicate":
                books.duplicates += 1
            case "parked":
                books.parked += 1
            case "refused":
                books.refused[final.reason] += 1

    def _claim(self, offset: int, command: Taken, outcome: Outcome, books: Books) -> None:
        seq = outcome.event_seq
        if seq is not None and seq in self.claimed:
            books.problems.append(f"{self._at(offset)} and {self._at(self.claimed[seq])} both became event {seq}")
        elif seq is not None:
            self.claimed[seq] = offset
        kind, entry = _entry_of(command)
        if kind is not None and entry is not None:
            books.asked[kind].add(entry)
        if isinstance(command, Rejected):
            books.problems.append(f"{self._at(offset)} was accepted, but can't be read")
        elif seq is not None and seq > self.ledger.last_seq:
            books.lag.append(f"event {seq} of partition {self.number} is not published yet")
        elif kind is not None and self._events(kind).get(seq or 0) != entry:
            became = self._events(kind).get(seq or 0)
            books.problems.append(f"{self._at(offset)} asked {entry}, and became event {seq}: {became}")

    def _events(self, kind: str) -> dict[int, Entry]:
        return self.ledger.sales if kind == "sales" else self.ledger.refunds

    def _match_events(self, books: Books) -> None:
        whole = self.outcomes_kept and self.commands_start == 0
        oldest = 0 if whole else min(self.claimed, default=self.ledger.last_seq + 1)
        newest = max(self.claimed, default=0)
        late = 0
        for kind in ("sales", "refunds"):
            ids: set[str] = set()
            for seq, entry in self._events(kind).items():
                if entry.id in ids:
                    books.problems.append(f"event {seq} of partition {self.number}: {entry.id!r} is among {kind} twice")
                ids.add(entry.id)
                if seq in self.claimed:
                    books.booked[kind].add(entry)
                elif oldest <= seq <= newest:
                    books.problems.append(f"event {seq} of partition {self.number} comes of no accepted command")
                elif seq > newest:
                    late += 1
        if late:
            books.lag.append(f"{late} events of partition {self.number} have no outcome yet")


def _entry_of(command: Taken) -> tuple[str | None, Entry | None]:
    if isinstance(command, c.RecordSale):
        return "sales", Entry(command.order_line_id, command.quantity, command.paid_minor)
    if isinstance(command, c.RecordRefund):
        return "refunds", Entry(command.refund_id, command.quantity, command.amount_minor)
    return None, None
