"""From events to amounts: the events between two control records, by type, become columns and are booked at once.

This is section 2's table of counters, a function per type of event, a line per row of the table.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from fenxiao_schemas.events import (
    DeliveryRecorded,
    RefundRecorded,
    ReviewRecorded,
    SaleCorrected,
    SaleRecorded,
    ShipmentRecorded,
    ViewsRecorded,
)
from fenxiao_scorer.core.arrays import Bools, Ints, ints
from fenxiao_scorer.core.facts import unknown
from fenxiao_scorer.core.state import ScorerState


class Collector:
    """The events of a stretch without a control record: counters by type, and where products began within it."""

    def __init__(self, state: ScorerState) -> None:
        self._state = state
        self._first_new = state.products.count
        self._born: list[int] = []
        self._buckets: dict[type, list[Any]] = {kind: [] for kind in _BOOKS}
        self.appends = {kind: bucket.append for kind, bucket in self._buckets.items()}

    def note_product(self, seq: int) -> None:
        """A product was new with the event of this `seq`: no event before it may be booked on it."""
        if self._state.products.count - self._first_new > len(self._born):
            self._born.append(seq)

    def flush(self) -> None:
        """Book everything."""
        state = self._state
        state.grow()
        for kind, bucket in self._buckets.items():
            if bucket:
                slots = self._slots(bucket)
                state.touched.append(slots)
                _BOOKS[kind](state, bucket, slots)
                bucket.clear()
        self._first_new, self._born = state.products.count, []

    def _slots(self, bucket: Sequence[Any]) -> Ints:
        known = self._state.products.slots
        try:
            slots = ints([known[event.product_id] for event in bucket], len(bucket))
        except KeyError:
            raise unknown(next(event for event in bucket if event.product_id not in known)) from None
        if self._born:
            self._check_births(bucket, slots)
        return slots

    def _check_births(self, bucket: Sequence[Any], slots: Ints) -> None:
        for place in np.flatnonzero(slots >= self._first_new).tolist():
            if bucket[place].seq < self._born[int(slots[place]) - self._first_new]:
                raise unknown(bucket[place])


def _sales(state: ScorerState, events: Sequence[SaleRecorded], slots: Ints) -> None:
    n, add, number = len(events), state.counters.add, state.creators
    days = ints([event.order_day for event in events], n)
    one = np.ones(n, np.int64)
    repeats = ints([-1 if event.repeat is None else event.repeat for event in events], n)
    creators = ints([number[event.creator_id] for event in events], n)
    known, again, brought = repeats >= 0, repeats > 0, creators >= 0
    add("known", slots[known], days[known], one[known])
    add("repeats", slots[again], days[again], one[again])
    add("orders", slots, days, one)
    add("net_orders", slots, days, one)
    add("due", slots, ints([event.due_day for event in events], n), one)
    paid = ints([event.paid_minor for event in events], n)
    add("net_minor", slots[brought], days[brought], paid[brought])
    state.pairs.add(slots[brought], creators[brought], days[brought], one[brought])
    prices = ints([event.unit_price_minor for event in events], n)
    state.prices.add(slots, prices, days, ints([event.quantity for event in events], n))


def _refunds(state: ScorerState, events: Sequence[RefundRecorded], slots: Ints) -> None:
    n, add, number = len(events), state.counters.add, state.creators
    days = ints([event.order_day for event in events], n)
    due_days = ints([event.due_day for event in events], n)
    one = np.ones(n, np.int64)
    creators = ints([number[event.creator_id] for event in events], n)
    closes = _flags([event.closes_line for event in events])
    brought = creators >= 0

    def count(counter: str, flags: Bools, on: Ints, sign: int) -> None:
        add(counter, slots[flags], on[flags], sign * one[flags])

    count("orders", _flags([event.cancels_line for event in events]), days, -1)
    count("net_orders", closes, days, -1)
    count("quality_returns", _flags([event.quality_return for event in events]), days, 1)
    count("explained_refunds", _flags([event.fault != "unknown" for event in events]), days, 1)
    count("due", _flags([event.unships_line for event in events]), due_days, -1)
    amounts = ints([event.amount_minor for event in events], n)
    add("net_minor", slots[brought], days[brought], -amounts[brought])
    left = closes & brought
    state.pairs.add(slots[left], creators[left], days[left], -one[left])
    prices = ints([event.unit_price_minor for event in events], n)
    state.prices.add(slots, prices, days, -ints([event.quantity for event in events], n))


def _corrections(state: ScorerState, events: Sequence[SaleCorrected], slots: Ints) -> None:
    n, number = len(events), state.creators
    days = ints([event.order_day for event in events], n)
    old = (
        [number[event.old_creator_id] for event in events],
        [event.old_net_minor for event in events],
        [event.old_unit_price_minor for event in events],
        [event.old_net_quantity for event in events],
    )
    new = (
        [number[event.creator_id] for event in events],
        [event.net_minor for event in events],
        [event.unit_price_minor for event in events],
        [event.net_quantity for event in events],
    )
    _correct(state, slots, days, [ints(column, n) for column in old], -1)
    _correct(state, slots, days, [ints(column, n) for column in new], 1)


def _correct(state: ScorerState, slots: Ints, days: Ints, columns: Sequence[Ints], sign: int) -> None:
    creators, minor, prices, quantities = columns
    brought = creators >= 0
    state.counters.add("net_minor", slots[brought], days[brought], sign * minor[brought])
    paired = brought & (quantities > 0)
    ones = np.full(int(paired.sum()), sign, np.int64)
    state.pairs.add(slots[paired], creators[paired], days[paired], ones)
    state.prices.add(slots, prices, days, sign * quantities)


def _shipments(state: ScorerState, events: Sequence[ShipmentRecorded], slots: Ints) -> None:
    days = ints([event.due_day for event in events], len(events))
    punctual = _flags([event.on_time for event in events])
    _count(state, "shipped", slots, days)
    _count(state, "on_time", slots[punctual], days[punctual])


def _deliveries(state: ScorerState, events: Sequence[DeliveryRecorded], slots: Ints) -> None:
    _count(state, "delivered", slots, ints([event.order_day for event in events], len(events)))


def _reviews(state: ScorerState, events: Sequence[ReviewRecorded], slots: Ints) -> None:
    days = ints([event.order_day for event in events], len(events))
    bad = _flags([event.stars <= 2 for event in events])
    _count(state, "reviews", slots, days)
    _count(state, "bad_reviews", slots[bad], days[bad])


def _views(state: ScorerState, events: Sequence[ViewsRecorded], slots: Ints) -> None:
    days = ints([event.day for event in events], len(events))
    amounts = ints([event.views - event.previous_views for event in events], len(events))
    state.counters.add("views", slots, days, amounts)


def _count(state: ScorerState, counter: str, slots: Ints, days: Ints) -> None:
    state.counters.add(counter, slots, days, np.ones(len(slots), np.int64))


def _flags(values: list[bool]) -> Bools:
    return np.array(values, np.bool_)


_BOOKS: Final[dict[type, Callable[[ScorerState, Any, Ints], None]]] = {
    SaleRecorded: _sales,
    RefundRecorded: _refunds,
    SaleCorrected: _corrections,
    ShipmentRecorded: _shipments,
    DeliveryRecorded: _deliveries,
    ReviewRecorded: _reviews,
    ViewsRecorded: _views,
}
