"""What merchants and the platform do in the synthetic market, planned for the whole run before the first day."""

from random import Random

from fenxiao_schemas.commands import (
    AuthoriseBrand,
    ChangePrice,
    DelistProduct,
    EndPlan,
    HoldProduct,
    ListProduct,
    RecordViolation,
    RegisterCreator,
    RegisterMerchant,
    RegisterProduct,
    ReleaseProduct,
    SetPlan,
)
from fenxiao_tools.ingest.synthetic.schedule import Schedule
from fenxiao_tools.ingest.synthetic.world import CURRENCY, HOUR_MS, Creator, Merchant, Product, Size, World, at

EARLY_MS = 5 * 60_000
"""Prices and plans change in the first minutes of a day, so that a day has one price."""


def plan_campaigns(rng: Random, world: World, schedule: Schedule) -> None:
    """Put everything into the schedule, and mark on each product when it can't be bought and what it costs."""
    for creator in world.creators:
        _register_creator(creator, world.size, schedule)
    for merchant in world.merchants:
        _register_merchant(rng, merchant, world.size, schedule)
    for product in world.products:
        _register_product(rng, product, schedule)
        _plan_commissions(rng, product, world.size, schedule)
        _plan_prices(rng, product, world.size, schedule)
        _plan_absence(rng, product, world.size, schedule)
        _plan_violations(rng, product, world.size, schedule)


def _register_creator(creator: Creator, size: Size, schedule: Schedule) -> None:
    schedule.put(
        RegisterCreator(
            command_id=schedule.next_id(),
            at_ms=at(size.first_day, 0),
            creator_id=creator.creator_id,
            name=f"达人{creator.creator_id[1:]}",
            followers=creator.followers,
            categories=creator.categories,
        )
    )


def _register_merchant(rng: Random, merchant: Merchant, size: Size, schedule: Schedule) -> None:
    start = at(size.first_day, 0)
    kind = "enterprise" if merchant.kind == "enterprise" else "individual"
    schedule.put(
        RegisterMerchant(
            command_id=schedule.next_id(),
            at_ms=start,
            merchant_id=merchant.merchant_id,
            name=f"店铺{merchant.merchant_id[1:]}",
            kind=kind,  # type: ignore[arg-type]
        )
    )
    if merchant.brand_id is None:
        return
    _authorise(merchant, merchant.until_day, start, schedule)
    if merchant.until_day is not None and merchant.renewed:
        # Some renew in time, some only after they have fallen back.
        _authorise(merchant, None, at(merchant.until_day + rng.randint(-3, 6), 9 * HOUR_MS), schedule)


def _authorise(merchant: Merchant, until_day: int | None, at_ms: int, schedule: Schedule) -> None:
    schedule.put(
        AuthoriseBrand(
            command_id=schedule.next_id(),
            at_ms=at_ms,
            merchant_id=merchant.merchant_id,
            brand_id=merchant.brand_id or "",
            level="flagship" if merchant.level == "flagship" else "authorised",
            until_day=until_day,
        )
    )


def _register_product(rng: Random, product: Product, schedule: Schedule) -> None:
    at_ms = at(product.launch_day, 1 + rng.randrange(EARLY_MS // 2))
    schedule.put(
        RegisterProduct(
            command_id=schedule.next_id(),
            at_ms=at_ms,
            product_id=product.product_id,
            merchant_id=product.merchant.merchant_id,
            category=product.category,
            title=f"商品{product.product_id[1:]}",
            price_minor=product.prices[0][1],
            currency=CURRENCY,
            brand_id=product.merchant.brand_id if product.branded else None,
        )
    )
    schedule.put(ListProduct(command_id=schedule.next_id(), at_ms=at_ms + 1, product_id=product.product_id))


def _plan_commissions(rng: Random, product: Product, size: Size, schedule: Schedule) -> None:
    """Most have an open plan, whose rate some change or end; some have a targeted one beside it."""

    def put(day: int, plan: str, bps: int) -> None:
        kind = "targeted" if plan == "targeted" else "open"
        schedule.put(
            SetPlan(
                command_id=schedule.next_id(),
                at_ms=at(day, EARLY_MS + len(plan)),
                product_id=product.product_id,
                plan_id=f"{product.product_id}-{plan}",
                kind=kind,  # type: ignore[arg-type]
                commission_bps=bps,
            )
        )

    rate = int(500 + 2_500 * (0.6 * product.quality + 0.4 * rng.random())) // 50 * 50
    later = product.launch_day + rng.randrange(5, max(6, size.days))
    if rng.random() < 0.88:
        put(product.launch_day, "open", rate)
        if rng.random() < 0.15:
            put(later, "open", max(100, rate + rng.choice((-500, 500))))
        elif rng.random() < 0.04:
            at_ms, plan_id = at(later, EARLY_MS), f"{product.product_id}-open"
            schedule.put(
                EndPlan(command_id=schedule.next_id(), at_ms=at_ms, product_id=product.product_id, plan_id=plan_id)
            )
    if rng.random() < 0.2:
        put(product.launch_day + 1, "targeted", min(9_000, rate + 1_000))


def _plan_prices(rng: Random, product: Product, size: Size, schedule: Schedule) -> None:
    """A tenth change their price once; the tricksters raise it, only to sell at a discount."""
    first = product.prices[0][1]
    if product.trick_day is not None and product.trick_day > product.launch_day:
        product.prices.append((product.trick_day, first * 16 // 10))
    elif rng.random() < 0.1:
        product.prices.append(
            (product.launch_day + rng.randrange(3, max(4, size.days)), first * rng.randint(88, 110) // 100)
        )
    for day, price in product.prices[1:]:
        schedule.put(
            ChangePrice(
                command_id=schedule.next_id(),
                at_ms=at(day, EARLY_MS),
                product_id=product.product_id,
                price_minor=price,
                currency=CURRENCY,
            )
        )


def _plan_absence(rng: Random, product: Product, size: Size, schedule: Schedule) -> None:
    """Some are delisted, for some days or for good; some are held by the platform and released."""
    day, chance = product.launch_day + rng.randrange(4, max(5, size.days)), rng.random()
    identity, back = product.product_id, day + rng.randint(3, 8)
    gone, returns = at(day, EARLY_MS), at(back, EARLY_MS)
    if chance < 0.03:
        schedule.put(DelistProduct(command_id=schedule.next_id(), at_ms=gone, product_id=identity, reason="sold out"))
        if chance < 0.015:
            schedule.put(ListProduct(command_id=schedule.next_id(), at_ms=returns, product_id=identity))
        product.closed.update(range(day, back if chance < 0.015 else size.first_day + size.days))
    elif chance < 0.05:
        schedule.put(HoldProduct(command_id=schedule.next_id(), at_ms=gone, product_id=identity, reason="inspection"))
        schedule.put(ReleaseProduct(command_id=schedule.next_id(), at_ms=returns, product_id=identity))
        product.closed.update(range(day, back))


def _plan_violations(rng: Random, product: Product, size: Size, schedule: Schedule) -> None:
    chance = rng.random()
    if chance < 0.03:
        day = product.launch_day + rng.randrange(2, max(3, size.days))
        schedule.put(
            RecordViolation(
                command_id=schedule.next_id(),
                at_ms=at(day, 15 * HOUR_MS),
                product_id=product.product_id,
                violation_id=f"{product.product_id}-v1",
                severity="serious" if chance < 0.01 else "minor",
                reason="exaggerated claims",
            )
        )
