"""What is known of some products at a moment, and the values of their indicators (sections 2 and 3), from raw facts.

`assessment` makes points of them, `curves` histograms.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fenxiao_oracle.arrays import Flags, Ints, sum_pieces
from fenxiao_oracle.curves import Curves, Post, Table
from fenxiao_oracle.formulas import (
    RATIO_MAX,
    RATIO_MIN,
    UNIT,
    cap_of_violation,
    lower_weighted_median,
    shrunk,
)
from fenxiao_oracle.kinds import COUNT, KINDS, UNITS
from fenxiao_oracle.log import COUNTERS, Log
from fenxiao_schemas.policy import WINDOW_DAYS_MAX, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When: the head day, the dispatch day, and the `seq` of the control record, before which all counts."""

    head_day: int
    dispatch_day: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """A row a product, columns by the number of the indicator.

    Attributes:
        value: Of the indicator; arbitrary where `has` is false.
        curve: The number of the path whose curve it is read from; -1: none.
        num: Of the rates that shrink. `den` goes with it.
        delivered: `done[evidence_days]`.
        cap: The violation cap.
    """

    path: Ints
    listed: Flags
    held: Flags
    cap: Ints
    delivered: Ints
    net_price: Ints
    value: Table
    has: dict[int, Flags]
    evidence: Table
    curve: Table
    num: Table
    den: Table
    observed: Table

    @property
    def admitted(self) -> Flags:
        """Listed and not held."""
        return self.listed & ~self.held

    def post(self) -> Post:
        """What the admitted products add to the histograms of the day that closes."""
        here = self.admitted
        counts = {n: self.has[n] & ((self.value[n] > 0) if kind is COUNT else True) for n, kind in KINDS.items()}
        return Post(
            path=self.path[here],
            net_price=self.net_price[here],
            values={n: self.value[n][here] for n in KINDS},
            counts={n: counts[n][here] for n in KINDS},
            num={n: self.num[n][here] for n in UNITS},
            den={n: self.den[n][here] for n in UNITS},
            observed={n: self.observed[n][here] for n in KINDS},
        )


class _Window:
    """Sums over windows that end at one moment, for some products."""

    def __init__(self, log: Log, products: Ints, moment: Moment) -> None:
        self._log, self._products, self._moment = log, products, moment

    def sums(self, table: str, days: int, last: int | None = None) -> dict[str, Ints]:
        """Each counter of a table over the window of `days` that ends at the head day, or on `last`."""
        end = self._moment.head_day if last is None else last
        kept = self._moment.head_day - WINDOW_DAYS_MAX + 1
        return self._between(table, max(end - days + 1, kept), end)

    def done(self, days: int, auto_confirm_days: int) -> Ints:
        """Delivered orders over the window of `days`."""

        def between(counter: str, first: int, last: int) -> Ints:
            return self._between(counter, first, last)[counter]

        return done_orders(between, self._moment.head_day, days, auto_confirm_days)

    def promoters(self, days: int) -> Ints:
        """How many creators each product has a net order of."""
        head = self._moment.head_day
        sums = self._log.pairs.sums(self._products, head - days + 1, head, self._moment.seq)
        return sum_pieces((sums > 0).astype(np.int64), self._log.pairs.cells(self._products)[1])

    def net_price(self, days: int) -> tuple[Ints, Ints]:
        """The lower median of the unit prices paid, by net quantity, and that quantity; 0 and 0 without any."""
        head = self._moment.head_day
        quantities = self._log.paid.sums(self._products, head - days + 1, head, self._moment.seq)
        cells, bounds = self._log.paid.cells(self._products)
        return lower_weighted_median(self._log.prices[cells], quantities, bounds)

    def _between(self, table: str, first: int, last: int) -> dict[str, Ints]:
        names = COUNTERS[table]
        sums = self._log.counters[table].sums(self._products, first, last, self._moment.seq)
        return dict(zip(names, sums.reshape(-1, len(names)).T, strict=True))


def done_orders(between: Callable[[str, int, int], Ints], head_day: int, days: int, auto_confirm_days: int) -> Ints:
    """Delivered orders: by their event, or by themselves some days after the order.

    Args:
        between: Sums `orders` or `delivered` from one day to another; an empty span is 0.
        head_day: The last day of the window.
        days: Its length.
        auto_confirm_days: After so many days an order counts as delivered; 0: never.
    """
    first = head_day - days + 1
    confirmed = head_day - auto_confirm_days if auto_confirm_days > 0 else first - 1
    orders = between("orders", first, min(confirmed, head_day))
    return orders + between("delivered", max(first, confirmed + 1), head_day)


