"""Figures of the scorer's core: `python bench/scorer_core.py [products] [events] [batch]`, in CPU seconds."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count
from random import Random

from fenxiao_schemas import events as ev
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.policy import default_policy
from fenxiao_scorer.core import (
    ScorerState,
    Step,
    controls,
    fold,
    merge_posts,
    messages,
    put_curves,
    put_policy,
    snapshot,
)

FIRST_DAY = 20_000
CATEGORIES = [f"c{i}/s{j}" for i in range(20) for j in range(10)]


def start(seq: Iterator[int], random: Random, products: int) -> Iterator[AnyEvent]:
    """The calendar and the products."""
    yield ev.CalendarStarted(
        seq=next(seq),
        first_day=FIRST_DAY,
        policy_version=1,
        algorithm_version=1,
        utc_offset_minutes=480,
        currency="CNY",
        partitions=1,
    )
    for i in range(products):
        yield ev.ProductRegistered(
            seq=next(seq),
            product_id=f"product-{i}",
            merchant_id="m",
            category=random.choice(CATEGORIES),
            title="t",
            price_minor=random.randint(100, 100_000),
        )
        yield ev.ListingChanged(seq=next(seq), product_id=f"product-{i}", listed=True, held=False)


def trade(seq: Iterator[int], random: Random, products: int, events: int, day: int) -> Iterator[AnyEvent]:
    """A sale-heavy mix of events of a day: 60% sales, then shipments, deliveries, views, refunds, reviews."""
    for _ in range(events):
        product, roll = f"product-{int(products * random.random() ** 2)}", random.random()
        past = max(FIRST_DAY, day - random.randint(0, 5))
        number, price = next(seq), random.choice([990, 1990, 2990])
        if roll < 0.6:
            yield ev.SaleRecorded(
                seq=number,
                product_id=product,
                order_id="o",
                order_line_id="l",
                at_ms=0,
                order_day=day,
                due_day=day + 2,
                quantity=1,
                paid_minor=price,
                unit_price_minor=price,
                creator_id=f"creator-{random.randint(0, 20_000)}" if roll < 0.5 else None,
                repeat=roll < 0.2,
            )
        elif roll < 0.75:
            yield ev.ShipmentRecorded(
                seq=number, product_id=product, order_line_id="l", order_day=past, due_day=past + 2, on_time=True
            )
        elif roll < 0.85:
            yield ev.DeliveryRecorded(seq=number, product_id=product, order_line_id="l", order_day=past)
        elif roll < 0.91:
            yield ev.ViewsRecorded(seq=number, product_id=product, day=day, views=100)
        elif roll < 0.95:
            yield ev.RefundRecorded(
                seq=number,
                product_id=product,
                order_line_id="l",
                refund_id="r",
                order_day=past,
                due_day=past + 2,
                quantity=1,
                amount_minor=price,
                unit_price_minor=price,
                fault="buyer",
                closes_line=True,
            )
        else:
            yield ev.ReviewRecorded(seq=number, product_id=product, order_line_id="l", order_day=past, stars=5)


def folded(state: ScorerState, batches: Sequence[Sequence[AnyEvent]]) -> tuple[float, list[Step]]:
    """Seconds for the batches, and their steps."""
    begin, steps = time.process_time(), []
    for batch in batches:
        steps += list(fold(state, batch, 10_000))
    return time.process_time() - begin, steps


def main(products: int, events: int, batch: int) -> None:
    """Print the figures."""
    random, seq = Random(1), count(1)
    state = ScorerState.empty(0)
    put_policy(state, 1, default_policy())
    encoding = _timed_publish()
    seconds, steps = folded(state, [[*start(seq, random, products), ev.Barrier(seq=next(seq))]])
    print(f"start: {products} products in {seconds:.2f} s, of it publishing {encoding[0]:.2f} s")
    for day in range(FIRST_DAY, FIRST_DAY + 4):
        batches = [
            [*trade(seq, random, products, batch - 1, day), ev.Barrier(seq=next(seq))] for _ in range(events // batch)
        ]
        encoding[0] = 0.0
        seconds, steps = folded(state, batches)
        sent = sum(len(step.messages) for step in steps)
        print(
            f"day {day}: {events / seconds:,.0f} events/s in batches of {batch}, {sent} messages; "
            f"without publishing {events / (seconds - encoding[0]):,.0f} events/s"
        )
        encoding[0] = 0.0
        closing = ev.DayClosed(seq=next(seq), day=day, next_policy_version=1, next_algorithm_version=1)
        seconds, steps = folded(state, [[closing]])
        post = next(step.post for step in steps if step.post)
        sent = sum(len(step.messages) for step in steps)
        print(
            f"  close: {seconds:.3f} s with {sent} messages, of it publishing {encoding[0]:.3f} s; post {len(post[1])} bytes"
        )
        put_curves(state, day, merge_posts([post[1]]))
    begin = time.process_time()
    data = snapshot(state)
    print(f"snapshot: {len(data) / products:.0f} bytes a product in {time.process_time() - begin:.2f} s")
    print(
        f"memory: {_memory(data) / products:.0f} bytes a product once restored, after 4 days with {4 * events} events"
    )


def _timed_publish() -> list[float]:
    spent, real = [0.0], messages.publish

    def timed(*args: object) -> object:
        begin = time.process_time()
        result = real(*args)  # type: ignore[arg-type]
        spent[0] += time.process_time() - begin
        return result

    setattr(controls, "publish", timed)  # noqa: B010
    return spent


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
    main(*(int(argument) for argument in (*sys.argv[1:], *("100000", "200000", "10000")[len(sys.argv) - 1 :])))
