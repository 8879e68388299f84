"""A service without a domain: adds numbers up, so that the processor can be tested alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fenxiao_runtime.ports import Batch, Log, Outputs, Position, Step, StepResult
from fenxiao_schemas.codec import Rejected


class Number(msgspec.Struct, frozen=True):
    """An input: add `value`; its total is published `parts` times, in as many steps as that takes."""

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


Numbers = Batch[list[Any]]


class ToyService:
    """Publishes the running total after every number. Its state is rebuilt by replaying the input.

    Args:
        echoes: Publishes each number's value in a second topic, too.
        step_messages_max: How many totals one step publishes at the most.
    """

    name = "toy"
    input = "numbers"
    own_input = True

    def __init__(self, *, echoes: bool = False, step_messages_max: int = 1) -> None:
        self.outputs: tuple[str, ...] = ("totals", "echoes") if echoes else ("totals",)
        self.step_messages_max = step_messages_max
        self.loads = 0

    def decode(self, values: Sequence[bytes | None]) -> list[Any]:
        decoded: list[Any] = []
        for value in values:
            try:
                decoded.append(msgspec.json.decode(value or b"", type=Number))
            except msgspec.DecodeError as error:
                decoded.append(Rejected(str(error)))
        return decoded

    def rejected(self, messages: list[Any]) -> tuple[int, Rejected] | None:
        return next(((n, message) for n, message in enumerate(messages) if isinstance(message, Rejected)), None)

    def seqs(self, messages: list[Any]) -> list[int]:
        return [message.seq for message in messages]

    def output_seq(self, topic: int, value: bytes) -> int:
        assert topic < len(self.outputs)
        return msgspec.json.decode(value, type=Total).seq

    async def load(self, tx: Any, partition: int, position: Position, log: Log) -> Sum:
        self.loads += 1
        state = Sum(0, 0)
        async for records in log.read(self.input, partition, 0, position.next_offset):
            for number in self.decode([record.value for record in records]):
                if number.seq > state.last_seq:
                    state.total, state.last_seq = state.total + number.value, number.seq
        return state

    def ready(self, state: Sum, batch: Numbers) -> int:
        return len(batch)

    async def prepare(self, tx: Any, state: Sum, batch: Numbers) -> None:
        return None

    def committed(self, state: Sum, position: Position) -> None:
        return None

    def steps(self, state: Sum, batch: Numbers, position: Position) -> Iterable[Step]:
        seq = position.out_seqs[0] - position.step * position.step_size
        for index, number in enumerate(batch.messages):
            size = position.step_size if index == 0 and position.step else self.step_messages_max
            state.total, state.last_seq = state.total + number.value, number.seq
            for start in range(0, number.parts, size):
                count = min(size, number.parts - start)
                outputs = [_outputs(0, [Total(seq + 1 + n, state.total) for n in range(count)])]
                if start == 0 and len(self.outputs) > 1:
                    outputs.append(_outputs(1, [Total(number.seq, number.value)]))
                seq += count
                yield self._step(
                    StepResult(outputs=outputs, done=index + (start + count == number.parts), step_size=size)
                )

    def _step(self, result: StepResult) -> Step:
        async def step(tx: Any, before: Position) -> StepResult:
            return result

        return step


def _outputs(topic: int, totals: list[Total]) -> Outputs:
    return Outputs(topic, totals[0].seq, [b"k"] * len(totals), [msgspec.json.encode(total) for total in totals])