def measure(log: Log, products: Ints, moment: Moment, policy: Policy, curves: Curves) -> Measures:
    """All values of some products of a partition at a moment, by the policy and the curves in force."""
    window, days = _Window(log, products, moment), policy.windows
    last = {name: history.last(products, moment.seq) for name, history in log.history.items()}
    path, asked, open_rate = last["category"][0], last["price"][0], last["plan"][0]
    repeat = window.sums("repeat", days.repeat_days)
    service = window.sums("service", days.service_days)
    dispatch = window.sums("dispatch", days.dispatch_days, moment.dispatch_day)
    sales = window.sums("sales", days.sales_days)
    done = window.done(days.service_days, policy.delivery.auto_confirm_days)
    delivered = window.done(days.evidence_days, policy.delivery.auto_confirm_days)
    paid_price, paid_quantity = window.net_price(days.sales_days)
    net_price = np.where(paid_quantity > 0, paid_price, asked)
    curve = {n: curves.chosen(n, policy)[path] for n in KINDS}

    one = np.ones_like(path)
    always = np.ones(len(path), dtype=np.bool_)
    num = {
        2: repeat["repeats"],
        7: np.minimum(service["bad_reviews"], done),
        8: np.minimum(service["quality_returns"], done),
        9: np.minimum(dispatch["on_time"], dispatch["due"]),
        11: np.minimum(sales["net_orders"], sales["views"]),
    }
    den = {2: repeat["known"], 7: done, 8: done, 9: dispatch["due"], 11: sales["views"]}
    has_median = curves.price_peers[path] >= policy.curves.peers_floor
    ratio = (UNIT * curves.price_median[path]) // np.maximum(net_price, 1)
    value = {
        1: _authority(moment.head_day, *last["authority"]),
        3: np.clip(ratio, RATIO_MIN, RATIO_MAX),
        4: np.minimum(UNIT, (UNIT * net_price) // asked),
        5: window.promoters(days.sales_days),
        6: np.maximum(open_rate, 0),
        10: np.maximum(sales["net_minor"], 0),
    } | {n: _rate(n, num[n], den[n], policy, curves, curve[n]) for n in UNITS}
    has = {1: always, 3: has_median, 4: paid_quantity > 0, 5: always, 6: always, 10: always}
    evidence = {
        1: one,
        3: has_median.astype(np.int64),
        4: paid_quantity,
        5: value[5],
        6: (open_rate >= 0).astype(np.int64),
        10: np.maximum(sales["net_orders"], 0),
    }
    observed = {7: service["reviews"], 8: service["explained_refunds"], 9: dispatch["shipped"]}
    listing, violations = last["listing"], last["violations"]
    return Measures(
        path=path,
        listed=listing[0] > 0,
        held=listing[1] > 0,
        cap=_cap(moment.head_day, violations[0], violations[1], policy),
        delivered=delivered,
        net_price=net_price,
        value=value,
        has=has | {n: den[n] > 0 for n in UNITS},
        evidence=evidence | {n: np.maximum(den[n], 0) for n in UNITS},
        curve=curve,
        num=num,
        den=den,
        observed={n: observed.get(n, one) for n in KINDS},
    )


def _authority(head_day: int, authority: Ints, until_day: Ints, fallback: Ints) -> Ints:
    return np.where((until_day < 0) | (until_day >= head_day), authority, fallback)


def _rate(number: int, num: Ints, den: Ints, policy: Policy, curves: Curves, curve: Ints) -> Ints:
    """A shrunk rate: the mean is that of the curve which the indicator is read from."""
    unit, histograms = UNITS[number], curves.histograms[number]
    sum_num, sum_den = histograms.sum_num[curve], histograms.sum_den[curve]
    has_mean = (curve >= 0) & (sum_den > 0)
    mean = (unit * sum_num) // np.maximum(sum_den, 1)
    return shrunk(num, den, unit, _prior(number, policy), mean, has_mean)


def _prior(number: int, policy: Policy) -> int:
    priors = policy.priors
    return {
        2: priors.repeat_purchase_rate,
        7: priors.negative_review_rate,
        8: priors.quality_return_rate,
        9: priors.on_time_dispatch_rate,
        11: priors.conversion,
    }[number]


def _cap(head_day: int, minor_day: Ints, serious_day: Ints, policy: Policy) -> Ints:
    minor, serious = policy.violations.minor, policy.violations.serious
    return np.minimum(
        cap_of_violation(head_day, minor_day, minor.days, minor.tier_max),
        cap_of_violation(head_day, serious_day, serious.days, serious.tier_max),
    )
