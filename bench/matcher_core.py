"""Figures of the matcher's core: `taskset -c 1 python bench/matcher_core.py`, in CPU seconds.

Options: `--creators 4300 --products 3800 --sales 530000`, or `--logs DIRECTORY` with recorded topics (`TOPIC.pickle`: for
each partition the (key, value) pairs in order).
"""

import argparse
import pickle
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from fenxiao_matcher.core.matcher import Matcher
from fenxiao_matcher.publish import encode_change
from fenxiao_schemas import events as ev
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.policy import default_policy
from fenxiao_schemas.tiers import INDICATORS, Forces, Indicator, Rights, Tier
from fenxiao_schemas.topics import EVENTS, TIERS, codec_of

FIRST_DAY = 20_000
DAYS = 374
BATCH = 5_000
TURN = 8
CATEGORIES = [f"c{i}/s{j}" for i in range(10) for j in range(8)]
Logs = tuple[list[list[AnyEvent]], list[Tier]]


class Clock:
    """CPU time since the last look, and the longest of some pieces."""

    def __init__(self) -> None:
        self.at = time.process_time()
        self.longest_ms = 0.0

    def lap(self) -> float:
        """Seconds since the last lap."""
        before, self.at = self.at, time.process_time()
        self.longest_ms = max(self.longest_ms, 1_000 * (self.at - before))
        return self.at - before


def generated(creators: int, products: int, sales: int) -> Logs:
    """A year of sales in one partition: popularity is skewed, and a creator keeps to a few categories."""
    random = Random(1)
    seq = iter(range(1, 10**9))
    log: list[AnyEvent] = [_calendar(next(seq))]
    by_category: dict[str, list[str]] = {}
    for i in range(products):
        category = random.choice(CATEGORIES)
        by_category.setdefault(category, []).append(f"product-{i}")
        log.append(_product(next(seq), f"product-{i}", category, f"m{i % 400}"))
        log.append(ev.ListingChanged(seq=next(seq), product_id=f"product-{i}", listed=True, held=False))
    tastes = {}
    for i in range(creators):
        tastes[f"creator-{i}"] = random.sample(sorted(by_category), min(8, len(by_category)))
        log.append(ev.CreatorRegistered(seq=next(seq), creator_id=f"creator-{i}", name="c", followers=i))
    for number in range(sales):
        day = FIRST_DAY + number * DAYS // sales
        if number and day != FIRST_DAY + (number - 1) * DAYS // sales:
            log.append(ev.DayClosed(seq=next(seq), day=day - 1, next_policy_version=1, next_algorithm_version=1))
        creator = f"creator-{int(creators * random.random() ** 2)}"
        shelf = by_category[random.choice(tastes[creator])]
        log.append(sale(next(seq), creator, shelf[int(len(shelf) * random.random() ** 1.5)], day, number))
    tiers = [tier(f"product-{i}", 1, random.choice([0, 1, 2, 3, 3, 4, 5])) for i in range(products)]
    return [log], tiers


def sale(seq: int, creator: str, product: str, day: int, number: int) -> AnyEvent:
    """An attributed sale."""
    return ev.SaleRecorded(
        seq=seq,
        product_id=product,
        order_id="o",
        order_line_id="l",
        at_ms=0,
        order_day=day,
        due_day=day + 2,
        quantity=1,
        paid_minor=500 + number * 7919 % 20_000,
        unit_price_minor=500,
        creator_id=creator,
    )


def tier(product: str, revision: int, number: int) -> Tier:
    """A product's tier."""
    return Tier(
        seq=1,
        product_id=product,
        revision=revision,
        prev_digest="",
        day=FIRST_DAY,
        cause="barrier",
        as_of_seq=1,
        policy_version=1,
        algorithm_version=1,
        tier=number,
        previous_tier=0,
        score_bps=5_000,
        evidence="rated",
        forces=Forces(brand=0, price=0, distribution=0, service=0, sales=0),
        indicators=tuple(Indicator(name=name, value=None, points_bps=0, evidence=0) for name in INDICATORS),
        rights=Rights(),
        gap=None,
    )


