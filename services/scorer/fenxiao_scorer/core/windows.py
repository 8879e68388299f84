"""Which days each running sum covers, and the running sums of the products' counters. Section 2 of the norm.

A sum is made of terms, each a counter over a span of days. A day close moves the spans, and what a span loses and gains is
subtracted and added from the ledgers; a policy with other windows is the same move, only longer. `cells` does it for pairs
and prices.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from fenxiao_schemas.policy import WINDOW_DAYS_MAX, Policy
from fenxiao_scorer.core.arrays import Ints, grown, packed, unpacked
from fenxiao_scorer.core.ledger import Ledger

type Span = tuple[int, int]
"""The first and the last day; empty when the first is the greater."""
EMPTY: Final[Span] = (1, 0)


class Term(NamedTuple):
    """A part of the running sum `total`: the counter over the span."""

    counter: str
    total: str
    span: str


TERMS: Final = (
    Term("known", "known", "repeat"),
    Term("repeats", "repeats", "repeat"),
    Term("orders", "done_service", "service_confirmed"),
    Term("delivered", "done_service", "service_delivered"),
    Term("orders", "done_evidence", "evidence_confirmed"),
    Term("delivered", "done_evidence", "evidence_delivered"),
    Term("net_orders", "net_orders", "sales"),
    Term("net_minor", "net_minor", "sales"),
    Term("reviews", "reviews", "service"),
    Term("bad_reviews", "bad_reviews", "service"),
    Term("quality_returns", "quality_returns", "service"),
    Term("explained_refunds", "explained_refunds", "service"),
    Term("views", "views", "sales"),
    Term("due", "due", "dispatch"),
    Term("shipped", "shipped", "dispatch"),
    Term("on_time", "on_time", "dispatch"),
)
COUNTERS: Final = tuple(dict.fromkeys(term.counter for term in TERMS))
TOTALS: Final = tuple(dict.fromkeys(term.total for term in TERMS))


def first_kept_day(open_day: int) -> int:
    """The first of the days that may still be looked at."""
    return open_day - WINDOW_DAYS_MAX + 1


def spans(policy: Policy, open_day: int, dispatch_day: int) -> dict[str, Span]:
    """The span of every window, for head day `open_day` and dispatch day `dispatch_day`."""
    windows = policy.windows
    kept = first_kept_day(open_day)
    service, evidence = open_day - windows.service_days + 1, open_day - windows.evidence_days + 1
    confirmed = open_day - policy.delivery.auto_confirm_days if policy.delivery.auto_confirm_days else kept - 1
    return {
        "repeat": (open_day - windows.repeat_days + 1, open_day),
        "sales": (open_day - windows.sales_days + 1, open_day),
        "service": (service, open_day),
        "dispatch": (max(dispatch_day - windows.dispatch_days + 1, kept), dispatch_day),
        "service_confirmed": (service, confirmed),
        "service_delivered": (max(service, confirmed + 1), open_day),
        "evidence_confirmed": (evidence, confirmed),
        "evidence_delivered": (max(evidence, confirmed + 1), open_day),
    }


def moved(old: Span, new: Span) -> list[tuple[int, int]]:
    """The days that a span loses (with -1) and gains (with +1) when it moves."""
    before, after = range(old[0], old[1] + 1), range(new[0], new[1] + 1)
    return [(day, -1) for day in before if day not in after] + [(day, 1) for day in after if day not in before]


class Counters:
    """The products' counters: a ledger each, and the running sums over the spans now in force."""

    __slots__ = ("_spans", "ledgers", "totals")

    def __init__(self) -> None:
        self.ledgers = {name: Ledger() for name in COUNTERS}
        self.totals: dict[str, Ints] = {name: np.zeros(0, np.int64) for name in TOTALS}
        self._spans: dict[str, Span] = {}

    def grow(self, count: int) -> None:
        """Make room for `count` products."""
        if count > len(self.totals[TOTALS[0]]):
            self.totals = {name: grown(total, count, 0) for name, total in self.totals.items()}

    def add(self, counter: str, slots: Ints, days: Ints, amounts: Ints) -> None:
        """Book amounts of a counter on their days."""
        if not len(slots):
            return
        self.ledgers[counter].add(slots, days, amounts)
        for _, total, span in _TERMS_OF[counter]:
            first, last = self._spans.get(span, EMPTY)
            inside = (days >= first) & (days <= last)
            np.add.at(self.totals[total], slots[inside], amounts[inside])

    def settle(self) -> None:
        """Sort all journals in, before the spans move."""
        for ledger in self.ledgers.values():
            ledger.settle()

    def move(self, new: dict[str, Span]) -> None:
        """Let the spans be `new`; the journals must be settled."""
        for counter, total, span in TERMS:
            for day, sign in moved(self._spans.get(span, EMPTY), new[span]):
                for slots, amounts in self.ledgers[counter].runs(day):
                    self.totals[total][slots] += sign * amounts.astype(np.int64)
        self._spans = new

    def drop_before(self, day: int) -> None:
        """Forget the days before `day`."""
        for ledger in self.ledgers.values():
            ledger.drop_before(day)

    def dump(self, count: int) -> dict[str, Any]:
        """For a snapshot."""
        return {
            "ledgers": {name: ledger.dump() for name, ledger in self.ledgers.items()},
            "totals": {name: packed(total[:count]) for name, total in self.totals.items()},
            "spans": {name: list(span) for name, span in self._spans.items()},
        }

    @classmethod
    def load(cls, parts: dict[str, Any]) -> "Counters":
        """From a snapshot."""
        counters = cls()
        counters.ledgers = {name: Ledger.load(parts["ledgers"][name]) for name in COUNTERS}
        counters.totals = {name: unpacked(parts["totals"][name]) for name in TOTALS}
        counters._spans = {name: (first, last) for name, (first, last) in parts["spans"].items()}
        return counters


_TERMS_OF: Final = {name: tuple(term for term in TERMS if term.counter == name) for name in COUNTERS}
