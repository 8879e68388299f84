"""Runs a service as a process: connect, check the topics, join the group, serve health, and leave in good order."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from fenxiao_runtime.bell import Bell
from fenxiao_runtime.errors import Halt, RuntimeFault
from fenxiao_runtime.group import PartitionGroup
from fenxiao_runtime.health import HealthServer
from fenxiao_runtime.kafka import KafkaAssignment, KafkaLog, KafkaSender, make_broker, subscribe
from fenxiao_runtime.logs import configure_logs
from fenxiao_runtime.ports import Log, Service
from fenxiao_runtime.settings import Settings
from fenxiao_runtime.store import PostgresStore, connect_pool
from fenxiao_runtime.worker import Worker

GC_THRESHOLDS = (10_000, 10, 10)
_LOG = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class Made:
    """A service, the partition count that its deployment recorded, and what else runs beside it until it stops."""

    service: Service[Any]
    partitions: int
    background: Callable[[Log], Coroutine[Any, Any, None]] | None = None


MakeService = Callable[[asyncpg.Pool], Awaitable[Made]]


def run(name: str, settings: Settings, make: MakeService) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. What goes wrong at the start is one line on standard error."""
    configure_logs(name, settings.log_level)
    _relax_garbage_collection()
    try:
        asyncio.run(_run(name, settings, make))
    except (RuntimeFault, KafkaError, OSError, asyncpg.PostgresError) as error:
        sys.stderr.write(f"{name}: {' '.join(str(error).split()) or type(error).__name__}\n")
        return 1
    return 0


def _relax_garbage_collection() -> None:
    """Look for cycles seldom: what is made by the hundred thousand lives for a batch and has none."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


async def _run(name: str, settings: Settings, make: MakeService) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    pool = await connect_pool(settings.postgres_dsn, settings.postgres_pool_size)
    log = KafkaLog(settings.kafka_bootstrap_servers)
    sender = KafkaSender(settings.kafka_bootstrap_servers)
    try:
        made = await make(pool)
        await log.start()
        await _check_topics(made, log)
        await _serve(name, settings, made, pool, log, sender, stop)
    finally:
        await sender.stop()
        await log.stop()
        await pool.close()


async def _check_topics(made: Made, log: KafkaLog) -> None:
    counts = await log.partitions([made.service.input, *made.service.outputs])
    for topic, count in counts.items():
        if count != made.partitions:
            raise Halt("partition_count", f"{topic} has {count} partitions, the deployment has {made.partitions}")


async def _serve(
    name: str,
    settings: Settings,
    made: Made,
    pool: asyncpg.Pool,
    log: KafkaLog,
    sender: KafkaSender,
    stop: asyncio.Event,
) -> None:
    service = made.service
    assignment = KafkaAssignment(service.input)
    store = PostgresStore(pool, schema=service.name, outputs=len(service.outputs))
    owner = settings.instance_id or f"{socket.gethostname()}-{os.getpid()}"

    bell, loads = Bell(), asyncio.Semaphore(max(1, settings.postgres_pool_size // 4))

    def make_worker(partition: int) -> Worker[Any]:
        return Worker(
            service,
            partition,
            store=store,
            log=log,
            sender=sender,
            assignment=assignment,
            owner=owner,
            batch_max=settings.batch_records_max,
            idle_s=settings.idle_interval_ms / 1000,
            bell=bell,
            loads=loads,
        )

    group = PartitionGroup(name, assignment, make_worker, settings.stall_after_ms)
    broker = make_broker(settings.kafka_bootstrap_servers)
    subscriber = subscribe(broker, service.input, f"fenxiao-{name}", settings, group, group.handle)
    assignment.bind(subscriber)
    health = HealthServer(group, settings.http_host, settings.http_port)
    serving = asyncio.create_task(health.serve(), name="health")
    tasks = {serving, asyncio.create_task(stop.wait(), name="stop")}
    if made.background is not None:
        tasks.add(asyncio.create_task(made.background(log), name="background"))
    try:
        await broker.start()
        _LOG.info("started", input=service.input)
        # Neither health nor the background ends by itself: if one does, the process must not go on without it.
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        await group.stop()
        await broker.stop()
        health.stop()
        await asyncio.wait({serving})
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        _LOG.info("stopped")
