"""What a state is, whichever way it came there: a digest of all that decides what it will do next.

Two states with the same fingerprint publish the same of the same events from here on. It does not depend on how the log was
batched, when the ledgers were settled, or where products, cells and texts lie in memory: everything is told by its name,
in the order of the names. What was supplied but is not in force yet is left out, for it would be asked for again; so are days
that nothing looks at any more. `snapshot` is the other way to tell a state: whole and quick, but as it lies in memory.

    fingerprint(one) == fingerprint(other)
    Portrait(one).facets()      # the same piece by piece, to say where two states differ
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Ints, summed
from fenxiao_scorer.core.cells import SUB_BITS, SUB_MASK, Cells
from fenxiao_scorer.core.ledger import Ledger
from fenxiao_scorer.core.state import ScorerState
from fenxiao_scorer.core.tables import DIGEST_BYTES, FACTS
from fenxiao_scorer.core.texts import Texts
from fenxiao_scorer.core.windows import COUNTER_BITS, COUNTER_MASK, COUNTERS, TOTALS, first_kept_day

_PLAIN: Final = ("first_day", "open_day", "dispatch_day", "last_event_seq", "tier_seq", "curves_day")
_TOLD_OTHERWISE: Final = {"category", "published_rights", "net_price", "price_weight", "price_stale"}
_OF_MEMORY_ALONE: Final = {"price_head", "price_cells"}
_NUMBERS: Final = tuple(name for name in FACTS.names or () if name not in _TOLD_OTHERWISE | _OF_MEMORY_ALONE)


class Facet(NamedTuple):
    """One thing that is told of products: a value for each key, in rising order of the keys.

    Attributes:
        name: What is told; no two facets of a portrait have the same.
        keys: The product's place among `Portrait.ids`, `<< SUB_BITS |` the number of what else the value is about.
        values: The values.
        about: The names of what else; None where its number is a price.
        words: The names of the values; None where they speak for themselves.
    """

    name: str
    keys: Ints
    values: AnyArray
    about: Sequence[str] | None = ("",)
    words: Sequence[str] | None = None


class Portrait:
    """A state in its canonical form; of no use after the next event. Making it settles the ledgers, which changes nothing.

    Attributes:
        ids: The products, in the order of their ids.
        creators: All creators ever named, in the order of theirs.
    """

    def __init__(self, state: ScorerState) -> None:
        state.settle()
        self._state = state
        self._order, self._ranks, self.ids = _sorted(state.products.ids)
        _, self._creator_ranks, self.creators = _sorted(state.creators)

    def plain(self) -> dict[str, Any]:
        """What is not of products: the calendar, the policy and the curves in force, the spans of the running sums."""
        state = self._state
        curves = None if state.curves is None else msgspec.msgpack.encode(state.curves.dump())
        return {name: getattr(state, name) for name in _PLAIN} | {
            "policy": None if state.policy is None else msgspec.json.encode(state.policy).decode(),
            "curves": None if curves is None else hashlib.sha256(curves).hexdigest(),
            "spans": state.counters.span_days.tolist(),
            "pairs_span": state.pairs.table.span.tolist(),
            "prices_span": state.prices.table.span.tolist(),
        }

    def facets(self) -> Iterator[Facet]:
        """All that is told of products; a facet that would be empty does not come."""
        yield from self._facts()
        yield from self._sums()
        yield from self._amounts(COUNTERS, self._state.counters.ledgers, self._counter_keys)
        for name, cells, about in self._cells():
            keys = self._cell_keys(cells)
            running = cells.table.running[: cells.count].astype(np.int64)
            order = np.argsort(keys)
            order = order[running[order] != 0]
            yield Facet(f"{name} in the window", keys[order], running[order], about)
            yield from self._amounts(about, (cells.ledger,), keys.__getitem__, name)

    def digest(self) -> str:
        """The fingerprint: a SHA-256 in hex."""
        digest = hashlib.sha256()
        for part in (self.plain(), self.ids, self.creators):
            _add(digest, msgspec.json.encode(part))
        for facet in self.facets():
            _add(digest, msgspec.json.encode((facet.name, facet.words)))
            _add(digest, facet.keys.astype("<i8").tobytes())
            _add(
                digest,
                facet.values.tobytes() if facet.values.dtype.kind == "V" else facet.values.astype("<i8").tobytes(),
            )
        return digest.hexdigest()

    def entries(self, facet: Facet) -> dict[tuple[str, str], Any]:
        """A facet by the names of the product and of what else it is about."""
        values = facet.values.tolist()
        if facet.words is not None:
            values = [facet.words[value] for value in values]
        seconds = (facet.keys & SUB_MASK).tolist()
        about = facet.about
        names = [str(number) if about is None else about[number] for number in seconds]
        products = [self.ids[place] for place in (facet.keys >> SUB_BITS).tolist()]
        return dict(zip(zip(products, names, strict=True), values, strict=True))

    def _facts(self) -> Iterator[Facet]:
        state, keys = self._state, np.arange(len(self.ids)) << SUB_BITS
        facts = state.products.facts[self._order]
        for name in _NUMBERS:
            yield Facet(name, keys, facts[name])
        _, ranks, paths = _sorted(state.categories.texts)
        yield Facet("category", keys, ranks[facts["category"]], words=paths)
        grants = [msgspec.json.encode(grant).decode() for grant in state.rights]
        places = np.array([sorted(grants).index(grant) for grant in grants])
        yield Facet("published_rights", keys, places[facts["published_rights"]], words=sorted(grants))
        prices, weights = self._net_prices()
        yield Facet("net_price", keys, prices[self._order])
        yield Facet("price_weight", keys, weights[self._order])
        digests = np.ascontiguousarray(state.products.digests[self._order])
        yield Facet("digest", keys, digests.view(f"V{DIGEST_BYTES}").ravel())

    def _sums(self) -> Iterator[Facet]:
        keys = np.arange(len(self.ids)) << SUB_BITS
        for name in TOTALS:
            yield Facet(f"{name} in the window", keys, self._state.counters.total(name)[self._order])

    def _net_prices(self) -> tuple[Ints, Ints]:
        """Net prices and the quantity behind them, by slot; looked up where that is due, for when it is due is chance."""
        facts = self._state.products.facts[: len(self.ids)]
        prices, weights = facts["net_price"].copy(), facts["price_weight"].copy()
        stale = facts["price_stale"]
        if stale.any():
            found_prices, found_weights = _medians(self._state.prices, len(self.ids))
            prices[stale], weights[stale] = found_prices[stale], found_weights[stale]
        prices[weights <= 0] = 0
        return prices, weights

    def _cells(self) -> tuple[tuple[str, Cells, Sequence[str] | None], ...]:
        return ("pair", self._state.pairs, self.creators), ("paid_at", self._state.prices, None)

    def _cell_keys(self, cells: Cells) -> Ints:
        keys = cells.table.keys[: cells.count]
        seconds = keys & SUB_MASK
        if cells is self._state.pairs:
            seconds = self._creator_ranks[seconds]
        named: Ints = self._ranks[keys >> SUB_BITS] << SUB_BITS | seconds
        return named

    def _counter_keys(self, keys: Ints) -> Ints:
        named: Ints = self._ranks[keys >> COUNTER_BITS] << SUB_BITS | keys & COUNTER_MASK
        return named

    def _amounts(
        self,
        about: Sequence[str] | None,
        ledgers: Sequence[Ledger],
        keys_of: Callable[[Ints], Ints],
        name: str = "counters",
    ) -> Iterator[Facet]:
        open_day = self._state.open_day
        for day in sorted({day for ledger in ledgers for day in ledger.days}):
            runs = [run for ledger in ledgers for run in ledger.runs(day)]
            if not runs or (open_day is not None and day < first_kept_day(open_day)):
                continue
            keys = keys_of(np.concatenate([keys for keys, _ in runs]).astype(np.int64))
            keys, amounts = summed(keys, np.concatenate([amounts for _, amounts in runs]))
            some = amounts != 0
            if some.any():
                yield Facet(f"{name} of day {day}", keys[some], amounts[some], about)


def fingerprint(state: ScorerState) -> str:
    """The digest of a state, in hex; equal states have the same, however they were come by."""
    return Portrait(state).digest()


def _sorted(texts: Texts) -> tuple[Ints, Ints, list[str]]:
    """The numbers of the texts in the order of the texts, the place of each number in it, and the texts."""
    order = texts.order(np.arange(len(texts)))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return order, ranks, texts.names(order)


def _medians(prices: Cells, count: int) -> tuple[Ints, Ints]:
    """The lower weighted median of the prices paid, and the weight, by slot: what `net_price` looks up one by one."""
    found, totals = np.zeros(count, np.int64), np.zeros(count, np.int64)
    keys, weights = prices.table.keys[: prices.count], prices.table.running[: prices.count].astype(np.int64)
    order = np.argsort(keys)
    order = order[weights[order] > 0]
    if len(order):
        keys, weights = keys[order], weights[order]
        slots, firsts = np.unique(keys >> SUB_BITS, return_index=True)
        upto = np.cumsum(weights)
        totals[slots] = np.add.reduceat(weights, firsts)
        halves = upto[firsts] - weights[firsts] + (totals[slots] + 1) // 2
        found[slots] = keys[np.searchsorted(upto, halves)] & SUB_MASK
    return found, totals


def _add(digest: Any, part: bytes) -> None:
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)
