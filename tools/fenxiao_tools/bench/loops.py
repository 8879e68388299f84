"""What `latency` and `chain` share: a deployment on all cores, services in it, the open loop against it, and the bill."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from aiokafka import AIOKafkaProducer

from fenxiao_tools.bench.cores import Cores
from fenxiao_tools.bench.deployment import Installed, installed
from fenxiao_tools.bench.figures import Machine
from fenxiao_tools.bench.machine import describe
from fenxiao_tools.bench.open_loop import NS_PER_S, Sending, Stream, send_on_time
from fenxiao_tools.bench.percentiles import Spread
from fenxiao_tools.bench.probes import Load, LoopFigures, TierReader, names, plan
from fenxiao_tools.bench.trade import CURRENCY, FIRST_DAY, UTC_OFFSET_MINUTES, Act, Trade
from fenxiao_tools.bench.usage import busy_s, family_cpu_s, usage_of
from fenxiao_tools.ingest.items import Source
from fenxiao_tools.options import PARTITIONS_DEFAULT
from fenxiao_tools.phases import Phases
from fenxiao_tools.processes import Services

SHAPE_VERSION = 1
ACTS_PER_PRODUCT = 30
"""Before the loop, on a day that is closed then: a good ten orders a product."""
LEAD_S = 5.0
"""Of the same load, not measured: interpreters, JVM and caches are warm then."""
START_S = 0.5
BATCH_BYTES_MAX = 256 * 1024
REQUEST_BYTES_MAX = 4 * 1024 * 1024


BATCH_MS = 20.0
"""The catalog commits 10 to 25 batches a second and partition at 2,000 commands a second; here it is 50."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is wanted.

    Attributes:
        batch_ms: How often each partition gets a batch with a barrier, where the bench is the writer.
    """

    products: int
    seconds: float
    seed: int
    rates: tuple[int, ...]
    lead_s: float = LEAD_S
    batch_ms: float = BATCH_MS
    partitions: int = PARTITIONS_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopResults:
    """One run of a bench: a loop for each rate."""

    bench: str
    machine: Machine
    options: Options
    loops: tuple[LoopFigures, ...]

    @property
    def good(self) -> bool:
        """Whether every probe was answered."""
        return not any(loop.lost for loop in self.loops)


def as_json(results: LoopResults) -> dict[str, Any]:
    """Plain values; figures on top, with a suffix for the rate where there are several."""
    several = len(results.loops) > 1
    flat: dict[str, Any] = {"shape": SHAPE_VERSION, "bench": results.bench, "good": results.good}
    for loop in results.loops:
        suffix = f"_{rate_in_words(loop.rate)}" if several else ""
        flat |= {f"{name}{suffix}": value for name, value in _figures(loop)}
    if several:
        flat |= {"probes": sum(loop.probes for loop in results.loops), "lost": sum(loop.lost for loop in results.loops)}
    return flat | {"options": asdict(results.options), "machine": asdict(results.machine)}


def _figures(loop: LoopFigures) -> Iterator[tuple[str, Any]]:
    yield from _spread("", loop.latency)
    yield from _spread("from_ack_", loop.from_ack)
    yield from _spread("sender_late_", loop.sender_late)
    yield from (("rate", loop.rate), ("rate_sent", loop.rate_sent), ("seconds", loop.seconds))
    yield from (("probes", loop.probes), ("lost", loop.lost))
    yield from (("stages", asdict(loop.stages)), ("cpu_pct", loop.cpu_pct))


def _spread(prefix: str, spread: Spread) -> Iterator[tuple[str, Any]]:
    yield from ((f"{prefix}{name}", value) for name, value in asdict(spread).items() if name != "count")


def rate_in_words(rate: int) -> str:
    """`2k` for 2,000."""
    return f"{rate // 1_000}k" if rate >= 1_000 and rate % 1_000 == 0 else str(rate)


@contextmanager
def deployed(bench: str, options: Options, phases: Phases) -> Iterator[Installed]:
    """Servers anywhere on the machine, and a fresh installation."""
    source = Source(
        name=bench,
        first_day=FIRST_DAY,
        last_day=FIRST_DAY,
        utc_offset_minutes=UTC_OFFSET_MINUTES,
        currency=CURRENCY,
        rows=None,
        items=lambda: iter(()),
    )
    with installed(source, phases, Cores(), partitions=options.partitions) as found:
        yield found


async def machine_of(found: Installed) -> Machine:
    """Nothing is pinned here."""
    return await describe(found.stack, Cores())


def product_names(options: Options) -> list[str]:
    """Of those that are traded."""
    return [f"bench-{number}" for number in range(options.products)]


def probe_names(options: Options) -> dict[int, list[str]]:
    """Of each rate's probes."""
    return {rate: names(rate_in_words(rate), options.seconds) for rate in options.rates}


def earlier(trade: Trade, options: Options) -> Iterator[Act]:
    """What happened on the day before."""
    return (trade.act() for _ in range(options.products * ACTS_PER_PRODUCT))


def load_of(trade: Trade, options: Options, rate: int) -> Load:
    """The open loop at a rate."""
    probes = probe_names(options)[rate]
    acts = plan(trade, probes, rate=rate, lead_s=options.lead_s, seed=options.seed)
    return Load(rate=rate, seconds=options.seconds, probes=probes, acts=acts)


@contextmanager
def started(found: Installed, names: Sequence[str], phases: Phases) -> Iterator[Services]:
    """Services anywhere on the machine."""
    services = Services(found.stack, found.logs, names=names, report=phases.detail)
    with phases.phase(f"starting {' and '.join(names)}"):
        services.__enter__()
    try:
        yield services
    finally:
        services.stop()


def producer(found: Installed) -> AIOKafkaProducer:
    """For `send_on_time`."""
    return AIOKafkaProducer(
        bootstrap_servers=found.stack.bootstrap_servers,
        enable_idempotence=True,
        acks="all",
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=REQUEST_BYTES_MAX,
    )


async def run_loop(
    sender: AIOKafkaProducer,
    topic: str,
    streams: Sequence[Stream],
    load: Load,
    reader: TierReader,
    services: Services,
    *,
    tick_ns: int,
) -> tuple[Sending, dict[str, int]]:
    """Send the load, wait for all answers; gives what `figures` takes."""
    bill = _Bill(services)
    start_ns = time.monotonic_ns() + int(START_S * NS_PER_S)
    sending = await send_on_time(sender, topic, streams, start_ns=start_ns, tick_ns=tick_ns)
    cpu_pct = bill.total()
    await reader.wait_for(load.probes, services.check)
    return sending, cpu_pct


class _Bill:
    """CPU time of the processes from now on."""

    def __init__(self, services: Services) -> None:
        self._services, self._names = services, [name for name in ("catalog", "scorer") if services.running(name)]
        self._start, self._before = time.monotonic(), self._now()

    def _now(self) -> dict[str, float | None]:
        used = {name: usage_of(self._services.pid(name)).cpu_s for name in self._names} | {"bench": time.process_time()}
        family, cores = family_cpu_s(without=0), [busy_s(core) for core in range(os.cpu_count() or 1)]
        known = sum(value or 0 for value in used.values())
        busy = None if None in cores else sum(core or 0 for core in cores)
        servers = None if family is None else family - known
        others = None if family is None or busy is None else busy - family
        return {**used, "servers": servers, "others": others}

    def total(self) -> dict[str, int]:
        """In percent of one core."""
        took, now = time.monotonic() - self._start, self._now()
        return {
            name: max(0, round(100 * (value - before) / took))
            for name, before in self._before.items()
            if before is not None and (value := now[name]) is not None
        }
