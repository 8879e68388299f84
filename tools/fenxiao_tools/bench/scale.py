"""`bench scale`: what an event costs the scorer in markets of several sizes, with the same trade by product and day.

The bench writes the events itself. What comes before the clock starts is the lead-in: all products open, and a first day
closes, so that nothing of a process's start is taken for the price of an event.
"""

import asyncio
from dataclasses import dataclass

from fenxiao_schemas.policy import default_policy
from fenxiao_schemas.topics import EVENTS
from fenxiao_tools.bench.figures import SizeFigures, size_figures
from fenxiao_tools.bench.host import Host
from fenxiao_tools.bench.prefill import Writer
from fenxiao_tools.bench.zipf_log import SETUP_EVENTS, LogSize, ZipfLog


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleLoad:
    """What is wanted.

    Attributes:
        days: Measured ones.
        events_per_product: In one day, on average.
    """

    products: tuple[int, ...]
    days: int
    events_per_product: float
    seed: int
    partitions: int

    def size(self, products: int) -> LogSize:
        """Of one of the markets."""
        trade = int(products * self.events_per_product * self.days)
        return LogSize(
            products=products,
            events=SETUP_EVENTS * products + trade,
            days=self.days,
            partitions=self.partitions,
            seed=self.seed,
        )


def measure_size(host: Host, size: LogSize) -> SizeFigures:
    """One market, on a fresh deployment."""
    log = ZipfLog(size, default_policy())
    with host.phases.phase(f"writing the events of {size.products:,} products") as say, host.cores.on_measured():
        lead = asyncio.run(_write(host, log))
        say(f"{log.records:,} events")
    with (
        host.phases.phase(f"measuring the scorer with {size.products:,} products") as say,
        host.running("scorer") as services,
    ):
        cost = host.watch(services, "scorer", EVENTS, say, lead=lead)
    return size_figures(products=size.products, days=size.days, records=log.records, cost=cost)


async def _write(host: Host, log: ZipfLog) -> int:
    """All of it; gives how many records the lead-in has."""
    async with Writer(host.servers) as writer:
        await writer.write(log.opening())
        await writer.write(log.close())
        lead = log.records
        for _ in range(log.size.days):
            await writer.write(log.trade())
            await writer.write(log.close())
    return lead
