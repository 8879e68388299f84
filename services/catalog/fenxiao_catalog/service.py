"""The catalog as the partition processor sees it: gather, fold, write, in one transaction a batch."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from fenxiao_catalog.core.fold import Incoming, fold
from fenxiao_catalog.core.world import CalendarRow, Deployment, Progress, World
from fenxiao_catalog.store import CatalogStore
from fenxiao_runtime.ports import Item, Log, Output, Position, Step, StepResult
from fenxiao_schemas.codec import Rejected
from fenxiao_schemas.topics import CATALOG_DLQ, COMMANDS, EVENTS, OUTCOMES, codec_of

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

    def seq_of(self, message: Any) -> int:
        """Commands have none."""
        raise NotImplementedError("commands have no seq")

    def output_seq(self, topic: int, value: bytes) -> int:
        """What an event, an outcome or a dead letter says."""
        return int(_OUTPUT_CODECS[topic].decode(value).seq)

    async def load(self, tx: Any, partition: int, position: Position, log: Log) -> Progress:
        """The progress row; a new partition stands before the first day."""
        del position, log
        progress = await self._store.progress(tx, partition)
        return progress or Progress(partition=partition, closed_day=self._deployment.first_day - 1)

    def ready(self, state: Progress, items: Sequence[Item]) -> int:
        """Always all of them."""
        del state
        return len(items)

    async def prepare(self, tx: Any, state: Progress, items: Sequence[Item]) -> None:
        """Nothing is ever waited for."""

    def committed(self, state: Progress, position: Position) -> None:
        """Nothing to do."""

    def steps(self, state: Progress, items: Sequence[Item], position: Position) -> Iterable[Step]:
        """One step, whether there are commands or not: days close and facts arrive on their own."""
        del position

        async def step(tx: Any, before: Position) -> StepResult:
            return await self._step(tx, before, state, items)

        yield step

    async def _step(self, tx: Any, before: Position, state: Progress, items: Sequence[Item]) -> StepResult:
        world = self._world(state, before)
        records = [Incoming(i.record.offset, i.record.key, i.record.value, i.message) for i in items]
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
        outputs = [Output(p.topic, p.seq, p.key, p.value) for p in world.published]
        return StepResult(outputs=outputs, items_done=len(items))

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


def _last_closing(closes: Sequence[CalendarRow], next_offset: int) -> int | None:
    return max((row.day for row in closes if row.close_offset <= next_offset), default=None)
