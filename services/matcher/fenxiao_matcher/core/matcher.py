"""The whole core behind one door: fold records in, settle, take changed lists out.

Whatever drives it (the `publisher` in production, a loop in the tests) folds, gives it the policy it needs, settles when
there is time to, and asks for changes; a change counts as published only when `published` says so. Folding may go on
between the steps of settling and between rankings: lists are made as of the beginning of the last settling, except that
what was delisted or held leaves at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fenxiao_matcher.core.book import Book
from fenxiao_matcher.core.decay import HORIZON_DAYS
from fenxiao_matcher.core.dirty import Dirty
from fenxiao_matcher.core.lists import Entries, ListKey, rows_of
from fenxiao_matcher.core.rank import invite, recommend
from fenxiao_matcher.core.readers import Readers
from fenxiao_matcher.core.settle import Parts, all_keys, settle_gone, settle_touched
from fenxiao_matcher.core.snapshot import Making
from fenxiao_matcher.core.state import State
from fenxiao_matcher.core.view import View
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.policy import Matching
from fenxiao_schemas.tiers import Tier

_Now = tuple[int, int]
"""The open day and the policy's version."""


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
        self._as_of: _Now | None = None
        self._policy: tuple[_Now, Matching] | None = None

    @property
    def pending(self) -> int:
        """How much may have changed and was not looked at yet; 0: every list is as published, or as good as."""
        sold = len(self.state.graph.ledger) > 0
        return len(self._dirty) + len(self.state.touched) + sold + self.day_moved

    @property
    def queued(self) -> int:
        """How many lists wait to be ranked."""
        return len(self._dirty)

    @property
    def urgent(self) -> int:
        """How many of them show what may no longer be shown."""
        return self._dirty.urgent

    @property
    def day_moved(self) -> bool:
        """Whether another day or policy is in force than the lists are made as of."""
        return self._as_of != self._now()

    @property
    def unsettled(self) -> bool:
        """Whether anything was folded that lists do not follow yet."""
        return self.day_moved or bool(self.state.touched) or len(self.state.graph.ledger) > 0

    @property
    def policy_wanted(self) -> int | None:
        """The version whose content `use_policy` must be given before settling; None: no need, or no day yet."""
        now = self._now()
        given = self._policy is not None and self._policy[0] == now
        return None if now is None or now == self._as_of or given else now[1]

    def fold_events(self, partition: int, events: Iterable[AnyEvent]) -> None:
        """Fold events of one partition, in order."""
        self.state.fold_events(partition, events)

    def fold_tiers(self, tiers: Iterable[Tier]) -> None:
        """Fold tier messages of any partition."""
        self.state.fold_tiers(tiers)

    def use_policy(self, version: int, matching: Matching) -> None:
        """Settle under this policy from now on; ignored if another one has come into force meanwhile."""
        now = self._now()
        if now is not None and now[1] == version:
            self._policy = now, matching

    def learned(self, book: Book) -> None:
        """Take what the output topics hold for published, and compare every list with it."""
        self.book = book
        if self._view is not None:
            self._dirty.mark(all_keys(self._view, book))

    def settle(self) -> Iterator[None]:
        """Make lists follow all that is folded by now, and mark those that may have changed; to be run to its end.

        Does nothing while the policy of the open day is wanted.
        """
        now = self._now()
        if now is None or self.policy_wanted is not None:
            return
        ledger = self.state.graph.ledger
        ledger.absorb()
        yield
        ledger.drop_before(now[0] - HORIZON_DAYS + 1)
        if now != self._as_of:
            yield from self._settle_day(now)
        elif self._view is not None and self.unsettled:
            making = Making(self.state.graph, now[0], self._view.matching.half_life_days)
            yield from settle_touched(self._parts(self._view), making, self.state.take_touched())

    def withdraw(self) -> None:
        """Mark the lists that show what was delisted or held; a small part of settling, for which there is always time."""
        gone = self.state.take_gone()
        if gone and self._view is not None:
            settle_gone(self._parts(self._view), gone)

    def changes(self, limit: int, *, urgent: bool = False) -> list[Change]:
        """Rank the next `limit` lists that may have changed (or only urgent ones); returns those that differ enough."""
        if self._view is None:
            return []
        changes = []
        for key in self._dirty.take(limit, urgent=urgent):
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
            self._readers.note(key, goods.pools, goods.peers, goods.candidates)
            return goods.entries
        people = invite(self._view, key[1])
        self._readers.note(key, people.pools, people.peers, people.candidates)
        return people.entries

    def _settle_day(self, now: _Now) -> Iterator[None]:
        """Another day or another policy: everything weighs differently."""
        if self._policy is None:
            return
        matching = self._policy[1]
        making = Making(self.state.graph, now[0], matching.half_life_days)
        self.state.take_touched()
        yield from making.steps()
        view = View(self.state, matching, making.snapshot)
        yield from view.fill()
        self._view, self._as_of, self._readers = view, now, Readers()
        self._dirty.mark(all_keys(view, self.book))

    def _parts(self, view: View) -> Parts:
        return Parts(view, self._dirty, self._readers, self.book)

    def _now(self) -> _Now | None:
        day, version = self.state.calendar.open_day, self.state.calendar.policy_version
        return None if day is None or version is None else (day, version)
