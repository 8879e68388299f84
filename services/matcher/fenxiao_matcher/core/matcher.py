"""The whole core behind one door: fold records in, take changed lists out.

Whatever drives it (`replica` and `publisher` in production, a loop in the tests) folds, gives it the policy it needs, and
asks for changes; a change counts as published only when `published` says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fenxiao_matcher.core.book import Book
from fenxiao_matcher.core.dirty import Dirty
from fenxiao_matcher.core.lists import Entries, ListKey, rows_of
from fenxiao_matcher.core.rank import invite, recommend
from fenxiao_matcher.core.readers import Readers
from fenxiao_matcher.core.settle import all_keys, settle_day, settle_touched
from fenxiao_matcher.core.state import State
from fenxiao_matcher.core.view import View
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.policy import Matching
from fenxiao_schemas.tiers import Tier


@dataclass(frozen=True, slots=True)
class Change:
    """A list that is worth publishing, with the revision that it will have."""

    key: ListKey
    revision: int
    entries: Entries


class Matcher:
    """The fold of all `partitions` partitions and the lists that follow from it."""

    def __init__(self, partitions: int) -> None:
        self.state = State(partitions)
        self.book = Book()
        self._dirty = Dirty()
        self._readers = Readers()
        self._view: View | None = None
        self._as_of: tuple[int, int] | None = None

    @property
    def pending(self) -> int:
        """How much may have changed and was not looked at yet; 0: every list is as published, or as good as."""
        touched = self.state.touched
        unsettled = len(touched.product_facts) + len(touched.creator_facts) + len(touched.sold) + len(touched.sellers)
        return len(self._dirty) + unsettled + (self._as_of != self._now())

    @property
    def policy_wanted(self) -> int | None:
        """The version whose content `use_policy` must be given before lists can be made; None: no need, or no day yet."""
        now = self._now()
        return None if now is None or now == self._as_of else now[1]

    def fold_events(self, partition: int, events: Iterable[AnyEvent]) -> None:
        """Fold events of one partition, in order."""
        self.state.fold_events(partition, events)

    def fold_tiers(self, tiers: Iterable[Tier]) -> None:
        """Fold tier messages of any partition."""
        self.state.fold_tiers(tiers)

    def use_policy(self, version: int, matching: Matching) -> None:
        """Make lists under this policy as of the open day; ignored if another one has come into force meanwhile."""
        now = self._now()
        if now is None or now[1] != version:
            return
        self._view = View(self.state, matching)
        self._as_of = now
        self._readers = Readers()
        settle_day(self._view, now[0], self._dirty, self.book)

    def learned(self, book: Book) -> None:
        """Take what the output topics hold for published, and compare every list with it."""
        self.book = book
        if self._view is not None:
            self._dirty.mark(all_keys(self._view, book))

    def changes(self, limit: int) -> list[Change]:
        """Rank the next `limit` lists that may have changed; returns those that differ enough. Nothing without a policy."""
        if self._view is None or self._as_of != self._now():
            return []
        settle_touched(self._view, self._dirty, self._readers, self.book)
        changes = []
        for key in self._dirty.take(self._view, limit):
            entries = self.rank(key)
            if self.book.is_news(key, rows_of(entries), self._view.matching.materiality_bps):
                changes.append(Change(key, self.book.next_revision(key), entries))
        return changes

    def published(self, change: Change) -> None:
        """The change is in the log."""
        self.book.put(change.key, change.revision, rows_of(change.entries))

    def rank(self, key: ListKey) -> Entries:
        """The list of a key as of what is settled."""
        if self._view is None:
            return ()
        if key[0] == "recommendations":
            goods = recommend(self._view, key[1])
            self._readers.note(key, goods.pools)
            return goods.entries
        people = invite(self._view, key[1])
        self._readers.note(key, people.pools)
        return people.entries

    def _now(self) -> tuple[int, int] | None:
        day, version = self.state.calendar.open_day, self.state.calendar.policy_version
        return None if day is None or version is None else (day, version)