def recorded(directory: Path) -> Logs:
    """Topics recorded from a run."""
    events, tiers = (
        [
            codec_of(topic).decode_own_batch([value for _, value in partition])
            for partition in pickle.loads((directory / f"{topic.name}.pickle").read_bytes())  # noqa: S301 - our own
        ]
        for topic in (EVENTS, TIERS)
    )
    return events, [message for partition in tiers for message in partition]


def settle(matcher: Matcher) -> Iterator[None]:
    """All steps of settling."""
    wanted = matcher.policy_wanted
    if wanted is not None:
        matcher.use_policy(wanted, default_policy().matching)
    yield from matcher.settle()


def refresh(matcher: Matcher, what: str, partitions: int) -> None:
    """Settle, then rank all that is dirty, and print what it cost."""
    clock = Clock()
    settling = 0.0
    for _ in settle(matcher):
        settling += clock.lap()
    settling += clock.lap()
    step_ms, clock.longest_ms = clock.longest_ms, 0.0
    lists, sent, ranking = matcher.queued, 0, 0.0
    positions = (0,) * partitions
    while matcher.queued:
        for change in matcher.changes(TURN):
            encode_change(change, positions, positions, partitions)
            matcher.published(change)
            sent += 1
        ranking += clock.lap()
    rate = f"{lists / ranking:,.0f} lists/s" if lists else "none"
    print(
        f"{what}: settled in {settling:.3f} s (longest step {step_ms:.0f} ms); {lists} lists ranked in {ranking:.2f} s"
        f" ({rate}, longest turn {clock.longest_ms:.0f} ms), {sent} sent"
    )


def _calendar(seq: int) -> AnyEvent:
    return ev.CalendarStarted(
        seq=seq,
        first_day=FIRST_DAY,
        policy_version=1,
        algorithm_version=1,
        utc_offset_minutes=480,
        currency="CNY",
        partitions=1,
    )


def _product(seq: int, one: str, category: str, merchant: str) -> AnyEvent:
    return ev.ProductRegistered(
        seq=seq, product_id=one, merchant_id=merchant, category=category, title="t", price_minor=990
    )


def _sold(events: list[list[AnyEvent]]) -> list[tuple[str, str]]:
    sales = (event for partition in events for event in partition[-100_000:] if isinstance(event, ev.SaleRecorded))
    return [(event.creator_id, event.product_id) for event in sales if event.creator_id is not None]


def _fold(matcher: Matcher, events: list[list[AnyEvent]], tiers: list[Tier]) -> None:
    clock = Clock()
    total = 0.0
    for start in range(0, max(map(len, events)), BATCH):
        for partition, log in enumerate(events):
            matcher.fold_events(partition, log[start : start + BATCH])
            total += clock.lap()
    matcher.fold_tiers(tiers)
    total += clock.lap()
    count = sum(map(len, events)) + len(tiers)
    print(f"folded: {count} messages at {count / total:,.0f}/s (longest batch of {BATCH} {clock.longest_ms:.0f} ms)")


def main(arguments: argparse.Namespace) -> None:
    """Print the figures."""
    if arguments.logs:
        events, tiers = recorded(arguments.logs)
    else:
        events, tiers = generated(arguments.creators, arguments.products, arguments.sales)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    matcher, partitions, dice = Matcher(len(events)), len(events), Random(2)
    _fold(matcher, events, tiers)
    refresh(matcher, "all", partitions)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"memory: {grown:.0f} MiB more at the most than the decoded logs")
    day = matcher.state.calendar.open_day or 0
    sold = _sold(events)
    for count in (1, 10, 100):
        news: list[Any] = [sale(0, *dice.choice(sold), day, number) for number in range(count)]
        matcher.fold_events(0, news)
        refresh(matcher, f"{count} sales more", partitions)
    products = sorted({product for _, product in sold})
    some = dice.sample(products, min(100, len(products)))
    matcher.fold_tiers([tier(one, 10**6, dice.randint(1, 5)) for one in some])
    refresh(matcher, f"{len(some)} tiers more", partitions)
    for partition in range(partitions):
        matcher.fold_events(partition, [ev.DayClosed(seq=0, day=day, next_policy_version=1, next_algorithm_version=1)])
    refresh(matcher, "a day close", partitions)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--creators", type=int, default=4_300)
    parser.add_argument("--products", type=int, default=3_800)
    parser.add_argument("--sales", type=int, default=530_000)
    parser.add_argument("--logs", type=Path)
    main(parser.parse_args())
