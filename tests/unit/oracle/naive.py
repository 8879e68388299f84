"""The norm once more, as slowly and literally as it reads: Python numbers, one product and one formula at a time.

`fractions` stands for the divisions, so that no rounding is shared with the oracle's arrays. It also makes the vectors.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor, isqrt
from typing import Any

from fenxiao_schemas import events as ev
from fenxiao_schemas.codec import encode
from fenxiao_schemas.policy import FORCE_INDICATORS, Policy
from fenxiao_schemas.tiers import INDICATORS, Forces, Gap, Indicator, Rights, Tier

KIND = dict(
    zip(range(2, 12), ["rate", "ratio", "rate", "count", "count", "low", "low", "rate", "count", "count"], strict=True)
)
UNIT = {2: 10_000, 7: 10_000, 8: 10_000, 9: 10_000, 11: 1_000_000}


# Formulas


def log_linear(v: int, s: int) -> tuple[int, int, int]:
    """Bin, lower edge, width: the value's octave is cut into `2**s` equal parts."""
    v = min(v, 2**47 - 1)
    if v < 2**s:
        return v, v, 1
    k = v.bit_length() - 1
    width = 2 ** (k - s)
    return (k - s) * 2**s + v // width, v // width * width, width


def bins(kind: str, v: int) -> tuple[int, int, int]:
    if kind in ("rate", "low"):
        return v // 25, v // 25 * 25, 25
    if kind == "ratio":
        return (v - 5000) // 50, 5000 + (v - 5000) // 50 * 50, 50
    return log_linear(v, 6 if kind == "price" else 4)


def shrunk(num: int, den: int, unit: int, prior: int, mean: int | None) -> int:
    rate = Fraction(unit * num, den) if mean is None else Fraction(unit * num + prior * mean, den + prior)
    return max(0, min(unit, floor(rate)))


