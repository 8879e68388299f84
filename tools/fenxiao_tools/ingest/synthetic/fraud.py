"""Fake orders: a burst of them for one product, from few buyers through few creators, taken back a week later."""

from random import Random

from fenxiao_tools.ingest.items import DAY_MS
from fenxiao_tools.ingest.synthetic.orders import Orders
from fenxiao_tools.ingest.synthetic.world import HOUR_MS, Product, World

PRODUCTS_PER_FRAUD = 150
TAKEN_BACK = 0.85


def plan_frauds(rng: Random, world: World) -> dict[int, list[Product]]:
    """Which products cheat on which day: poor ones, in the second third of the run."""
    poor = sorted(world.products, key=lambda product: product.quality)[: max(1, len(world.products) // 2)]
    frauds: dict[int, list[Product]] = {}
    for product in rng.sample(poor, max(1, len(world.products) // PRODUCTS_PER_FRAUD)):
        day = world.size.first_day + int(world.size.days * rng.uniform(0.33, 0.67))
        frauds.setdefault(max(day, product.launch_day), []).append(product)
    return frauds


def commit_fraud(rng: Random, world: World, orders: Orders, product: Product, day: int) -> None:
    """Plan one burst within three hours of the night."""
    buyers = [f"b{rng.randrange(world.buyers):07d}" for _ in range(rng.randint(4, 6))]
    creators = [rng.choice(world.creators).creator_id for _ in range(rng.randint(1, 2))]
    for _ in range(rng.randint(80, 150)):
        ms = 2 * HOUR_MS + rng.random() * 3 * HOUR_MS
        line = orders.sell(product, day, rng.choice(buyers), rng.choice(creators), ms)
        delivered_ms = orders.deliver(line, orders.ship(line))
        if rng.random() < 0.3:
            orders.review(line, delivered_ms + HOUR_MS, 5)
        if rng.random() < TAKEN_BACK:
            orders.refund(line, delivered_ms + rng.uniform(1, 4) * DAY_MS, rng.choice(("none", "buyer")))
