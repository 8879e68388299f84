"""Which days each running sum covers, and the running sums of the products' counters. Section 2 of the norm.

A sum is made of terms, each a counter over a span of days. A day close moves the spans, and what a span loses and gains is
subtracted and added from the ledgers; a policy with other windows is the same move, only longer. `cells` does it for pairs
and prices.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from fenxiao_schemas.policy import WINDOW_DAYS_MAX, Policy
from fenxiao_scorer.core.arrays import Ints, grown, packed, unpacked
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.ledger import Journal, Ledger, note

type Span = tuple[int, int]
"""The first and the last day; empty when the first is the greater."""
EMPTY: Final[Span] = (1, 0)
COUNTER_BITS: Final = 4
COUNTER_MASK: Final = (1 << COUNTER_BITS) - 1


class Term(NamedTuple):
    """A part of the running sum `total`: the counter over the span."""

    counter: str
    total: str
    span: str


TERMS: Final = (
    Term("known", "known", "repeat"),
    Term("repeats", "repeats", "repeat"),
    Term("orders", "done_service", "service_confirmed"),
    Term("orders", "done_evidence", "evidence_confirmed"),
    Term("delivered", "done_service", "service_delivered"),
    Term("delivered", "done_evidence", "evidence_delivered"),
    Term("net_orders", "net_orders", "sales"),
    Term("reviews", "reviews", "service"),
    Term("bad_reviews", "bad_reviews", "service"),
    Term("quality_returns", "quality_returns", "service"),
    Term("explained_refunds", "explained_refunds", "service"),
    Term("due", "due", "dispatch"),
    Term("shipped", "shipped", "dispatch"),
    Term("on_time", "on_time", "dispatch"),
    Term("net_minor", "net_minor", "sales"),
    Term("views", "views", "sales"),
)
"""By counter; those of large amounts, which have a ledger of their own, come last."""
COUNTERS: Final = tuple(dict.fromkeys(term.counter for term in TERMS))
TOTALS: Final = tuple(dict.fromkeys(term.total for term in TERMS))
SPANS: Final = tuple(dict.fromkeys(term.span for term in TERMS))
LARGE: Final = COUNTERS.index("net_minor")
"""Counters from here on are in the ledger of large amounts, so that the others can be kept in single bytes."""

_TERM_TOTAL: Final = np.array([TOTALS.index(term.total) for term in TERMS])
_TERM_SPAN: Final = np.array([SPANS.index(term.span) for term in TERMS])
_FIRST_TERM: Final = np.searchsorted([COUNTERS.index(term.counter) for term in TERMS], np.arange(len(COUNTERS) + 1))


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


class CounterTable(NamedTuple):
    """What compiled code needs to book: running sums by slot and total, the spans by `SPANS`, both journals."""

    totals: Ints
    spans: Ints
    small: Journal
    large: Journal


@compiled
def count(table: CounterTable, counter: int, slot: int, day: int, amount: int) -> None:
    """Book an amount of a counter on its day."""
    note(table.large if counter >= LARGE else table.small, slot << COUNTER_BITS | counter, day, amount)
    for term in range(_FIRST_TERM[counter], _FIRST_TERM[counter + 1]):
        span = _TERM_SPAN[term]
        if table.spans[span, 0] <= day <= table.spans[span, 1]:
            table.totals[slot, _TERM_TOTAL[term]] += amount


@compiled
def _shift(totals: Ints, keys: Ints, amounts: Ints, signs: Ints) -> None:
    """Add a day's amounts to the sums that gain the day (sign 1), take them from those that lose it (-1)."""
    for at in range(len(keys)):
        slot, counter = keys[at] >> COUNTER_BITS, keys[at] & COUNTER_MASK
        for term in range(_FIRST_TERM[counter], _FIRST_TERM[counter + 1]):
            totals[slot, _TERM_TOTAL[term]] += signs[term] * amounts[at]


class Counters:
    """The products' counters: their ledgers, and the running sums over the spans now in force."""

    __slots__ = ("_spans", "ledgers", "span_days", "totals")

    def __init__(self) -> None:
        self.ledgers = (Ledger(), Ledger())
        self.totals: Ints = np.zeros((0, len(TOTALS)), np.int64)
        self.span_days = np.tile(np.array(EMPTY, np.int64), (len(SPANS), 1))
        self._spans: dict[str, Span] = {}

    def reserve(self, products: int, amounts: int) -> None:
        """Make room for so many products in all, and so many more amounts in each journal."""
        self.totals = grown(self.totals, products, 0)
        for ledger in self.ledgers:
            ledger.reserve(amounts)

    @property
    def table(self) -> CounterTable:
        """As compiled code takes it; of no use after the next `reserve`."""
        return CounterTable(self.totals, self.span_days, *(ledger.journal for ledger in self.ledgers))

    def total(self, name: str) -> Ints:
        """A running sum by slot."""
        column: Ints = self.totals[:, TOTALS.index(name)]
        return column

    def settle(self) -> None:
        """Sort all journals in, before the spans move."""
        for ledger in self.ledgers:
            ledger.settle()

    def move(self, new: dict[str, Span]) -> None:
        """Let the spans be `new`; the journals must be settled."""
        signs: dict[int, Ints] = {}
        for place, (_, _, span) in enumerate(TERMS):
            for day, sign in moved(self._spans.get(span, EMPTY), new[span]):
                signs.setdefault(day, np.zeros(len(TERMS), np.int64))[place] = sign
        for day in sorted(signs):
            for ledger in self.ledgers:
                for keys, amounts in ledger.runs(day):
                    _shift(self.totals, keys.astype(np.int64), amounts.astype(np.int64), signs[day])
        self._spans = new
        self.span_days[:] = [new[span] for span in SPANS]

    def drop_before(self, day: int) -> None:
        """Forget the days before `day`."""
        for ledger in self.ledgers:
            ledger.drop_before(day)

    def dump(self, count: int) -> dict[str, Any]:
        """For a snapshot."""
        return {
            "ledgers": [ledger.dump() for ledger in self.ledgers],
            "totals": packed(self.totals[:count].copy().ravel()),
            "spans": {name: list(span) for name, span in self._spans.items()},
        }

    @classmethod
    def load(cls, parts: dict[str, Any]) -> "Counters":
        """From a snapshot."""
        counters = cls()
        small, large = parts["ledgers"]
        counters.ledgers = (Ledger.load(small), Ledger.load(large))
        counters.totals = unpacked(parts["totals"]).reshape(-1, len(TOTALS))
        counters._spans = {name: (first, last) for name, (first, last) in parts["spans"].items()}
        if counters._spans:
            counters.span_days[:] = [counters._spans[span] for span in SPANS]
        return counters