def lower_weighted_median(quantities: Mapping[int, int]) -> int | None:
    """The middle one of all pieces in the order of their prices; of two middle ones the lower."""
    pieces = [price for price in sorted(quantities) for _ in range(quantities[price])]
    return pieces[(len(pieces) - 1) // 2] if pieces else None


def histogram_median(kind: str, values: Sequence[int]) -> int:
    """By counting values, not bins."""
    middle = bins(kind, sorted(values)[(len(values) - 1) // 2])
    below = sum(bins(kind, v)[0] < middle[0] for v in values)
    held = sum(bins(kind, v)[0] == middle[0] for v in values)
    return middle[1] + floor(Fraction(middle[2] * ((len(values) - 1) // 2 - below), held))


def points(kind: str, v: int, peers: Sequence[int]) -> int:
    if kind == "count" and v == 0:
        return 0
    rank = bins(kind, v)[0]
    ranks = [bins(kind, peer)[0] for peer in peers]
    no_better = sum(other >= rank if kind == "low" else other <= rank for other in ranks)
    return floor(Fraction(10000 * no_better, len(peers)))


def wilson_upper(k: int, n: int, z: int) -> int:
    if n <= 0:
        return 10000
    s = max(0, n.bit_length() - 20)
    n, k = n >> s, min(n >> s, k >> s)
    root = isqrt(z * z + floor(Fraction(4000000 * k * (n - k), n)))
    return min(10000, ceil(Fraction(10000 * (2000000 * k + z * z + z * root), 2000000 * n + 2 * z * z)))


def violation_cap(day: int, minor_day: int | None, serious_day: int | None, policy: Policy) -> int:
    rules = policy.violations
    caps = [5]
    if minor_day is not None and day < minor_day + rules.minor.days:
        caps.append(rules.minor.tier_max)
    if serious_day is not None and day < serious_day + rules.serious.days:
        caps.append(rules.serious.tier_max)
    return min(caps)


def at_barrier(state: dict[str, int], earned: int, cap: int, admitted: bool) -> None:
    state["tier"] = max(min(state["tier"], cap), earned) if admitted else 0


def at_close(state: dict[str, int], earned: int, cap: int, admitted: bool, down: int) -> None:
    if not admitted:
        state.update(tier=0, closed=0, below=0, best=0)
        return
    kept = min(state["closed"], cap)
    if earned >= kept:
        state.update(tier=earned, below=0, best=0)
    else:
        state.update(tier=kept, below=state["below"] + 1, best=max(state["best"], earned))
        if state["below"] >= down:
            state.update(tier=min(state["best"], kept), below=0, best=0)
    state["closed"] = state["tier"]


def ancestors(path: str) -> list[str]:
    parts = path.split("/") if path else []
    return ["/".join(parts[:n]) for n in range(len(parts), -1, -1)]


# Facts


class Facts:
    """What the events of one product so far say."""

    def __init__(self, events: Iterable[Any]) -> None:
        self.sums: dict[str, Counter[int]] = defaultdict(Counter)
        self.pairs: Counter[tuple[int, str]] = Counter()
        self.paid: Counter[tuple[int, int]] = Counter()
        self.listed = self.held = False
        self.minor_day = self.serious_day = self.open_rate = None
        for event in events:
            getattr(self, type(event).__name__, lambda _: None)(event)

    def ProductRegistered(self, e: Any) -> None:  # noqa: N802
        self.category = e.category
        self.PriceChanged(e)
        self.AuthorityChanged(e)

    def PriceChanged(self, e: Any) -> None:  # noqa: N802
        self.price = e.price_minor

    def AuthorityChanged(self, e: Any) -> None:  # noqa: N802
        self.authority = e.authority, e.authority_until_day, e.authority_fallback

    def ListingChanged(self, e: Any) -> None:  # noqa: N802
        self.listed, self.held = e.listed, e.held

    def ViolationRecorded(self, e: Any) -> None:  # noqa: N802
        self.minor_day, self.serious_day = e.minor_day, e.serious_day

    def PlanChanged(self, e: Any) -> None:  # noqa: N802
        self.open_rate = e.open_commission_bps

    def ViewsRecorded(self, e: Any) -> None:  # noqa: N802
        self.sums["views"][e.day] += e.views - e.previous_views

    def SaleRecorded(self, e: Any) -> None:  # noqa: N802
        self.sums["known"][e.order_day] += e.repeat is not None
        self.sums["repeats"][e.order_day] += e.repeat is True
        self.sums["orders"][e.order_day] += 1
        self.sums["net_orders"][e.order_day] += 1
        self.sums["due"][e.due_day] += 1
        self.paid[e.order_day, e.unit_price_minor] += e.quantity
        if e.creator_id is not None:
            self.sums["net_minor"][e.order_day] += e.paid_minor
            self.pairs[e.order_day, e.creator_id] += 1

    def RefundRecorded(self, e: Any) -> None:  # noqa: N802
        self.sums["orders"][e.order_day] -= e.cancels_line
        self.sums["net_orders"][e.order_day] -= e.closes_line
        self.sums["due"][e.due_day] -= e.unships_line
        self.sums["quality_returns"][e.order_day] += e.quality_return
        self.sums["explained_refunds"][e.order_day] += e.fault != "unknown"
        self.paid[e.order_day, e.unit_price_minor] -= e.quantity
        if e.creator_id is not None:
            self.sums["net_minor"][e.order_day] -= e.amount_minor
            self.pairs[e.order_day, e.creator_id] -= e.closes_line

    def SaleCorrected(self, e: Any) -> None:  # noqa: N802
        self.paid[e.order_day, e.old_unit_price_minor] -= e.old_net_quantity
        self.paid[e.order_day, e.unit_price_minor] += e.net_quantity
        if e.old_creator_id is not None:
            self.sums["net_minor"][e.order_day] -= e.old_net_minor
            self.pairs[e.order_day, e.old_creator_id] -= e.old_net_quantity > 0
        if e.creator_id is not None:
            self.sums["net_minor"][e.order_day] += e.net_minor
            self.pairs[e.order_day, e.creator_id] += e.net_quantity > 0

    def ShipmentRecorded(self, e: Any) -> None:  # noqa: N802
        self.sums["shipped"][e.due_day] += 1
        self.sums["on_time"][e.due_day] += e.on_time

    def DeliveryRecorded(self, e: Any) -> None:  # noqa: N802
        self.sums["delivered"][e.order_day] += 1

    def ReviewRecorded(self, e: Any) -> None:  # noqa: N802
        self.sums["reviews"][e.order_day] += 1
        self.sums["bad_reviews"][e.order_day] += e.stars <= 2

    def sum(self, counter: str, end: int, window: int) -> int:
        return sum(self.sums[counter][day] for day in range(end - window + 1, end + 1))

    def done(self, head: int, window: int, auto: int) -> int:
        total = 0
        for day in range(head - window + 1, head + 1):
            confirmed = auto > 0 and day <= head - auto
            total += self.sums["orders" if confirmed else "delivered"][day]
        return total

    def promoters(self, head: int, window: int) -> int:
        sums: Counter[str] = Counter()
        for (day, creator), amount in self.pairs.items():
            if head - window < day <= head:
                sums[creator] += amount
        return sum(amount > 0 for amount in sums.values())

    def quantities(self, head: int, window: int) -> dict[int, int]:
        sums: Counter[int] = Counter()
        for (day, price), amount in self.paid.items():
            if head - window < day <= head:
                sums[price] += amount
        return {price: quantity for price, quantity in sums.items() if quantity > 0}


# Values and curves


class Seen:
    """One product at one moment."""

    def __init__(self, facts: Facts, head: int, dispatch: int, policy: Policy, curves: "list[Seen]") -> None:
        self.facts, self.policy, self.curves = facts, policy, curves
        days, auto = policy.windows, policy.delivery.auto_confirm_days
        self.admitted = facts.listed and not facts.held
        self.delivered = facts.done(head, days.evidence_days, auto)
        done = facts.done(head, days.service_days, auto)
        quantities = facts.quantities(head, days.sales_days)
        paid = lower_weighted_median(quantities)
        self.net_price = facts.price if paid is None else paid
        dispatch_days = dispatch - max(dispatch - days.dispatch_days, head - 120)
        due = facts.sum("due", dispatch, dispatch_days)
        views = facts.sum("views", head, days.sales_days)
        net_orders = facts.sum("net_orders", head, days.sales_days)
        self.num = {
            2: facts.sum("repeats", head, days.repeat_days),
            7: min(facts.sum("bad_reviews", head, days.service_days), done),
            8: min(facts.sum("quality_returns", head, days.service_days), done),
            9: min(facts.sum("on_time", dispatch, dispatch_days), due),
            11: min(net_orders, views),
        }
        self.den = {2: facts.sum("known", head, days.repeat_days), 7: done, 8: done, 9: due, 11: views}
        self.observed = {
            7: facts.sum("reviews", head, days.service_days),
            8: facts.sum("explained_refunds", head, days.service_days),
            9: facts.sum("shipped", dispatch, dispatch_days),
        }
        level, until, fallback = facts.authority
        own = [peer.net_price for peer in curves if facts.category in ancestors(peer.facts.category)]
        ratio = None
        if len(own) >= policy.curves.peers_floor:
            ratio = max(5000, min(20000, 10000 * histogram_median("price", own) // max(1, self.net_price)))
        self.values: dict[int, int | None] = {
            1: level if until is None or until >= head else fallback,
            3: ratio,
            4: min(10000, 10000 * self.net_price // facts.price) if quantities else None,
            5: facts.promoters(head, days.sales_days),
            6: facts.open_rate or 0,
            10: max(0, facts.sum("net_minor", head, days.sales_days)),
        }
        self.evidence = {
            1: 1,
            3: int(ratio is not None),
            4: sum(quantities.values()),
            5: self.values[5],
            6: int(facts.open_rate is not None),
            10: max(0, net_orders),
        } | {n: max(0, den) for n, den in self.den.items()}
        self.peers = {n: self._peers(n) for n in KIND}
        for n, unit in UNIT.items():
            self.values[n] = self._rate(n, unit)
        self.points = {1: self._authority_points()} | {n: self._points(n) for n in KIND}
        self.cap = violation_cap(head, facts.minor_day, facts.serious_day, policy)

    def counts(self, n: int) -> bool:
        value = self.values[n]
        return value is not None and (KIND[n] != "count" or value > 0)

    def _peers(self, n: int) -> "list[Seen] | None":
        rule = self.policy.curves
        here: list[Seen] = []
        for path in ancestors(self.facts.category):
            here = [p for p in self.curves if path in ancestors(p.facts.category) and p.counts(n)]
            if len(here) >= rule.peers_min:
                break
        if len(here) < rule.peers_floor and len(here) < rule.peers_min:
            return None
        return here if sum(peer.observed.get(n, 1) for peer in here) > 0 else None

    def _rate(self, n: int, unit: int) -> int | None:
        if self.den[n] <= 0:
            return None
        peers = self.peers[n] or []
        total = sum(peer.den[n] for peer in peers)
        mean = floor(Fraction(unit * sum(peer.num[n] for peer in peers), total)) if total > 0 else None
        names = dict(zip((2, 7, 8, 9, 11), self.policy.priors.__struct_fields__, strict=True))
        return shrunk(self.num[n], self.den[n], unit, getattr(self.policy.priors, names[n]), mean)

    def _points(self, n: int) -> int:
        value, peers = self.values[n], self.peers[n]
        if value is None or peers is None:
            return self.policy.curves.neutral_bps
        return points(KIND[n], value, [peer.values[n] or 0 for peer in peers])

    def _authority_points(self) -> int:
        level = self.values[1] or 0
        return int(getattr(self.policy.authority_points, self.policy.authority_points.__struct_fields__[level - 1]))

    def forces(self) -> list[int]:
        weights, by_name = self.policy.indicator_weights, dict(zip(INDICATORS, range(1, 12), strict=True))
        return [
            sum(weights[name] * self.points[by_name[name]] for name in names) // sum(weights[name] for name in names)
            for names in FORCE_INDICATORS.values()
        ]

    def score(self) -> int:
        weights = [self.policy.force_weights[name] for name in FORCE_INDICATORS]
        return sum(w * force for w, force in zip(weights, self.forces(), strict=True)) // sum(weights)

    def evidence_class(self) -> str:
        if self.delivered <= 0:
            return "none"
        return "rated" if self.delivered >= self.policy.tiers.delivered_min else "thin"

    def wilson(self) -> list[int]:
        return [wilson_upper(self.num[n], self.den[n], self.policy.tiers.l5_bounds.z_milli) for n in (7, 8)]

    def limits(self) -> list[int]:
        bounds = self.policy.tiers.l5_bounds
        return [bounds.negative_review_bps, bounds.quality_return_bps]

    def earned(self) -> int:
        if not self.admitted:
            return 0
        best = 1
        for tier, rule in enumerate(self.policy.tiers.rules(), start=2):
            reached = self.evidence_class() == "rated" and self.score() >= rule.score_bps
            reached = reached and all(f >= least for f, least in zip(self.forces(), rule.floors(), strict=True))
            if tier == 5:
                reached = reached and all(w <= most for w, most in zip(self.wilson(), self.limits(), strict=True))
            best = tier if reached else best
        return min(best, self.cap)

    def gap(self, tier: int) -> Gap | None:
        if tier == 5:
            return None
        aim = max(2, tier + 1)
        rule = self.policy.tiers.rules()[aim - 2]
        excess = [max(0, w - most) if aim == 5 else 0 for w, most in zip(self.wilson(), self.limits(), strict=True)]
        block: Any = "violation" if self.cap < aim else None
        block = block if self.facts.listed else "not_listed"
        block = "held" if self.facts.held else block
        return Gap(
            tier=aim,
            score_bps=max(0, rule.score_bps - self.score()),
            forces=tuple(max(0, least - f) for f, least in zip(self.forces(), rule.floors(), strict=True)),
            delivered=max(0, self.policy.tiers.delivered_min - self.delivered),
            negative_reviews_bps=excess[0],
            quality_returns_bps=excess[1],
            blocked=block,
        )


# The log


class Partition:
    """One partition's walk: events kept by product, the tier history, the messages."""

    def __init__(self, events: Sequence[Any], policies: Mapping[int, Policy]) -> None:
        self.events, self.policies, self.at = events, policies, 0
        start = events[0]
        self.day, self.policy = start.first_day, policies[start.policy_version]
        self.dispatch = self.day - 1
        self.of: dict[str, list[Any]] = {}
        self.touched: set[str] = set()
        self.state: dict[str, dict[str, int]] = {}
        self.last: dict[str, tuple[Tier, bytes]] = {}
        self.curves: list[Seen] = []
        self.out: list[tuple[bytes, bytes]] = []

    def to_close(self) -> bool:
        while self.at < len(self.events) and not isinstance(self.events[self.at], ev.DayClosed):
            event = self.events[self.at]
            if isinstance(event, ev.Barrier):
                self.assess(sorted(self.touched), "barrier")
                self.touched.clear()
            elif hasattr(event, "product_id"):
                self.of.setdefault(event.product_id, []).append(event)
                self.touched.add(event.product_id)
            self.at += 1
        return self.at < len(self.events)

    def close(self, curves: list[Seen]) -> list[Seen]:
        self.dispatch, self.curves = self.day, curves
        seen = self.assess(sorted(self.of), "close")
        self.touched.clear()
        self.policy = self.policies[self.events[self.at].next_policy_version]
        self.day += 1
        self.at += 1
        return [s for s in seen if s.admitted]

    def assess(self, products: list[str], cause: str) -> list[Seen]:
        return [self.assess_one(product, cause) for product in products]

    def assess_one(self, product: str, cause: str) -> Seen:
        seen = Seen(Facts(self.of[product]), self.day, self.dispatch, self.policy, self.curves)
        state = self.state.setdefault(product, {"tier": 0, "closed": 0, "below": 0, "best": 0})
        if cause == "barrier":
            at_barrier(state, seen.earned(), seen.cap, seen.admitted)
        else:
            at_close(state, seen.earned(), seen.cap, seen.admitted, self.policy.tiers.down_after_closes)
        self.publish(product, seen, state["tier"], cause)
        return seen

    def publish(self, product: str, seen: Seen, tier: int, cause: Any) -> None:
        rights = Rights()
        if tier == 5:
            granted = self.policy.l5_rights
            rights = Rights(**{name: getattr(granted, name) for name in granted.__struct_fields__})
        old, body = self.last.get(product, (None, b""))
        same = old and (old.tier, old.evidence, old.rights) == (tier, seen.evidence_class(), rights)
        if old and same and abs(old.score_bps - seen.score()) < self.policy.tiers.materiality_bps:
            return
        message = Tier(
            seq=len(self.out) + 1,
            product_id=product,
            revision=old.revision + 1 if old else 1,
            prev_digest=hashlib.sha256(body).hexdigest()[:32] if old else "",
            day=self.day,
            cause=cause,
            as_of_seq=self.at + 1,
            policy_version=self.policy.version,
            algorithm_version=self.policy.algorithm_version,
            tier=tier,
            previous_tier=old.tier if old else 0,
            score_bps=seen.score(),
            evidence=seen.evidence_class(),  # type: ignore[arg-type]
            forces=Forces(**dict(zip(Forces.__struct_fields__, seen.forces(), strict=True))),
            indicators=tuple(
                Indicator(name=name, value=seen.values[n], points_bps=seen.points[n], evidence=seen.evidence[n] or 0)
                for n, name in enumerate(INDICATORS, start=1)
            ),
            rights=rights,
            gap=seen.gap(tier),
        )
        self.last[product] = message, encode(message)
        self.out.append((product.encode(), encode(message)))


def expected(logs: Sequence[Sequence[Any]], policies: Mapping[int, Policy]) -> list[list[tuple[bytes, bytes]]]:
    """What `fenxiao_oracle.expected_tiers` must return."""
    partitions = [Partition(events, policies) for events in logs]
    curves: list[Seen] = []
    while True:
        ready = [partition for partition in partitions if partition.to_close()]
        posts = [seen for partition in ready for seen in partition.close(curves)]
        if len(ready) < len(partitions):
            break
        curves = posts
    for partition in ready:
        partition.to_close()
    return [partition.out for partition in partitions]
