"""Order lines, from the sale to the review: commands in, events out."""

from fenxiao_catalog.core.clock import HOUR_MS, business_day
from fenxiao_catalog.core.products import wrong_currency
from fenxiao_catalog.core.rows import OrderLine, Product
from fenxiao_catalog.core.verdicts import NO_CHANGE, Refused, Verdict, Waits, no_line, no_product
from fenxiao_catalog.core.world import EVENTS, World
from fenxiao_schemas import commands as c
from fenxiao_schemas import events as e

LineCommand = c.CorrectSale | c.RecordRefund | c.RecordShipment | c.RecordDelivery | c.RecordReview


def record_sale(world: World, command: c.RecordSale) -> Verdict:
    """A new order line."""
    product = world.products.get(command.product_id)
    if product is None:
        return no_product(command.product_id)
    if command.currency != world.deployment.currency:
        return wrong_currency(world, command.currency)
    order_day = business_day(command.at_ms, world.deployment.utc_offset_minutes)
    if order_day > world.open_day + 1:
        return Refused("in_future")
    if command.order_line_id in world.lines:
        return Refused("order_line_exists")
    due_at_ms = command.at_ms + command.promise_hours * HOUR_MS
    line = OrderLine(
        partition=world.partition,
        order_line_id=command.order_line_id,
        order_id=command.order_id,
        product_id=command.product_id,
        creator_id=command.creator_id,
        at_ms=command.at_ms,
        order_day=order_day,
        due_at_ms=due_at_ms,
        due_day=business_day(due_at_ms, world.deployment.utc_offset_minutes),
        quantity=command.quantity,
        paid_minor=command.paid_minor,
    )
    world.lines[line.order_line_id] = line
    world.new_lines.append(line.order_line_id)
    world.emit(
        line.product_id,
        e.SaleRecorded(
            seq=world.next_seq(EVENTS),
            product_id=line.product_id,
            order_id=line.order_id,
            order_line_id=line.order_line_id,
            at_ms=line.at_ms,
            order_day=line.order_day,
            due_day=line.due_day,
            quantity=line.quantity,
            paid_minor=line.paid_minor,
            unit_price_minor=line.unit_price_minor,
            creator_id=line.creator_id,
            repeat=_mark_repeat(world, product, command.buyer_id, order_day),
        ),
    )
    world.arrived.append(f"line:{line.order_line_id}")
    return None


def _mark_repeat(world: World, product: Product, buyer_id: str | None, day: int) -> bool | None:
    """Whether the buyer bought the brand on an earlier day of the window; None if the buyer is unknown."""
    if buyer_id is None:
        return None
    brand = product.brand_key()
    hashes = world.buyer_hashes(buyer_id)
    last = max((world.purchases.get((each, brand), -1) for each in hashes), default=-1)
    newest = (hashes[0], brand)
    if day > last:
        world.purchases[newest] = world.dirty_purchases[newest] = day
    return last >= 0 and day - world.deployment.repeat_window_days <= last < day


def correct_sale(world: World, command: c.CorrectSale) -> Verdict:
    """The line as it should have been. What was refunded stays refunded, so it must still be covered."""
    line = _line_of(world, command)
    if not isinstance(line, OrderLine):
        return line
    if command.quantity <= line.refunded_quantity or command.paid_minor < line.refunded_minor or not line.net_quantity:
        return Refused("below_refunds", f"{line.refunded_quantity} pieces and {line.refunded_minor} are refunded")
    if (command.quantity, command.paid_minor, command.creator_id) == (line.quantity, line.paid_minor, line.creator_id):
        return NO_CHANGE
    old = (line.net_quantity, line.net_minor, line.unit_price_minor, line.creator_id)
    line.quantity, line.paid_minor, line.creator_id = command.quantity, command.paid_minor, command.creator_id
    world.corrected_lines.add(line.order_line_id)
    world.emit(
        line.product_id,
        e.SaleCorrected(
            seq=world.next_seq(EVENTS),
            product_id=line.product_id,
            order_line_id=line.order_line_id,
            order_day=line.order_day,
            old_net_quantity=old[0],
            old_net_minor=old[1],
            old_unit_price_minor=old[2],
            old_creator_id=old[3],
            net_quantity=line.net_quantity,
            net_minor=line.net_minor,
            unit_price_minor=line.unit_price_minor,
            creator_id=line.creator_id,
        ),
    )
    return None


