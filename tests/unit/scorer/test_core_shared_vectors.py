"""`tests/vectors/scoring.json`: what both implementations of the norm must give, from single formulas to whole logs."""

import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest

from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.policy import Policy, default_policy
from fenxiao_scorer.core.arrays import AnyArray, Ints
from fenxiao_scorer.core.assess import violation_cap
from fenxiao_scorer.core.categories import Categories
from fenxiao_scorer.core.cells import Cells, add_price
from fenxiao_scorer.core.curves import PRICES_ROW, Curves
from fenxiao_scorer.core.formulas import (
    ABSENT,
    COUNT,
    COUNT_BITS,
    LOW_RATE,
    PRICE_BITS,
    RATE,
    RATIO,
    RATIO_MIN,
    VALUE_MAX,
    bin_of,
    log_linear,
    log_linear_edges,
    shrunk,
    wilson_upper,
)
from fenxiao_scorer.core.ladder import apply_barrier, apply_close
from fenxiao_scorer.core.layout import KINDS, ROWS
from fenxiao_scorer.core.lookup import lookup_of, points_of
from fenxiao_scorer.core.net_price import refresh_net_price
from fenxiao_scorer.core.products import Products
from fenxiao_scorer.core.rules import rules_of
from fenxiao_scorer.core.tables import ADMITTED, CAP, EARNED, NEVER, SLOT, WIDTH
from fenxiao_scorer.core.windows import COUNTERS, Counters, count, spans
from support.random_log import RandomLog, Shape
from support.scorer_run import run

VECTORS = Path(__file__).parents[2] / "vectors" / "scoring.json"
KIND: Final = {"rate": RATE, "low rate": LOW_RATE, "ratio": RATIO, "count": COUNT}
BITS: Final = {"count": COUNT_BITS, "price": PRICE_BITS}


def column(*values: int) -> Ints:
    return np.array(values, np.int64)


def binned(kind: str, value: int) -> int:
    return log_linear(value, PRICE_BITS) if kind == "price" else bin_of(KIND[kind], value)


def curves_of(row: int, kind: str, values: list[int]) -> Curves:
    """Curves with one path, and one histogram of these values."""
    counts = sorted(Counter(binned(kind, value) for value in values).items())
    histograms = [(column(), column())] * ROWS
    histograms[row] = (column(*(number for number, _ in counts)), column(*(many for _, many in counts)))
    return Curves([""], histograms, np.ones((3, ROWS, 1), object))


def one_product() -> AnyArray:
    products = Products()
    products.reserve(1, 1)
    return products.facts


def policy_with(**tables: dict[str, Any]) -> Policy:
    data = msgspec.to_builtins(default_policy())
    return msgspec.convert(
        {name: table | tables.get(name, {}) if isinstance(table, dict) else table for name, table in data.items()},
        Policy,
    )


def bins_(kind: str, v: int) -> dict[str, int]:
    """The edge and the width are those of the values that share the bin, as far as values go."""
    number, lowest = binned(kind, v), RATIO_MIN if kind == "ratio" else 0
    values = range(lowest, VALUE_MAX + 1)
    first = values[bisect_left(values, number, key=lambda value: binned(kind, value))]
    width = lowest + bisect_right(values, number, key=lambda value: binned(kind, value)) - first
    if kind in BITS:
        assert log_linear_edges(number, BITS[kind]) == (first, width)
    return {"bin": number, "edge": first, "width": width}


def shrunk_(num: int, den: int, unit: int, prior: int, mean: int | None) -> int:
    return shrunk(num, den, unit, prior, ABSENT if mean is None else mean)


def lower_weighted_median(quantities: list[list[int]]) -> int | None:
    facts, prices = one_product(), Cells(are_prices=True)
    prices.move(facts, (1, 9))
    prices.reserve(len(quantities))
    for price, quantity in quantities:
        add_price(facts, prices.table, 0, price, 5, quantity)
    refresh_net_price(facts, prices.table, np.empty((2, prices.longest), np.int64), 0)
    return int(facts[0]["net_price"]) if facts[0]["price_weight"] else None


def histogram_median(kind: str, values: list[int]) -> int:
    return int(curves_of(PRICES_ROW, kind, values).medians[0])


def points(kind: str, v: int, peers: list[int]) -> int:
    row, policy = KINDS.index(KIND[kind]), policy_with(curves={"peers_min": 1})
    return points_of(lookup_of(curves_of(row, kind, peers), policy, Categories()), row, 0, v, -1)


def wilson_upper_(k: int, n: int, z_milli: int) -> int:
    return wilson_upper(k, n, z_milli)


def violation_cap_(head_day: int, minor_day: int | None, serious_day: int | None, violations: dict[str, Any]) -> int:
    minor, serious = (NEVER if day is None else day for day in (minor_day, serious_day))
    return violation_cap(rules_of(policy_with(violations=violations)), minor, serious, head_day)


def delivered_orders(
    head_day: int, window: int, auto_confirm_days: int, orders: list[list[int]], delivered: list[list[int]]
) -> int:
    policy = policy_with(windows={"evidence_days": window}, delivery={"auto_confirm_days": auto_confirm_days})
    counters = Counters()
    counters.reserve(1, len(orders) + len(delivered))
    counters.move(spans(policy, head_day, head_day))
    for name, days in (("orders", orders), ("delivered", delivered)):
        for day, amount in days:
            count(counters.table, COUNTERS.index(name), 0, day, amount)
    return int(counters.total("done_evidence")[0])


def tiers_over_time(what: str, down_after_closes: int, steps: list[dict[str, Any]]) -> list[dict[str, int]]:
    del what
    facts, rules = one_product(), rules_of(policy_with(tiers={"down_after_closes": down_after_closes}))
    found = []
    for step in steps:
        row = np.zeros(WIDTH, np.int64)
        row[[SLOT, EARNED, CAP, ADMITTED]] = 0, step["earned"], step["cap"], step["admitted"]
        if step["at"] == "close":
            apply_close(facts, row, rules)
        else:
            apply_barrier(facts, row)
        found.append({name: int(facts[0][name]) for name in ("tier", "closed", "below", "best")})
    return found


def logs(what: str, policies: list[Any], partitions: list[Any]) -> list[list[str]]:
    del what
    by_version = {policy.version: policy for policy in msgspec.convert(policies, list[Policy])}
    events = msgspec.convert(partitions, list[list[AnyEvent]])
    return [[m.value.decode() for m in each] for each in run(RandomLog(Shape(), events, by_version)).messages]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "bins": bins_,
    "shrunk": shrunk_,
    "lower_weighted_median": lower_weighted_median,
    "histogram_median": histogram_median,
    "points": points,
    "wilson_upper": wilson_upper_,
    "violation_cap": violation_cap_,
    "delivered_orders": delivered_orders,
    "tiers_over_time": tiers_over_time,
    "logs": logs,
}
CASES: dict[str, list[dict[str, Any]]] = json.loads(VECTORS.read_text())


def test_every_group_of_vectors_is_known() -> None:
    assert set(CASES) == set(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(set(CASES) & set(FUNCTIONS)))
def test_shared_vectors(name: str) -> None:
    for case in CASES[name]:
        assert FUNCTIONS[name](**case["in"]) == case["out"], case["in"].get("what", case)
