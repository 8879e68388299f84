"""Products, their listing, plans, violations and views: commands in, events out."""

from fenxiao_catalog.core.clock import business_day
from fenxiao_catalog.core.rows import DayViews, Plan, Product
from fenxiao_catalog.core.verdicts import NO_CHANGE, Refused, Verdict, no_product
from fenxiao_catalog.core.world import EVENTS, World
from fenxiao_schemas import commands as c
from fenxiao_schemas import events as e


def register_product(world: World, command: c.RegisterProduct) -> Verdict:
    """New, or changed. The listing, plans and history of a changed product stay."""
    if command.currency != world.deployment.currency:
        return wrong_currency(world, command.currency)
    authority, until_day, fallback = world.authority_of(command.merchant_id, command.brand_id)
    known = world.products.get(command.product_id)
    product = known or Product(
        product_id=command.product_id,
        merchant_id=command.merchant_id,
        brand_id=command.brand_id,
        category=command.category,
        title=command.title,
        price_minor=command.price_minor,
        partition=world.partition,
    )
    new = (command.merchant_id, command.brand_id, command.category, command.title, command.price_minor)
    if known and new == (known.merchant_id, known.brand_id, known.category, known.title, known.price_minor):
        return NO_CHANGE
    product.merchant_id, product.brand_id, product.category, product.title, product.price_minor = new
    product.authority, product.authority_until_day, product.authority_fallback = authority, until_day, fallback
    world.products[product.product_id] = product
    world.dirty_products.add(product.product_id)
    world.emit(
        product.product_id,
        e.ProductRegistered(
            seq=world.next_seq(EVENTS),
            product_id=product.product_id,
            merchant_id=product.merchant_id,
            brand_id=product.brand_id,
            category=product.category,
            title=product.title,
            price_minor=product.price_minor,
            authority=authority,
            authority_until_day=until_day,
            authority_fallback=fallback,
        ),
    )
    if known is None:
        world.arrived.append(f"product:{product.product_id}")
    return None


def change_price(world: World, command: c.ChangePrice) -> Verdict:
    """The asking price."""
    product = world.products.get(command.product_id)
    if product is None:
        return no_product(command.product_id)
    if command.currency != world.deployment.currency:
        return wrong_currency(world, command.currency)
    if command.price_minor == product.price_minor:
        return NO_CHANGE
    product.price_minor = command.price_minor
    world.dirty_products.add(product.product_id)
    world.emit(
        product.product_id,
        e.PriceChanged(seq=world.next_seq(EVENTS), product_id=product.product_id, price_minor=command.price_minor),
    )
    return None


def list_product(world: World, command: c.ListProduct) -> Verdict:
    """Open for distribution."""
    return _set_listing(world, command.product_id, listed=True)


def delist_product(world: World, command: c.DelistProduct) -> Verdict:
    """Not open any more."""
    return _set_listing(world, command.product_id, listed=False, reason=command.reason)


def hold_product(world: World, command: c.HoldProduct) -> Verdict:
    """Suspended by the platform."""
    return _set_listing(world, command.product_id, held=True, reason=command.reason)


def release_product(world: World, command: c.ReleaseProduct) -> Verdict:
    """No longer suspended."""
    return _set_listing(world, command.product_id, held=False)


def _set_listing(
    world: World, product_id: str, *, listed: bool | None = None, held: bool | None = None, reason: str = ""
) -> Verdict:
    product = world.products.get(product_id)
    if product is None:
        return no_product(product_id)
    after = (product.listed if listed is None else listed, product.held if held is None else held)
    if after == (product.listed, product.held):
        return NO_CHANGE
    product.listed, product.held = after
    world.dirty_products.add(product_id)
    world.emit(
        product_id,
        e.ListingChanged(
            seq=world.next_seq(EVENTS), product_id=product_id, listed=after[0], held=after[1], reason=reason
        ),
    )
    return None


def record_violation(world: World, command: c.RecordViolation) -> Verdict:
    """The day of the latest violation of each severity."""
    product = world.products.get(command.product_id)
    if product is None:
        return no_product(command.product_id)
    day = business_day(command.at_ms, world.deployment.utc_offset_minutes)
    if day > world.open_day + 1:
        return Refused("in_future")
    if world.knows(("violation", command.violation_id)):
        return Refused("violation_exists")
    if command.severity == "minor":
        product.minor_day = max(day, -1 if product.minor_day is None else product.minor_day)
    else:
        product.serious_day = max(day, -1 if product.serious_day is None else product.serious_day)
    world.dirty_products.add(product.product_id)
    world.emit(
        product.product_id,
        e.ViolationRecorded(
            seq=world.next_seq(EVENTS),
            product_id=product.product_id,
            violation_id=command.violation_id,
            severity=command.severity,
            minor_day=product.minor_day,
            serious_day=product.serious_day,
        ),
    )
    return None


def set_plan(world: World, command: c.SetPlan) -> Verdict:
    """A plan is opened or changed."""
    if command.product_id not in world.products:
        return no_product(command.product_id)
    plans = world.plans.setdefault(command.product_id, {})
    plan = Plan(
        product_id=command.product_id,
        plan_id=command.plan_id,
        kind=command.kind,
        commission_bps=command.commission_bps,
    )
    if plans.get(command.plan_id) == plan:
        return NO_CHANGE
    plans[command.plan_id] = plan
    _emit_plan(world, plan)
    return None


def end_plan(world: World, command: c.EndPlan) -> Verdict:
    """A plan is over."""
    if command.product_id not in world.products:
        return no_product(command.product_id)
    plan = world.plans.get(command.product_id, {}).get(command.plan_id)
    if plan is None or plan.ended:
        return Refused("no_plan")
    plan.ended = True
    _emit_plan(world, plan)
    return None


def _emit_plan(world: World, plan: Plan) -> None:
    world.dirty_plans.add((plan.product_id, plan.plan_id))
    plans = world.plans[plan.product_id].values()
    rates = [other.commission_bps for other in plans if other.kind == "open" and not other.ended]
    world.emit(
        plan.product_id,
        e.PlanChanged(
            seq=world.next_seq(EVENTS),
            product_id=plan.product_id,
            plan_id=plan.plan_id,
            kind=plan.kind,
            commission_bps=plan.commission_bps,
            ended=plan.ended,
            open_commission_bps=max(rates, default=None),
        ),
    )


def record_views(world: World, command: c.RecordViews) -> Verdict:
    """A day's views, absolute; a higher revision replaces them."""
    if command.product_id not in world.products:
        return no_product(command.product_id)
    if command.day > world.open_day + 1:
        return Refused("in_future")
    key = (command.product_id, command.day)
    known = world.views.get(key)
    if known is not None and command.revision <= known.revision:
        return Refused("stale_revision", f"revision {known.revision} is known")
    world.views[key] = DayViews(
        product_id=command.product_id, day=command.day, views=command.views, revision=command.revision
    )
    if known is None:
        world.new_views.append(key)
    else:
        world.revised_views.add(key)
    world.emit(
        command.product_id,
        e.ViewsRecorded(
            seq=world.next_seq(EVENTS),
            product_id=command.product_id,
            day=command.day,
            views=command.views,
            previous_views=known.views if known else 0,
        ),
    )
    return None


def wrong_currency(world: World, currency: str) -> Refused:
    """The deployment has one currency."""
    return Refused("wrong_currency", f"{currency}, the deployment has {world.deployment.currency}")