def record_refund(world: World, command: c.RecordRefund) -> Verdict:
    """Money and perhaps goods go back, never more than were paid and bought."""
    line = _line_of(world, command)
    if not isinstance(line, OrderLine):
        return line
    if business_day(command.at_ms, world.deployment.utc_offset_minutes) > world.open_day + 1:
        return Refused("in_future")
    if not command.quantity and not command.amount_minor:
        return NO_CHANGE
    if command.quantity > line.net_quantity or command.amount_minor > line.net_minor:
        return Refused("over_refund", f"{line.net_quantity} pieces and {line.net_minor} are left")
    if world.knows(("refund", command.refund_id)):
        return Refused("refund_exists")
    by_seller = command.fault == "seller"
    closes = command.quantity > 0 and command.quantity == line.net_quantity
    cancels = closes and not line.delivered and not by_seller
    quality_return = by_seller and command.quantity > 0 and not line.quality_returned
    line.refunded_quantity += command.quantity
    line.refunded_minor += command.amount_minor
    line.cancelled |= cancels
    line.quality_returned |= quality_return
    world.corrected_lines.add(line.order_line_id)
    world.emit(
        line.product_id,
        e.RefundRecorded(
            seq=world.next_seq(EVENTS),
            product_id=line.product_id,
            order_line_id=line.order_line_id,
            refund_id=command.refund_id,
            order_day=line.order_day,
            due_day=line.due_day,
            quantity=command.quantity,
            amount_minor=command.amount_minor,
            unit_price_minor=line.unit_price_minor,
            fault=command.fault,
            creator_id=line.creator_id,
            closes_line=closes,
            cancels_line=cancels,
            unships_line=cancels and not line.shipped,
            quality_return=quality_return,
        ),
    )
    return None


def record_shipment(world: World, command: c.RecordShipment) -> Verdict:
    """Handed to the carrier, on time or not."""
    line = _open_line(world, command)
    if not isinstance(line, OrderLine):
        return line
    if line.shipped:
        return Refused("already_shipped")
    line.shipped = True
    world.flagged_lines.add(line.order_line_id)
    world.emit(
        line.product_id,
        e.ShipmentRecorded(
            seq=world.next_seq(EVENTS),
            product_id=line.product_id,
            order_line_id=line.order_line_id,
            order_day=line.order_day,
            due_day=line.due_day,
            on_time=command.at_ms <= line.due_at_ms,
        ),
    )
    return None


def record_delivery(world: World, command: c.RecordDelivery) -> Verdict:
    """Arrived."""
    line = _open_line(world, command)
    if not isinstance(line, OrderLine):
        return line
    if line.delivered:
        return Refused("already_delivered")
    line.delivered = True
    world.flagged_lines.add(line.order_line_id)
    world.emit(
        line.product_id,
        e.DeliveryRecorded(
            seq=world.next_seq(EVENTS),
            product_id=line.product_id,
            order_line_id=line.order_line_id,
            order_day=line.order_day,
        ),
    )
    return None


def record_review(world: World, command: c.RecordReview) -> Verdict:
    """The first review of a line; what the buyer adds later doesn't count."""
    line = _line_of(world, command)
    if not isinstance(line, OrderLine):
        return line
    if line.reviewed:
        return Refused("review_exists")
    line.reviewed = True
    world.flagged_lines.add(line.order_line_id)
    world.emit(
        line.product_id,
        e.ReviewRecorded(
            seq=world.next_seq(EVENTS),
            product_id=line.product_id,
            order_line_id=line.order_line_id,
            order_day=line.order_day,
            stars=command.stars,
            creator_id=line.creator_id,
        ),
    )
    return None


def _line_of(world: World, command: LineCommand) -> OrderLine | Refused | Waits:
    """The line that a command is about, if it is there and the product's."""
    line = world.lines.get(command.order_line_id)
    if line is None:
        return no_line(command.order_line_id)
    if line.product_id != command.product_id:
        return Refused("wrong_product")
    return line


def _open_line(world: World, command: c.RecordShipment | c.RecordDelivery) -> OrderLine | Refused | Waits:
    """The command's line, if goods can still move."""
    line = _line_of(world, command)
    if not isinstance(line, OrderLine):
        return line
    if business_day(command.at_ms, world.deployment.utc_offset_minutes) > world.open_day + 1:
        return Refused("in_future")
    if line.cancelled:
        return Refused("line_cancelled")
    return line
