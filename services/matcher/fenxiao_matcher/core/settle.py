"""Brings the view up to the state after a fold, and marks every list that may have changed by it. `dirty` queues them."""

from collections.abc import Iterable

from fenxiao_matcher.core.book import Book
from fenxiao_matcher.core.dirty import Dirty
from fenxiao_matcher.core.lists import ListKey
from fenxiao_matcher.core.readers import Readers
from fenxiao_matcher.core.state import Touched
from fenxiao_matcher.core.view import View


def settle_day(view: View, open_day: int, dirty: Dirty, book: Book) -> None:
    """Another day or another policy: everything weighs differently."""
    view.state.take_touched()
    view.rebuild(open_day)
    dirty.forget_surroundings()
    dirty.mark(all_keys(view, book))


def all_keys(view: View, book: Book) -> Iterable[ListKey]:
    """Every list there may be; the published ones are among them, because they may have to be withdrawn."""
    yield from book
    yield from (("invitations", one) for one in sorted(view.inviting))
    yield from (("recommendations", one) for one in sorted(view.profiles))


def settle_touched(view: View, dirty: Dirty, readers: Readers, book: Book) -> None:
    """The same day: only what was touched."""
    touched = view.state.take_touched()
    if not touched:
        return
    moved = _settle_products(view, touched, dirty, readers, book)
    _settle_creators(view, touched.creator_facts | touched.sellers | moved, dirty, readers)
    dirty.mark(("recommendations", one) for one in sorted(touched.sellers))
    dirty.mark_around(touched.sold, touched.sellers)


def _settle_products(view: View, touched: Touched, dirty: Dirty, readers: Readers, book: Book) -> set[str]:
    """New faces; returns the creators whose profile may differ because a product of theirs changed its category."""
    sellers: set[str] = set()
    withdrawn: set[str] = set()
    for one in sorted(touched.product_facts | touched.sold):
        old, new = view.faces.get(one), view.make_face(one)
        if new == old:
            continue
        if old is not None and old.offered and not new.offered:
            withdrawn.add(one)
        if old is None or old.category != new.category:
            sellers.update(view.graph.products.edges.get(one, ()))
        if view.invites(new) or (old is not None and view.invites(old)):
            dirty.mark([("invitations", one)], urgent=not view.invites(new))
        pools = view.put_face(one, new)
        dirty.mark(readers.of("recommendations", pools))
        dirty.mark_around([one], ())
    if withdrawn:
        dirty.mark(book.showing(withdrawn), urgent=True)
    return sellers


def _settle_creators(view: View, creators: set[str], dirty: Dirty, readers: Readers) -> None:
    for one in sorted(creators):
        new = view.make_profile(one)
        if new == view.profiles.get(one):
            continue
        pools = view.put_profile(one, new)
        dirty.mark(readers.of("invitations", pools))
        dirty.mark([("recommendations", one)])
        dirty.mark_around((), [one])
