"""The running sums are those of the norm: against plain sums over all events, and against a rebuild from nothing."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fenxiao_schemas import events as ev
from fenxiao_schemas.events import AnyEvent
from fenxiao_scorer.core import ScorerState, restore, snapshot
from fenxiao_scorer.core.net_price import refresh_net_price
from fenxiao_scorer.core.windows import EMPTY, TOTALS, moved
from support.random_log import Shape, random_log
from support.scorer_run import run

type Booking = tuple[str, int, Any, int]
WIDE = Shape(
    partitions=1, products=8, days=16, idle_days_max=60, window_days_max=60, actions_per_day=25, barrier_share=0.0
)


def bookings(event: AnyEvent) -> Iterator[Booking]:
    """Section 2's table: counter, day, second key, amount."""
    match event:
        case ev.SaleRecorded():
            day = event.order_day
            if event.repeat is not None:
                yield "known", day, None, 1
                yield "repeats", day, None, int(event.repeat)
            yield from (("orders", day, None, 1), ("net_orders", day, None, 1), ("due", event.due_day, None, 1))
            if event.creator_id is not None:
                yield "net_minor", day, None, event.paid_minor
                yield "pair", day, event.creator_id, 1
            yield "paid_at", day, event.unit_price_minor, event.quantity
        case ev.RefundRecorded():
            day = event.order_day
            yield "orders", day, None, -event.cancels_line
            yield "net_orders", day, None, -event.closes_line
            yield "quality_returns", day, None, int(event.quality_return)
            yield "explained_refunds", day, None, int(event.fault != "unknown")
            yield "due", event.due_day, None, -event.unships_line
            if event.creator_id is not None:
                yield "net_minor", day, None, -event.amount_minor
                yield "pair", day, event.creator_id, -event.closes_line
            yield "paid_at", day, event.unit_price_minor, -event.quantity
        case ev.SaleCorrected():
            yield from corrections(event)
        case ev.DeliveryRecorded():
            yield "delivered", event.order_day, None, 1
        case ev.ReviewRecorded():
            yield from (("reviews", event.order_day, None, 1), ("bad_reviews", event.order_day, None, event.stars <= 2))
        case ev.ShipmentRecorded():
            yield from (("shipped", event.due_day, None, 1), ("on_time", event.due_day, None, int(event.on_time)))
        case ev.ViewsRecorded():
            yield "views", event.day, None, event.views - event.previous_views


def corrections(event: ev.SaleCorrected) -> Iterator[Booking]:
    day = event.order_day
    if event.old_creator_id is not None:
        yield "net_minor", day, None, -event.old_net_minor
        yield "pair", day, event.old_creator_id, -(event.old_net_quantity > 0)
    if event.creator_id is not None:
        yield "net_minor", day, None, event.net_minor
        yield "pair", day, event.creator_id, int(event.net_quantity > 0)
    yield "paid_at", day, event.old_unit_price_minor, -event.old_net_quantity
    yield "paid_at", day, event.unit_price_minor, event.net_quantity


class Plain:
    """All bookings of a partition, summed up when asked."""

    def __init__(self, events: list[AnyEvent], state: ScorerState) -> None:
        self.open_day, self.policy = state.in_force()
        self.closed_day = state.dispatch_day
        self.booked: dict[tuple[str, str], list[tuple[int, Any, int]]] = defaultdict(list)
        for event in events:
            for counter, day, key, amount in bookings(event):
                self.booked[event.product_id, counter].append((day, key, amount))  # type: ignore[union-attr]

    def total(self, product_id: str, counter: str, days: int, head: int | None = None) -> int:
        return sum(self.by_key(product_id, counter, days, head).values())

    def by_key(self, product_id: str, counter: str, days: int, head: int | None = None) -> dict[Any, int]:
        last = self.open_day if head is None else head
        sums: dict[Any, int] = defaultdict(int)
        for day, key, amount in self.booked[product_id, counter]:
            if last - days < day <= last and day >= self.open_day - 119:
                sums[key] += amount
        return sums

    def done(self, product_id: str, days: int) -> int:
        confirm, total = self.policy.delivery.auto_confirm_days, 0
        for counter, wanted in (("orders", True), ("delivered", False)):
            for day, _, amount in self.booked[product_id, counter]:
                inside = self.open_day - days < day <= self.open_day
                if inside and (confirm > 0 and day <= self.open_day - confirm) == wanted:
                    total += amount
        return total

    def expected(self, product_id: str) -> dict[str, int]:
        windows = self.policy.windows
        found = {name: self.total(product_id, name, windows.repeat_days) for name in ("known", "repeats")}
        for name in ("reviews", "bad_reviews", "quality_returns", "explained_refunds"):
            found[name] = self.total(product_id, name, windows.service_days)
        for name in ("net_orders", "net_minor", "views"):
            found[name] = self.total(product_id, name, windows.sales_days)
        for name in ("due", "shipped", "on_time"):
            found[name] = self.total(product_id, name, windows.dispatch_days, self.closed_day)
        found["done_service"] = self.done(product_id, windows.service_days)
        found["done_evidence"] = self.done(product_id, windows.evidence_days)
        return found


