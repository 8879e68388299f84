"""A service without a domain: adds numbers up, so that the processor can be tested alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fenxiao_runtime.ports import Item, Log, Output, Position, Step, StepResult
from fenxiao_schemas.codec import Rejected


class Number(msgspec.Struct, frozen=True):
    """An input: add `value`; a number over `parts` > 1 is published in so many steps."""

    seq: int
    value: int
    parts: int = 1


class Total(msgspec.Struct, frozen=True):
    """An output."""

    seq: int
    total: int


@dataclass
class Sum:
    """The state of a partition."""

    total: int
    last_seq: int


class ToyService:
    """Publishes the running total after every number. Its state is rebuilt by replaying the input."""

    name = "toy"
    input = "numbers"
    outputs: tuple[str, ...] = ("totals",)
    own_input = True

    def __init__(self) -> None:
        self.loads = 0

    def decode(self, values: Sequence[bytes | None]) -> list[Any]:
        decoded: list[Any] = []
        for value in values:
            try:
                decoded.append(msgspec.json.decode(value or b"", type=Number))
            except msgspec.DecodeError as error:
                decoded.append(Rejected(str(error)))
        return decoded

    def seq_of(self, message: Any) -> int:
        return int(message.seq)

    def output_seq(self, topic: int, value: bytes) -> int:
        assert topic == 0
        return msgspec.json.decode(value, type=Total).seq

    async def load(self, tx: Any, partition: int, position: Position, log: Log) -> Sum:
        self.loads += 1
        state = Sum(0, 0)
        async for records in log.read(self.input, partition, 0, position.next_offset):
            for number in self.decode([record.value for record in records]):
                if number.seq > state.last_seq:
                    state.total, state.last_seq = state.total + number.value, number.seq
        return state

    def ready(self, state: Sum, items: Sequence[Item]) -> int:
        return len(items)

    async def prepare(self, tx: Any, state: Sum, items: Sequence[Item]) -> None:
        return None

    def committed(self, state: Sum, position: Position) -> None:
        return None

    def steps(self, state: Sum, items: Sequence[Item], position: Position) -> Iterable[Step]:
        seq = position.out_seqs[0] - position.step
        for done, item in enumerate(items):
            number: Any = item.message
            state.total, state.last_seq = state.total + number.value, number.seq
            for part in range(number.parts):
                seq += 1
                yield self._step(Total(seq, state.total), done + (part == number.parts - 1))

    def _step(self, total: Total, done: int) -> Step:
        async def step(tx: Any, before: Position) -> StepResult:
            return StepResult(outputs=[Output(0, total.seq, b"k", msgspec.json.encode(total))], items_done=done)

        return step
