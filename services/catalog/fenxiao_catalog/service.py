"""The catalog as the partition processor sees it: gather, fold, write, in one transaction a batch."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from fenxiao_catalog.core.fold import Incoming, fold
from fenxiao_catalog.core.world import CalendarRow, Deployment, Progress, Published, World
from fenxiao_catalog.store import CatalogStore
from fenxiao_runtime.errors import Halt
from fenxiao_runtime.ports import Batch, Log, Outputs, Position, Step, StepResult
from fenxiao_schemas.codec import Rejected
from fenxiao_schemas.topics import CATALOG_DLQ, COMMANDS, EVENTS, OUTCOMES, codec_of

Commands = Batch[list[Any]]
BUYER_HASH_BYTES = 16
_COMMANDS = codec_of(COMMANDS)
_OUTPUTS = (EVENTS, OUTCOMES, CATALOG_DLQ)
_OUTPUT_CODECS = tuple(codec_of(topic) for topic in _OUTPUTS)


class CatalogService:
    """All that differs from batch to batch is in PostgreSQL; a partition's state is its progress row alone.

    Args:
        deployment: As recorded at install, with the limits from the settings.
        buyer_keys: HMAC keys, newest first.
        store: The tables.
    """

    name = "catalog"
    input = COMMANDS.name
    outputs = tuple(topic.name for topic in _OUTPUTS)
    own_input = False

    def __init__(self, deployment: Deployment, buyer_keys: Sequence[bytes], store: CatalogStore) -> None:
        self._deployment = deployment
        self._buyer_keys = buyer_keys
        self._store = store
        self._buyer_hashes = lru_cache(maxsize=1 << 16)(self._hash_buyer)

    def decode(self, values: Sequence[bytes | None]) -> list[Any]:
        """Each alone: anybody may have written them."""
        return _COMMANDS.decode_batch(values)

    def rejected(self, messages: list[Any]) -> None:
        """Never asked: a command that cannot be read has an outcome like any other."""
        raise NotImplementedError("commands are not ours")

    def seqs(self, messages: list[Any]) -> list[int]:
        """Never asked: commands have none."""
        raise NotImplementedError("commands have no seq")

    def output_seq(self, topic: int, value: bytes) -> int:
        """What an event, an outcome or a dead letter says."""
        return int(_OUTPUT_CODECS[topic].decode(value).seq)

    async def load(self, tx: Any, partition: int, position: Position, log: Log) -> Progress:
        """The progress row; a new partition stands before the first day."""
        del position, log
        progress = await self._store.progress(tx, partition)
        return progress or Progress(partition=partition, closed_day=self._deployment.first_day - 1)

    def ready(self, state: Progress, batch: Commands) -> int:
        """Always all of them."""
        del state
        return len(batch)

    async def prepare(self, tx: Any, state: Progress, batch: Commands) -> None:
        """Nothing is ever waited for."""

    def committed(self, state: Progress, position: Position) -> None:
        """Nothing to do."""

    def steps(self, state: Progress, batch: Commands, position: Position) -> Iterable[Step]:
        """One step, whether there are commands or not: days close and facts arrive on their own."""
        del position

        async def step(tx: Any, before: Position) -> StepResult:
            return await self._step(tx, before, state, batch)

        yield step

    async def _step(self, tx: Any, before: Position, state: Progress, batch: Commands) -> StepResult:
        world = self._world(state, before)
        records = [Incoming(r.offset, r.key, r.value, m) for r, m in zip(batch.records, batch.messages, strict=True)]
        next_offset = records[-1].offset + 1 if records else before.next_offset
        closes = await self._store.calendar(tx, state.partition, state.closed_day)
        closing = _last_closing(closes, next_offset)
        commands = [r.command for r in records if not isinstance(r.command, Rejected)]
        if commands or closing is not None:
            await self._store.gather(tx, world, commands, closing)
        inbox = await self._store.read_inbox(tx, world)
        fold(world, records, next_offset, closes, inbox.learned)
        if world.published or inbox.taken or inbox.moved:
            await self._store.write(tx, world, inbox)
        state.closed_day, state.parked = world.progress.closed_day, world.progress.parked
        return StepResult(outputs=_by_topic(world.published), done=len(batch))

    def _world(self, state: Progress, before: Position) -> World:
        progress = Progress(partition=state.partition, closed_day=state.closed_day, parked=state.parked)
        return World(
            deployment=self._deployment,
            progress=progress,
            seqs=list(before.out_seqs),
            buyer_hashes=self._buyer_hashes,
        )

    def _hash_buyer(self, buyer_id: str) -> list[bytes]:
        return [hmac.digest(key, buyer_id.encode(), hashlib.sha256)[:BUYER_HASH_BYTES] for key in self._buyer_keys]


def _by_topic(published: Sequence[Published]) -> list[Outputs]:
    outputs = []
    for topic in range(len(_OUTPUTS)):
        its = [each for each in published if each.topic == topic]
        if not its:
            continue
        seqs = [each.seq for each in its]
        if seqs != list(range(seqs[0], seqs[0] + len(seqs))):
            raise Halt("fold_seq_gap", f"the messages for {_OUTPUTS[topic].name} do not count on from {seqs[0]}")
        outputs.append(Outputs(topic, seqs[0], [each.key for each in its], [each.value for each in its]))
    return outputs


def _last_closing(closes: Sequence[CalendarRow], next_offset: int) -> int | None:
    return max((row.day for row in closes if row.close_offset <= next_offset), default=None)