def net_price(quantities: dict[int, int]) -> tuple[int, int]:
    """The lower weighted median of the positive quantities, and their sum; (-1, 0) without any."""
    positive = {price: quantity for price, quantity in quantities.items() if quantity > 0}
    total, running = sum(positive.values()), 0
    for price in sorted(positive):
        running += positive[price]
        if running >= (total + 1) // 2:
            return price, total
    return -1, 0


def net_prices(state: ScorerState) -> tuple[list[int], list[int]]:
    """Of each product, as the core has it: looked up anew only where it says that it may have changed."""
    facts, scratch = state.products.facts, np.empty((2, state.prices.longest), np.int64)
    for slot in range(state.products.count):
        refresh_net_price(facts, state.prices.table, scratch, slot)
    weights = facts["price_weight"][: state.products.count].tolist()
    prices = facts["net_price"][: state.products.count].tolist()
    return [price if weight else -1 for price, weight in zip(prices, weights, strict=True)], weights


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [Shape(partitions=2, products=10, barrier_share=0.0), WIDE], ids=["short", "wide"])
def test_running_sums_are_the_plain_sums(seed: int, shape: Shape) -> None:
    log = random_log(seed, shape)
    for events, state in zip(log.partitions, run(log).states, strict=True):
        plain = Plain(events, state)
        days = plain.policy.windows.sales_days
        prices, weights = net_prices(state)
        for slot, product_id in enumerate(state.products.ids.names(np.arange(state.products.count))):
            totals = {name: int(state.counters.total(name)[slot]) for name in TOTALS}
            assert totals == plain.expected(product_id)
            pairs = plain.by_key(product_id, "pair", days)
            assert state.products.facts["active"][slot] == sum(count > 0 for count in pairs.values())
            expected = net_price(plain.by_key(product_id, "paid_at", days))
            assert (prices[slot], weights[slot]) == expected


@pytest.mark.parametrize("seed", range(4))
def test_moved_windows_are_those_rebuilt_from_nothing(seed: int) -> None:
    for state in run(random_log(seed, WIDE)).states:
        rebuilt = restore(snapshot(state))
        facts = rebuilt.products.facts
        rebuilt.counters._spans = {}
        rebuilt.counters.span_days[:] = EMPTY
        rebuilt.counters.totals[:] = 0
        for cells in (rebuilt.pairs, rebuilt.prices):
            cells._span[:], cells._running[:] = EMPTY, 0
        facts["active"], facts["price_weight"], facts["price_stale"] = 0, -1, True
        rebuilt.move_windows()
        count = state.products.count
        assert rebuilt.counters.totals.tolist() == state.counters.totals[:count].tolist()
        assert rebuilt.counters.span_days.tolist() == state.counters.span_days.tolist()
        assert facts["active"].tolist() == state.products.facts["active"][:count].tolist()
        for cells, others in ((rebuilt.pairs, state.pairs), (rebuilt.prices, state.prices)):
            assert cells.table.running.tolist() == others.table.running[: others.count].tolist()
        assert net_prices(rebuilt) == net_prices(state)


def test_spans_lose_and_gain_days() -> None:
    assert moved((1, 3), (2, 4)) == [(1, -1), (4, 1)]
    assert moved(EMPTY, (2, 3)) == [(2, 1), (3, 1)]
    assert moved((2, 3), (5, 4)) == [(2, -1), (3, -1)]


def test_idle_cells_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fenxiao_scorer.core.cells._IDLE_MIN", 0)
    log = random_log(5, replace(WIDE, days=8))
    tight = run(log)
    monkeypatch.undo()
    loose = run(log)
    assert tight.messages == loose.messages
    assert sum(s.prices.count for s in tight.states) < sum(s.prices.count for s in loose.states)
