"""Facts of a product, of which the last one wins, so they are set one by one. Section 2 of the norm, first paragraph."""

from collections.abc import Callable
from typing import Any, Final

from fenxiao_schemas.events import (
    AuthorityChanged,
    ListingChanged,
    PlanChanged,
    PriceChanged,
    ProductRegistered,
    ViolationRecorded,
)
from fenxiao_scorer.core.errors import UnknownProductError
from fenxiao_scorer.core.products import ALWAYS, NEVER
from fenxiao_scorer.core.state import ScorerState


def slot_of(state: ScorerState, event: Any) -> int:
    """The product's slot; raises `UnknownProductError`."""
    slot = state.products.slots.get(event.product_id)
    if slot is None:
        raise unknown(event)
    return slot


def unknown(event: Any) -> UnknownProductError:
    """The error for an event whose product does not exist."""
    what = type(event).__name__
    return UnknownProductError(
        f"event {event.seq} ({what}) is of product {event.product_id!r}, which is not registered"
    )


def _registered(state: ScorerState, event: ProductRegistered) -> int:
    products = state.products
    slot = products.slots.get(event.product_id)
    if slot is None:
        slot = products.add(event.product_id)
    products.category[slot] = state.categories.node(event.category)
    products.price_minor[slot] = event.price_minor
    _set_authority(state, slot, event)
    return slot


def _authority(state: ScorerState, event: AuthorityChanged) -> int:
    slot = slot_of(state, event)
    _set_authority(state, slot, event)
    return slot


def _set_authority(state: ScorerState, slot: int, event: ProductRegistered | AuthorityChanged) -> None:
    products, until = state.products, event.authority_until_day
    products.authority[slot] = event.authority
    products.authority_until_day[slot] = ALWAYS if until is None else until
    products.authority_fallback[slot] = event.authority_fallback


def _price(state: ScorerState, event: PriceChanged) -> int:
    slot = slot_of(state, event)
    state.products.price_minor[slot] = event.price_minor
    return slot


def _listing(state: ScorerState, event: ListingChanged) -> int:
    slot = slot_of(state, event)
    state.products.listed[slot] = event.listed
    state.products.held[slot] = event.held
    return slot


def _violation(state: ScorerState, event: ViolationRecorded) -> int:
    slot = slot_of(state, event)
    state.products.minor_day[slot] = NEVER if event.minor_day is None else event.minor_day
    state.products.serious_day[slot] = NEVER if event.serious_day is None else event.serious_day
    return slot


def _plan(state: ScorerState, event: PlanChanged) -> int:
    slot = slot_of(state, event)
    rate = event.open_commission_bps
    state.products.open_commission_bps[slot] = -1 if rate is None else rate
    return slot


FACTS: Final[dict[type, Callable[[ScorerState, Any], int]]] = {
    ProductRegistered: _registered,
    AuthorityChanged: _authority,
    PriceChanged: _price,
    ListingChanged: _listing,
    ViolationRecorded: _violation,
    PlanChanged: _plan,
}
"""What sets a fact; each returns the slot that it touched."""
