"""One close of a day with the scorer's own parts, its stages apart: `python -m fenxiao_tools.bench.close_once STEP_MESSAGES`.

In the worker, the stages overlap; here each partition's are done one after the other, on what the service left behind when
it was stopped: the state comes from its snapshot and the log, which ends in each partition with the `DayClosed` to fold.
Prints the stages as JSON.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from fenxiao_runtime.kafka import KafkaLog, KafkaSender
from fenxiao_runtime.ports import Batch, OutboxRow, Outputs, Position, Step
from fenxiao_runtime.relay import pack
from fenxiao_runtime.store import PostgresStore, connect_pool
from fenxiao_schemas.topics import EVENTS, TIERS
from fenxiao_scorer.service import ScorerService
from fenxiao_scorer.store import PostgresScorerStore
from fenxiao_tools.bench.core_fold import warm_up
from fenxiao_tools.bench.figures import Stages
from fenxiao_tools.connect import kafka_errors, postgres
from fenxiao_tools.errors import ToolError
from fenxiao_tools.install import read_deployment
from fenxiao_tools.logs import open_logs
from fenxiao_tools.stack.environment import KAFKA_VARIABLE, POSTGRES_VARIABLE

OWNER = "bench"
NEVER = 2**62


class _Close:
    """The parts, connected."""

    def __init__(self, service: ScorerService, store: PostgresStore, log: KafkaLog, sender: KafkaSender) -> None:
        self._service, self._store, self._log, self._sender = service, store, log, sender
        self.stages = Stages()

    async def load(self, partition: int, end: int) -> tuple[Any, Position, Batch[Any]]:
        """State and position as the service left them, and the record to fold."""
        position = await self._store.take_lease(partition, OWNER)
        if position.next_offset + 1 != end:
            raise ToolError(f"partition {partition} has {end - position.next_offset} events left, not the close alone")
        async with self._store.transaction() as tx:
            state = await self._service.load(tx, partition, position, self._log)
            records = [one async for some in self._log.read(EVENTS.name, partition, end - 1, end) for one in some]
            batch = Batch(records, self._service.decode([record.value for record in records]))
            await self._service.prepare(tx, state, batch)
        if not self._service.ready(state, batch):
            raise ToolError(f"partition {partition} can't close its day: another has not closed the one before")
        return state, position, batch

    async def close(self, partition: int, state: Any, position: Position, batch: Batch[Any]) -> None:
        """Fold the one record, commit and relay it, step by step."""
        stages, steps, is_first = self.stages, iter(self._service.steps(state, batch, position)), True
        while True:
            start = time.perf_counter()
            step = next(steps, None)
            took = time.perf_counter() - start
            if is_first:
                stages.first_s += took
            else:
                stages.later_s += took
            if step is None:
                return
            start = time.perf_counter()
            position, outputs = await self._commit(partition, step, position, batch)
            stages.commit_s += time.perf_counter() - start
            start = time.perf_counter()
            await self._relay(partition, position, outputs)
            stages.relay_s += time.perf_counter() - start
            count = sum(len(each.keys) for each in outputs)
            stages.messages += count
            stages.first_messages += count if is_first else 0
            stages.steps += 1
            is_first = False

    async def _commit(
        self, partition: int, step: Step, before: Position, batch: Batch[Any]
    ) -> tuple[Position, list[Outputs]]:
        """As the worker does it."""
        async with self._store.transaction() as tx:
            await self._store.lock(tx, partition, before)
            result = await step(tx, before)
            outputs = [each for each in result.outputs if len(each.keys)]
            if result.done:
                after = replace(
                    before, next_offset=batch.records[0].offset + 1, step=0, step_size=0, mark=before.mark + 1
                )
            else:
                after = replace(before, step=before.step + 1, step_size=result.step_size)
            row = None
            if outputs:
                out_seq = before.out_seqs[0] + sum(len(each.keys) for each in outputs)
                row = OutboxRow(before.outbox_id + 1, pack(outputs))
                after = replace(after, out_seqs=(out_seq,), outbox_id=row.id)
            await self._store.save(tx, partition, after, row)
        return after, outputs

    async def _relay(self, partition: int, position: Position, outputs: Sequence[Outputs]) -> None:
        """As the relay does it."""
        if outputs:
            pairs = [pair for each in outputs for pair in zip(each.keys, each.values, strict=True)]
            next_offset = await self._sender.send(TIERS.name, partition, pairs)
            await self._store.mark_relayed(partition, position.outbox_id, [next_offset])


async def measure(bootstrap_servers: str, dsn: str, step_messages: int) -> Stages:
    """Close the open day in all partitions.

    Raises:
        ToolError: The logs do not end with a close that the service has not read, or a server can't be reached.
    """
    async with postgres(dsn) as connection, open_logs(bootstrap_servers, [EVENTS]) as reader:
        deployment, ends = await read_deployment(connection), await reader.ends(EVENTS)
    if deployment is None:
        raise ToolError("nothing is installed in this database")
    pool = await connect_pool(dsn, 4)
    log, sender = KafkaLog(bootstrap_servers), KafkaSender(bootstrap_servers)
    store = PostgresStore(pool, schema=ScorerService.name, outputs=len(ScorerService.outputs))
    service = ScorerService(
        deployment.partitions, PostgresScorerStore(), store, step_messages_max=step_messages, snapshot_events=NEVER
    )
    close = _Close(service, store, log, sender)
    async with kafka_errors(bootstrap_servers, "closing a day"):
        try:
            await log.start()
            await sender.send(TIERS.name, 0, [])
            loaded = [(number, *await close.load(number, end)) for number, end in enumerate(ends)]
            for number, state, position, batch in loaded:
                await close.close(number, state, position, batch)
        finally:
            await sender.stop()
            await log.stop()
            await pool.close()
    return close.stages


def main() -> None:
    """Measure and print."""
    warm_up()
    try:
        stages = asyncio.run(measure(os.environ[KAFKA_VARIABLE], os.environ[POSTGRES_VARIABLE], int(sys.argv[1])))
    except ToolError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(asdict(stages)) + "\n")


if __name__ == "__main__":
    main()
