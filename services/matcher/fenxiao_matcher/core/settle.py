"""Brings the view up to the state after a fold, and marks every list that may have changed by it. `dirty` queues them.

A list is marked only if something that it was made from is different: its own creator or product, a node that its walk went
through, a candidate's face or profile, or a pool. A booking that changes no strength changes nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from fenxiao_matcher.core.book import Book
from fenxiao_matcher.core.dirty import Dirty
from fenxiao_matcher.core.ledger import PRODUCT_BITS
from fenxiao_matcher.core.lists import Direction, ListKey
from fenxiao_matcher.core.names import Flags, Ints, flags
from fenxiao_matcher.core.readers import Readers
from fenxiao_matcher.core.snapshot import Making, Side, Snapshot
from fenxiao_matcher.core.state import Touched
from fenxiao_matcher.core.view import STEP_NODES, View


@dataclass(slots=True)
class Parts:
    """What settling works on."""

    view: View
    dirty: Dirty
    readers: Readers
    book: Book


def all_keys(view: View, book: Book) -> Iterable[ListKey]:
    """Every list there may be; the published ones are among them, because they may have to be withdrawn."""
    yield from book
    yield from (("invitations", one) for one in sorted(view.inviting))
    yield from (("recommendations", one) for one in sorted(view.profiles))


def settle_gone(parts: Parts, gone: set[str]) -> None:
    """Products that were delisted or held leave at once; the rest of what changed can wait."""
    for one in sorted(gone & parts.view.faces.keys()):
        if not parts.view.make_face(one).offered:
            _settle_creators(parts, sorted(_settle_products(parts, [one])))


def settle_touched(parts: Parts, making: Making, touched: Touched) -> Iterator[None]:
    """The same day and policy: only what was touched, a step at a time."""
    yield from making.steps()
    view, graph = parts.view, parts.view.state.graph
    old, new = view.snapshot, making.snapshot
    view.renew(new)
    _settle_walks(parts, old, new, making.touched)
    yield
    sold = graph.products.told(np.unique(making.touched & ((1 << PRODUCT_BITS) - 1)))
    sellers = graph.creators.told(np.unique(making.touched >> PRODUCT_BITS))
    moved: set[str] = set()
    for some in _steps(touched.product_facts.union(sold) & view.state.products.keys()):
        moved |= _settle_products(parts, some)
        yield
    for some in _steps(touched.creator_facts | moved | set(sellers)):
        _settle_creators(parts, some)
        yield


def _settle_walks(parts: Parts, old: Snapshot, new: Snapshot, touched: Ints) -> None:
    """Lists whose walk meets a pair that has another strength now."""
    pairs = touched[old.strengths_at(touched) != new.strengths_at(touched)]
    creators = flags(len(new.creators), pairs >> PRODUCT_BITS)
    products = flags(len(new.products), pairs & ((1 << PRODUCT_BITS) - 1))
    names = parts.view.state.graph
    near = _through(parts, "recommendations", creators, _other_roots(old.products, new.products))
    near.update(names.creators.told(np.flatnonzero(creators | new.creators.near_any(products))))
    parts.dirty.mark(("recommendations", one) for one in sorted(near & parts.view.profiles.keys()))
    near = _through(parts, "invitations", products, _other_roots(old.creators, new.creators))
    near.update(names.products.told(np.flatnonzero(products | new.products.near_any(creators))))
    parts.dirty.mark(("invitations", one) for one in sorted(near & parts.view.inviting))


def _through(parts: Parts, direction: Direction, peers: Flags, roots: Flags) -> set[str]:
    """Whose walk went through any of these, or on to any whose root changed."""
    snapshot = parts.view.snapshot
    side = snapshot.creators if direction == "recommendations" else snapshot.products
    return set(parts.readers.peers[direction].of(peers | side.near_any(roots)))


def _other_roots(old: Side, new: Side) -> Flags:
    changed = np.ones(len(new), np.bool_)
    changed[: len(old)] = old.roots != new.roots[: len(old)]
    return changed


def _settle_products(parts: Parts, products: Iterable[str]) -> set[str]:
    """New faces; returns the creators whose profile may differ because a product of theirs changed its category."""
    view, dirty, readers = parts.view, parts.dirty, parts.readers
    numbers = view.state.graph.products
    changed, entered, moved = [], [], []
    withdrawn: set[str] = set()
    for one in products:
        old, new = view.faces.get(one), view.make_face(one)
        if new == old:
            continue
        changed.append(numbers.number(one))
        if new.offered and (old is None or not old.offered):
            entered.append(numbers.number(one))
        if old is not None and old.offered and not new.offered:
            withdrawn.add(one)
        if old is None or old.category != new.category:
            moved.append(numbers.number(one))
        if view.invites(new) or (old is not None and view.invites(old)):
            dirty.mark([("invitations", one)], urgent=not view.invites(new))
        dirty.mark(readers.of_pools("recommendations", view.put_face(one, new)))
    if withdrawn:
        dirty.mark(parts.book.showing(withdrawn), urgent=True)
    creators, count = view.snapshot.creators, len(view.snapshot.products)
    near = readers.candidates["recommendations"].of(flags(count, changed))
    if entered:
        near += readers.peers["recommendations"].of(creators.near_any(flags(count, entered)))
    dirty.mark(("recommendations", one) for one in near)
    sellers = np.flatnonzero(creators.near_any(flags(count, moved))) if moved else np.zeros(0, np.int64)
    return set(view.state.graph.creators.told(sellers))


def _settle_creators(parts: Parts, creators: Iterable[str]) -> None:
    view, dirty, readers = parts.view, parts.dirty, parts.readers
    changed = []
    for one in creators:
        new = view.make_profile(one)
        if new == view.profiles.get(one):
            continue
        changed.append(view.state.graph.creators.number(one))
        dirty.mark(readers.of_pools("invitations", view.put_profile(one, new)))
        dirty.mark([("recommendations", one)])
    near = readers.candidates["invitations"].of(flags(len(view.snapshot.creators), changed))
    dirty.mark(("invitations", one) for one in near)


def _steps(ids: Iterable[str]) -> Iterator[list[str]]:
    every = sorted(ids)
    for start in range(0, len(every), STEP_NODES):
        yield every[start : start + STEP_NODES]
