"""The events of a made market by the million, as the catalog would have written them: its vocabulary, hardly its stories.

For what the catalog would take an hour to write. All products open on the first day; then some sell far more than others
(Zipf's law), and what became of each sale follows in the days after it. Columns are drawn by the day, and bodies are
filled into what `encode` made of one sample of each kind. `prefill` puts them into Kafka; the same size and seed give the
same bytes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fenxiao_schemas import events as e
from fenxiao_schemas.codec import encode
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.policy import Policy
from fenxiao_tools.ingest.items import DAY_MS, MINUTE_MS
from fenxiao_tools.ingest.synthetic.world import (
    CATEGORIES,
    CURRENCY,
    DEMAND_EXPONENT,
    FIRST_DAY,
    PRODUCTS_PER_MERCHANT,
    UTC_OFFSET_MINUTES,
)

type Ints = npt.NDArray[np.int64]
type Columns = Mapping[str, Ints]

BARRIER_EVENTS: Final = 4_999
"""Between two barriers, so that one comes at least every 5,000 records."""
SETUP_EVENTS: Final = 3
"""Of a product: registered, listed, with a plan."""
CONTROL_KEY: Final = b"calendar"
NOON_MS: Final = DAY_MS // 2
PROMISE_DAYS: Final = 2
VIEWS: Final = 0.12
"""The share of view counts among the events of trade."""
LATE: Final = 0.01
"""The share of sales told a day late."""
FOLLOWING: Final = {
    "shipped": (0.97, 1, 2),
    "delivered": (0.94, 2, 4),
    "reviewed": (0.35, 3, 5),
    "refunded": (0.018, 1, 5),
}
"""What follows a sale: how often, and after how many days at least and at most."""

# A number stands in each sample for what differs from event to event, and for how that is written.
_HOLES: Final = {
    name: (b"%d" % (987_650_001 + place), form)
    for place, (name, form) in enumerate(
        {
            "seq": b"%d",
            "product": b"%07d",
            "merchant": b"%05d",
            "creator": b"%05d",
            "line": b"%09d",
            "category": b"%b",
            "price": b"%d",
            "rate": b"%d",
            "at_ms": b"%d",
            "order_day": b"%d",
            "due_day": b"%d",
            "views": b"%d",
            "stars": b"%d",
        }.items()
    )
}


def _hole(name: str) -> int:
    return int(_HOLES[name][0])


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of event: what is the same in all of them, and the columns that go into it, in their order."""

    body: bytes
    columns: tuple[str, ...]

    def fill(self, columns: Columns) -> list[bytes]:
        """A body for each row."""
        rows = zip(*(_cells(name, columns[name]) for name in self.columns), strict=True)
        return [self.body % row for row in rows]


def _cells(name: str, column: Ints) -> list[Any]:
    return [_CATEGORY_NAMES[place] for place in column.tolist()] if name == "category" else column.tolist()


def _form(sample: e.Event) -> Form:
    names: list[str] = []
    known = {number: (name, form) for name, (number, form) in _HOLES.items()}

    def written(found: re.Match[bytes]) -> bytes:
        name, form = known[found[0]]
        names.append(name)
        return form

    pattern = b"|".join(known)
    return Form(re.sub(pattern, written, encode(sample).replace(b"%", b"%%")), tuple(names))


_CATEGORY_NAMES: Final = [name.encode() for name, _ in CATEGORIES]
_PRODUCT, _LINE, _SEQ = f"p{_hole('product')}", f"o{_hole('line')}-1", _hole("seq")
_OF_PRODUCT: Final[dict[str, Any]] = {"seq": _SEQ, "product_id": _PRODUCT}
_OF_LINE: Final[dict[str, Any]] = {**_OF_PRODUCT, "order_line_id": _LINE, "order_day": _hole("order_day")}
_CREATOR: Final = f"k{_hole('creator')}"


def _sale(creator_id: str | None, *, repeat: bool | None) -> Form:
    return _form(
        e.SaleRecorded(
            **_OF_LINE,
            order_id=f"o{_hole('line')}",
            at_ms=_hole("at_ms"),
            due_day=_hole("due_day"),
            quantity=1,
            paid_minor=_hole("price"),
            unit_price_minor=_hole("price"),
            creator_id=creator_id,
            repeat=repeat,
        )
    )


def _shipment(*, on_time: bool) -> Form:
    return _form(e.ShipmentRecorded(**_OF_LINE, due_day=_hole("due_day"), on_time=on_time))


