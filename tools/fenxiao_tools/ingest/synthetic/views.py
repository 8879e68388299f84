"""Daily view counts of the synthetic market: absolute, and some of them replaced the day after."""

import math
from random import Random

from fenxiao_schemas.commands import RecordViews
from fenxiao_tools.ingest.items import DAY_MS
from fenxiao_tools.ingest.synthetic.schedule import Schedule
from fenxiao_tools.ingest.synthetic.world import HOUR_MS, Product, World, at

CONVERSION_USUAL = 0.02
COUNTED = 0.97
"""The share of product days that have a count at all."""


def count_views(rng: Random, world: World, expected: list[float], day: int, schedule: Schedule) -> None:
    """Plan the day's counts: what good products sell to few viewers, poor ones sell to many.

    Where little happens, few days have a count, and those that have one stand for the others: sales by views stays.
    """
    thinned = min(1.0, world.size.activity)
    counted = COUNTED * thinned
    for product, sales in zip(world.products, expected, strict=True):
        if not sales or rng.random() > counted:
            continue
        conversion = CONVERSION_USUAL * math.exp(1.6 * (product.quality_on(day) - 0.5) + rng.gauss(0, 0.15))
        views = int(sales / thinned / conversion) + rng.randrange(10)
        _put(schedule, product, day, at(day, DAY_MS - 60_000 - rng.randrange(HOUR_MS)), views, 1)
        if rng.random() < 0.06:
            _put(schedule, product, day, at(day + 1, 3 * HOUR_MS), views + 1 + views // rng.randint(8, 40), 2)


def _put(schedule: Schedule, product: Product, day: int, at_ms: int, views: int, revision: int) -> None:
    schedule.put(
        RecordViews(
            command_id=schedule.next_id(),
            at_ms=at_ms,
            product_id=product.product_id,
            day=day,
            views=views,
            revision=revision,
        )
    )
