"""Runs the synthetic market: a day's tidy commands, disturbed, and its end."""

from collections.abc import Iterator
from random import Random

from fenxiao_tools.ingest.items import CloseDay, Item
from fenxiao_tools.ingest.synthetic.campaigns import plan_campaigns
from fenxiao_tools.ingest.synthetic.disorder import Disorder
from fenxiao_tools.ingest.synthetic.fraud import commit_fraud, plan_frauds
from fenxiao_tools.ingest.synthetic.orders import Orders
from fenxiao_tools.ingest.synthetic.schedule import Schedule
from fenxiao_tools.ingest.synthetic.views import count_views
from fenxiao_tools.ingest.synthetic.world import Size, make_world


def items(size: Size, seed: int, *, poison: bool) -> Iterator[Item]:
    """All items of a market; what would happen after its last day does not."""
    rng, schedule = Random(seed), Schedule()
    world = make_world(rng, size)
    plan_campaigns(rng, world, schedule)
    frauds, orders = plan_frauds(rng, world), Orders(rng, world, schedule)
    last_day = size.first_day + size.days - 1
    # The disorder draws from a generator of its own, so that the tidy market is the same with and without poison.
    disorder = Disorder(Random(seed + 1), last_day, poison=poison)
    for day in range(size.first_day, last_day + 1):
        expected = orders.make(day)
        count_views(rng, world, expected, day, schedule)
        for product in frauds.get(day, ()):
            commit_fraud(rng, world, orders, product, day)
        yield from disorder.disturb(day, schedule.take(day))
        yield CloseDay(day)
