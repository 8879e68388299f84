"""Runs the matcher as a process: connect, check the topics, fold the logs from the start, publish, and leave in good order."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from aiokafka.errors import KafkaError

from fenxiao_matcher.core.matcher import Matcher
from fenxiao_matcher.database import Database
from fenxiao_matcher.handlers import Replica
from fenxiao_matcher.outputs import Outputs
from fenxiao_matcher.publisher import Publisher
from fenxiao_matcher.settings import MatcherSettings
from fenxiao_matcher.subscribers import subscribe_all
from fenxiao_runtime.errors import Halt, RuntimeFault
from fenxiao_runtime.health import HealthServer
from fenxiao_runtime.kafka import KafkaLog, KafkaSender, make_broker
from fenxiao_runtime.logs import configure_logs
from fenxiao_schemas.topics import EVENTS, INVITATIONS, RECOMMENDATIONS, TIERS

_LOG = structlog.get_logger("app")


def run(settings: MatcherSettings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. What goes wrong at the start is one line on standard error."""
    configure_logs("matcher", settings.log_level)
    try:
        asyncio.run(_run(settings))
    except (RuntimeFault, KafkaError, OSError) as error:
        sys.stderr.write(f"matcher: {' '.join(str(error).split()) or type(error).__name__}\n")
        return 1
    return 0


class Report:
    """Health: ready when the past is folded, nothing halts and something moves; the details say how far it is."""

    def __init__(self, replica: Replica, publisher: Publisher, stall_after_ms: int) -> None:
        self._replica = replica
        self._publisher = publisher
        self._stall_after_ms = stall_after_ms

    def report(self) -> Mapping[str, Any]:
        """`lag` and `dirty` are 0 when every list follows from all that was known at the last look at the logs' ends."""
        replica, publisher = self._replica, self._publisher
        lag = {"events": replica.events.lag(), "tiers": replica.tiers.lag()}
        stalled = publisher.progress.idle_ms() > self._stall_after_ms
        return {
            "service": "matcher",
            "ready": replica.caught_up and replica.halted is None and not stalled,
            "live": True,
            "halted": str(replica.halted) if replica.halted else None,
            "stalled": stalled,
            "publishing": publisher.publishing and replica.halted is None,
            "lag": sum(lag["events"]) + sum(lag["tiers"]),
            "lag_by_partition": lag,
            "dirty": replica.matcher.pending + publisher.unsent,
            "published": publisher.sent,
            "open_day": replica.matcher.state.calendar.open_day,
            "event_positions": replica.events.next_offsets,
            "tier_positions": replica.tiers.next_offsets,
            "idle_ms": publisher.progress.idle_ms(),
        }


async def _run(settings: MatcherSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    partitions = await _count_partitions(settings.kafka_bootstrap_servers)
    outputs = Outputs(settings.kafka_bootstrap_servers, partitions)
    sender = KafkaSender(settings.kafka_bootstrap_servers)
    try:
        await outputs.start()
        replica = Replica(Matcher(partitions), partitions)
        await outputs.measure(replica.events, replica.tiers)
        replica.pin_ends()
        database = Database(settings.postgres_dsn)
        publisher = Publisher(replica, outputs, database, sender, settings, partitions)
        await _serve(settings, replica, publisher, partitions, stop)
    finally:
        await sender.stop()
        await outputs.stop()


async def _count_partitions(servers: str) -> int:
    counts = await KafkaLog(servers).partitions([t.name for t in (EVENTS, TIERS, RECOMMENDATIONS, INVITATIONS)])
    partitions = counts[EVENTS.name]
    if not partitions or len(set(counts.values())) > 1:
        told = ", ".join(f"{topic}: {count}" for topic, count in counts.items())
        raise Halt("partition_count", f"the topics must exist and have the same number of partitions ({told})")
    return partitions


async def _serve(
    settings: MatcherSettings, replica: Replica, publisher: Publisher, partitions: int, stop: asyncio.Event
) -> None:
    broker = make_broker(settings.kafka_bootstrap_servers)
    subscribe_all(broker, EVENTS.name, partitions, settings, replica.handle_events)
    subscribe_all(broker, TIERS.name, partitions, settings, replica.handle_tiers)
    health = HealthServer(Report(replica, publisher, settings.stall_after_ms), settings.http_host, settings.http_port)
    serving = asyncio.create_task(health.serve(), name="health")
    publishing = asyncio.create_task(publisher.run(), name="publisher")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await broker.start()
        _LOG.info("started", partitions=partitions)
        # A replica that halted ends its publisher, not the process: its health has to say so.
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    finally:
        publisher.stop()
        await asyncio.gather(publishing, return_exceptions=True)
        await broker.stop()
        health.stop()
        await asyncio.gather(serving, return_exceptions=True)
        stopping.cancel()
        _LOG.info("stopped")
