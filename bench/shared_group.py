"""1, 2 and 4 scorer processes of one group on this machine: `python bench/shared_group.py [products] [events] [days]`.

Each number of processes folds the same log on a deployment of its own. With 2, a third joins at a third of the way and
leaves at two thirds: the pause is how long each partition stood still around that. Processes and servers share all cores.
"""

import asyncio
import sys
import time
from collections.abc import Callable

from fenxiao_schemas.policy import default_policy
from fenxiao_schemas.topics import EVENTS
from fenxiao_tools.bench.host import Host
from fenxiao_tools.bench.prefill import Writer
from fenxiao_tools.bench.run import Run, warm
from fenxiao_tools.bench.zipf_log import LogSize, ZipfLog
from fenxiao_tools.choose import choose_source
from fenxiao_tools.connect import postgres
from fenxiao_tools.processes import Services, module_argv

POLL_S = 0.02


async def watch(host: Host, total: int, at_shares: list[tuple[float, Callable[[], None]]]) -> tuple[float, list[float]]:
    """Seconds from the first lease to the end, and the longest time that each partition stood still after each act."""
    pauses, start = [], 0.0
    async with postgres(host.dsn) as connection:
        before: dict[int, int] = {}
        moved: dict[int, float] = {}
        worst, acted = 0.0, False
        while True:
            rows = await connection.fetch("SELECT partition, next_offset FROM scorer.partitions")
            now = time.monotonic()
            if rows and not start:
                start = now
            for row in rows:
                partition, offset = row["partition"], row["next_offset"]
                if before.get(partition) != offset:
                    worst = max(worst, now - moved.get(partition, now)) if acted else 0.0
                    before[partition], moved[partition] = offset, now
            done = sum(before.values())
            if at_shares and done >= total * at_shares[0][0]:
                if acted:
                    pauses.append(worst)
                at_shares.pop(0)[1]()
                worst, acted = 0.0, True
            if done >= total:
                return now - start, [*pauses, worst]
            await asyncio.sleep(POLL_S)


def measure(run: Run, size: LogSize, count: int, *, joining: bool) -> None:
    """One deployment, one number of processes."""
    log = ZipfLog(size, default_policy())
    with run._host(choose_source(None), size.partitions) as host:  # noqa: SLF001 - by hand, beside the bench
        warm(host)

        async def fill() -> None:
            async with Writer(host.servers) as writer:
                await writer.write(log.whole())

        asyncio.run(fill())
        names = [f"scorer-{number}" for number in range(count)]
        services = Services(
            host._stack,  # noqa: SLF001
            host._logs,  # noqa: SLF001
            names=names,
            argv=lambda _: module_argv("scorer"),
            report=lambda _: None,
        )
        acts: list[tuple[float, Callable[[], None]]] = []
        if joining:
            acts = [
                (0.33, lambda: services.launch("scorer-late")),
                (0.66, lambda: services._children["scorer-late"].ask_to_stop()),  # noqa: SLF001, PLW0108 - not there yet
            ]
        total = host.count(EVENTS)
        try:
            for name in names:
                services.launch(name)
            seconds, pauses = asyncio.run(watch(host, total, acts))
        finally:
            services.stop()
        told = (
            f"; longest pause after a join and after a leave: {pauses[0]:.2f} s, {pauses[-1]:.2f} s" if joining else ""
        )
        print(f"{count} processes: {total:,} events in {seconds:.1f} s, {total / seconds:,.0f} a second{told}")


def main(products: int, events: int, days: int) -> None:
    """Print the figures."""
    run = Run("shared group")
    size = LogSize(products=products, events=events, days=days, seed=1, partitions=4)
    for count in (1, 2, 4):
        measure(run, size, count, joining=False)
    measure(run, size, 2, joining=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in (*sys.argv[1:], *("20000", "3000000", "10")[len(sys.argv) - 1 :])))