FORMS: Final[dict[str, Form]] = {
    "registered": _form(
        e.ProductRegistered(
            **_OF_PRODUCT,
            merchant_id=f"m{_hole('merchant')}",
            category=str(_hole("category")),
            title=f"商品{_hole('product')}",
            price_minor=_hole("price"),
            authority=2,
        )
    ),
    "listed": _form(e.ListingChanged(**_OF_PRODUCT, listed=True, held=False)),
    "planned": _form(
        e.PlanChanged(
            **_OF_PRODUCT,
            plan_id=f"{_PRODUCT}-open",
            kind="open",
            commission_bps=_hole("rate"),
            open_commission_bps=_hole("rate"),
        )
    ),
    "sold": _sale(_CREATOR, repeat=False),
    "sold again": _sale(_CREATOR, repeat=True),
    "sold by nobody": _sale(None, repeat=False),
    "shipped": _shipment(on_time=True),
    "shipped late": _shipment(on_time=False),
    "delivered": _form(e.DeliveryRecorded(**_OF_LINE)),
    "reviewed": _form(e.ReviewRecorded(**_OF_LINE, stars=_hole("stars"), creator_id=_CREATOR)),
    "refunded": _form(
        e.RefundRecorded(
            **_OF_LINE,
            refund_id=f"o{_hole('line')}-f",
            due_day=_hole("due_day"),
            quantity=1,
            amount_minor=_hole("price"),
            unit_price_minor=_hole("price"),
            fault="none",
            creator_id=_CREATOR,
            closes_line=True,
        )
    ),
    "viewed": _form(e.ViewsRecorded(**_OF_PRODUCT, day=_hole("order_day"), views=_hole("views"))),
}
_NUMBERS: Final = {name: number for number, name in enumerate(FORMS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSize:
    """How much.

    Attributes:
        events: About so many, opening and trade; barriers and the calendar come on top.
        days: With trade; the last one stays open.
    """

    products: int
    events: int
    days: int
    partitions: int = 4
    seed: int = 1

    @property
    def sales_per_day(self) -> float:
        """So many that all sales with what follows them, and the views, come to the wanted number of events."""
        trade = max(0, self.events - SETUP_EVENTS * self.products) * (1 - VIEWS)
        return trade / sum(1 + _following(left) for left in range(self.days))


def _following(days: int) -> float:
    """How many events follow a sale within so many days, on average."""
    return sum(
        share * sum(lag <= days for lag in range(first, last + 1)) / (last - first + 1)
        for share, first, last in FOLLOWING.values()
    )


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one partition that follow one another, the last of them a control record."""

    partition: int
    keys: list[bytes]
    bodies: list[bytes]


class ZipfLog:
    """The log's writer: it knows the next `seq` of each partition.

    Attributes:
        seqs: The last ones.
        day: The open one.
    """

    def __init__(self, size: LogSize, policy: Policy) -> None:
        self.size, self.seqs, self.day = size, [0] * size.partitions, FIRST_DAY
        self._policy, self._rng = policy, np.random.default_rng(size.seed)
        self._ids = [b"p%07d" % number for number in range(size.products)]
        self._homes = np.array([partition_of(name, size.partitions) for name in self._ids], np.int8)
        demand = np.cumsum(np.arange(1, size.products + 1, dtype=np.float64) ** -DEMAND_EXPONENT)
        self._demand = demand / demand[-1]
        self._lines = 0
        self._later: dict[int, list[dict[str, Ints]]] = {}

    @property
    def records(self) -> int:
        """How many there are so far, in all partitions."""
        return sum(self.seqs)

    def opening(self) -> Iterator[Chunk]:
        """The calendar, and all products."""
        for partition in range(self.size.partitions):
            yield Chunk(partition, [CONTROL_KEY], [self._calendar(partition)])
        products = np.arange(self.size.products)
        columns = {
            "kind": np.tile(np.array([_NUMBERS["registered"], _NUMBERS["listed"], _NUMBERS["planned"]]), len(products)),
            "product": np.repeat(products, SETUP_EVENTS),
        }
        yield from self._chunks(columns)

    def trade(self) -> Iterator[Chunk]:
        """The open day's trade."""
        parts = [*self._later.pop(self.day, ()), self._sales(), self._views()]
        names = set().union(*parts)
        joined = {
            name: np.concatenate([part.get(name, np.zeros(len(part["kind"]), np.int64)) for part in parts])
            for name in names
        }
        order = self._rng.permutation(len(joined["kind"]))
        yield from self._chunks({name: column[order] for name, column in joined.items()})

    def close(self) -> Iterator[Chunk]:
        """The open day's end in all partitions."""
        for partition in range(self.size.partitions):
            seq, version = self._next(partition), self._policy.version
            closed = e.DayClosed(
                seq=seq,
                day=self.day,
                next_policy_version=version,
                next_algorithm_version=self._policy.algorithm_version,
            )
            yield Chunk(partition, [CONTROL_KEY], [encode(closed)])
        self.day += 1

    def whole(self) -> Iterator[Chunk]:
        """All of it."""
        yield from self.opening()
        for number in range(self.size.days):
            if number:
                yield from self.close()
            yield from self.trade()

    def holds(self) -> Iterator[Chunk]:
        """In each partition that has a product, one is held: that always makes a tier message. Call it once."""
        for partition in range(self.size.partitions):
            homes = np.flatnonzero(self._homes == partition)
            if not len(homes):
                continue
            name = self._ids[int(homes[0])]
            held = e.ListingChanged(seq=self._next(partition), product_id=name.decode(), listed=True, held=True)
            yield Chunk(partition, [name, CONTROL_KEY], [encode(held), self._barrier(partition)])

    def _sales(self) -> dict[str, Ints]:
        """Sales of the open day; what follows them is put down for later."""
        rng = self._rng
        count = int(self.size.sales_per_day)
        products = np.searchsorted(self._demand, rng.random(count))
        draw = rng.random(count)
        kinds = np.full(count, _NUMBERS["sold"])
        kinds[draw < 0.22] = _NUMBERS["sold by nobody"]
        kinds[draw > 0.85] = _NUMBERS["sold again"]
        late = (rng.random(count) < LATE) & (self.day > FIRST_DAY)
        sales = {
            "kind": kinds,
            "product": products,
            "line": np.arange(self._lines, self._lines + count),
            "order_day": self.day - late.astype(np.int64),
            # A product's creators are few, and the first of them sells most.
            "creator": (products * 7 + (rng.random(count) ** 2 * 12).astype(np.int64))
            % max(1, self.size.products // 3),
        }
        self._lines += count
        for name, (share, first, last) in FOLLOWING.items():
            self._follow(name, sales, rng.random(count) < share, rng.integers(first, last, count, endpoint=True))
        return sales

    def _follow(self, name: str, sales: dict[str, Ints], chosen: npt.NDArray[np.bool_], lags: Ints) -> None:
        for lag in np.unique(lags).tolist():
            places = np.flatnonzero(chosen & (lags == lag))
            part = {column: sales[column][places] for column in ("product", "line", "order_day", "creator")}
            kinds = np.full(len(places), _NUMBERS[name])
            if name == "shipped":
                kinds[self.day + lag > part["order_day"] + PROMISE_DAYS] = _NUMBERS["shipped late"]
            if name == "reviewed":
                part["stars"] = 5 - (self._rng.random(len(places)) ** 3 * 5).astype(np.int64)
            self._later.setdefault(self.day + lag, []).append({"kind": kinds, **part})

    def _views(self) -> dict[str, Ints]:
        """At most one count a product and day."""
        trade = max(0, self.size.events - SETUP_EVENTS * self.size.products)
        count = min(self.size.products, int(trade * VIEWS / self.size.days))
        products = self._rng.choice(self.size.products, count, replace=False) if count else np.zeros(0, np.int64)
        days = np.full(count, self.day)
        views = self._rng.integers(20, 400, count)
        return {"kind": np.full(count, _NUMBERS["viewed"]), "product": products, "order_day": days, "views": views}

    def _chunks(self, columns: dict[str, Ints]) -> Iterator[Chunk]:
        """Split by partition, a barrier after so many events of each."""
        homes = self._homes[columns["product"]]
        places = [np.flatnonzero(homes == partition) for partition in range(self.size.partitions)]
        for first in range(0, max(map(len, places)), BARRIER_EVENTS):
            for partition, own in enumerate(places):
                part = own[first : first + BARRIER_EVENTS]
                if len(part):
                    yield self._chunk(partition, {name: column[part] for name, column in columns.items()})

    def _chunk(self, partition: int, columns: dict[str, Ints]) -> Chunk:
        products, kinds = columns["product"], columns["kind"]
        first = self.seqs[partition] + 1
        self.seqs[partition] += len(kinds)
        days = columns.get("order_day", np.zeros(len(kinds), np.int64))
        filled = {
            "seq": np.arange(first, first + len(kinds)),
            "merchant": products // PRODUCTS_PER_MERCHANT,
            "category": products * 7 % len(CATEGORIES),
            "price": 1_900 + products * 37 % 300 * 100,
            "rate": 500 + products * 13 % 50 * 50,
            "due_day": days + PROMISE_DAYS,
            "at_ms": days * DAY_MS - UTC_OFFSET_MINUTES * MINUTE_MS + NOON_MS,
            **columns,
        }
        bodies: npt.NDArray[np.object_] = np.empty(len(kinds), object)
        for number, form in enumerate(FORMS.values()):
            rows = np.flatnonzero(kinds == number)
            if len(rows):
                bodies[rows] = form.fill({name: filled[name][rows] for name in form.columns})
        keys = [self._ids[number] for number in products.tolist()]
        return Chunk(partition, [*keys, CONTROL_KEY], [*bodies.tolist(), self._barrier(partition)])

    def _next(self, partition: int) -> int:
        self.seqs[partition] += 1
        return self.seqs[partition]

    def _barrier(self, partition: int) -> bytes:
        return encode(e.Barrier(seq=self._next(partition)))

    def _calendar(self, partition: int) -> bytes:
        return encode(
            e.CalendarStarted(
                seq=self._next(partition),
                first_day=FIRST_DAY,
                policy_version=self._policy.version,
                algorithm_version=self._policy.algorithm_version,
                utc_offset_minutes=UTC_OFFSET_MINUTES,
                currency=CURRENCY,
                partitions=self.size.partitions,
            )
        )
