"""Figures of the scorer's core alone: `taskset -c 1 python bench/scorer_core.py [products] [events] [days]`, in CPU seconds.

One partition, the events of `fenxiao_tools.bench.zipf_log` in batches that end in a barrier. `fenxiao bench` has the rest.
"""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from fenxiao_schemas.policy import default_policy
from fenxiao_scorer.core import controls, messages, read_events, snapshot
from fenxiao_tools.bench.core_fold import CoreFold, warm_up
from fenxiao_tools.bench.zipf_log import Chunk, LogSize, ZipfLog

type Timed = tuple[float, float, float, int]
"""Seconds of reading, of folding without publishing, and of publishing; and how many messages."""


def timed(core: CoreFold, chunks: Iterable[Chunk]) -> Timed:
    """Fold chunks that were made before the clock starts."""
    ready = list(chunks)
    begin = time.process_time()
    for chunk in ready:
        read_events(chunk.bodies)
    reading = time.process_time() - begin
    with publishing() as spent:
        begin = time.process_time()
        sent = core.fold(ready)
        took = time.process_time() - begin
    return reading, took - reading - spent[0], spent[0], sent


@contextmanager
def publishing() -> Iterator[list[float]]:
    """Adds up what encoding messages takes."""
    spent, real = [0.0], messages.publish

    def publish(*args: object) -> object:
        begin = time.process_time()
        result = real(*args)  # type: ignore[arg-type]
        spent[0] += time.process_time() - begin
        return result

    setattr(controls, "publish", publish)  # noqa: B010
    try:
        yield spent
    finally:
        setattr(controls, "publish", real)  # noqa: B010


def show(what: str, events: int, found: Timed) -> None:
    """One line."""
    reading, folding, encoding, sent = found
    total = reading + folding + encoding
    print(
        f"{what}: {events:,} events in {total:.2f} s, {events / total:,.0f} a second; reading {reading:.2f} s, "
        f"folding {folding:.2f} s, publishing {sent:,} messages {encoding:.2f} s"
    )


def main(products: int, events: int, days: int) -> None:
    """Print the figures."""
    warm_up()
    policy = default_policy()
    log = ZipfLog(LogSize(products=products, events=events, days=days, partitions=1), policy)
    core, done = CoreFold(1, policy), 0
    show("opening", *_next(log, core, log.opening()))
    for day in range(days):
        show(f"day {day}", *_next(log, core, log.trade()))
        show("  its close", *_next(log, core, log.close()))
        done = log.records
    begin = time.process_time()
    data = snapshot(core.states[0])
    print(f"snapshot: {len(data) / products:.0f} bytes a product in {time.process_time() - begin:.2f} s")
    print(f"memory: {_memory(data) / products:.0f} bytes a product once restored, after {done:,} events")


def _next(log: ZipfLog, core: CoreFold, chunks: Iterator[Chunk]) -> tuple[int, Timed]:
    before = log.records
    found = timed(core, chunks)
    return log.records - before, found


def _memory(data: bytes) -> int:
    """How much a fresh process grows by restoring the snapshot."""
    code = (
        "import sys, gc; from fenxiao_scorer.core import restore; data = sys.stdin.buffer.read();"
        "rss = lambda: int(open('/proc/self/statm').read().split()[1]) * 4096; before = rss() - len(data);"
        "state = restore(data); del data; gc.collect(); print(rss() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)  # noqa: S603
    return int(done.stdout)


if __name__ == "__main__":
    main(*(int(argument) for argument in (*sys.argv[1:], *("100000", "1000000", "5")[len(sys.argv) - 1 :])))
