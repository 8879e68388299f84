"""`tests/vectors/scoring.json`: what both implementations of the norm must give, from single formulas to whole logs."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.policy import Policy, default_policy
from fenxiao_scorer.core import ScorerState
from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.assess import Assessment, _cap
from fenxiao_scorer.core.bins import PRICE_BITS, Kind, bins, log_linear
from fenxiao_scorer.core.cells import Prices
from fenxiao_scorer.core.curves import PRICES_ROW, Curves
from fenxiao_scorer.core.formulas import ABSENT, shrunk, wilson_upper
from fenxiao_scorer.core.ladder import apply_barrier, apply_close
from fenxiao_scorer.core.layout import KINDS, ROWS
from fenxiao_scorer.core.lookup import _measured
from fenxiao_scorer.core.products import NEVER
from fenxiao_scorer.core.windows import Counters, spans
from support.random_log import RandomLog, Shape
from support.scorer_run import run

VECTORS = Path(__file__).parents[2] / "vectors" / "scoring.json"


def column(*values: int) -> Ints:
    return np.array(values, np.int64)


def binned(kind: str, values: Ints) -> tuple[Ints, Ints, Ints]:
    return log_linear(values, PRICE_BITS) if kind == "price" else bins(Kind(kind), values)


def curves_of(row: int, kind: str, values: list[int]) -> Curves:
    """Curves with one path, and one histogram of these values."""
    counts = sorted(Counter(binned(kind, column(*values))[0].tolist()).items())
    histograms = [(column(), column())] * ROWS
    histograms[row] = (column(*(number for number, _ in counts)), column(*(count for _, count in counts)))
    return Curves([""], histograms, np.ones((3, ROWS, 1), object))


def one_product() -> ScorerState:
    state = ScorerState.empty(0)
    state.products.add("p")
    state.set_policy(default_policy())
    state.open_day = 0
    return state


def bins_(kind: str, v: int) -> dict[str, int]:
    parts = (int(part[0]) for part in binned(kind, column(v)))
    return dict(zip(("bin", "edge", "width"), parts, strict=True))


def shrunk_(num: int, den: int, unit: int, prior: int, mean: int | None) -> int:
    return int(shrunk(column(num), column(den), unit, prior, column(ABSENT if mean is None else mean))[0])


def lower_weighted_median(quantities: list[list[int]]) -> int | None:
    prices = Prices()
    prices.grow(1)
    prices.move((1, 9))
    count = len(quantities)
    subs, amounts = (column(*(pair[i] for pair in quantities)) for i in (0, 1))
    prices.add(column(*[0] * count), subs, column(*[5] * count), amounts)
    median, weight = (int(part[0]) for part in prices.medians(column(0)))
    return median if weight else None


def histogram_median(kind: str, values: list[int]) -> int:
    return int(curves_of(PRICES_ROW, kind, values).medians[0])


def points(kind: str, v: int, peers: list[int]) -> int:
    row = KINDS.index(Kind(kind))
    return int(_measured(curves_of(row, kind, peers), row, column(0), column(v))[0])


def wilson_upper_(k: int, n: int, z_milli: int) -> int:
    return int(wilson_upper(column(k), column(n), z_milli)[0])


def violation_cap(head_day: int, minor_day: int | None, serious_day: int | None, violations: dict[str, Any]) -> int:
    state = one_product()
    data = msgspec.to_builtins(default_policy()) | {"violations": violations}
    state.products.minor_day[0] = NEVER if minor_day is None else minor_day
    state.products.serious_day[0] = NEVER if serious_day is None else serious_day
    return int(_cap(state, msgspec.convert(data, Policy), column(0), head_day)[0])


def delivered_orders(
    head_day: int, window: int, auto_confirm_days: int, orders: list[list[int]], delivered: list[list[int]]
) -> int:
    data = msgspec.to_builtins(default_policy())
    data["windows"]["evidence_days"], data["delivery"]["auto_confirm_days"] = window, auto_confirm_days
    counters = Counters()
    counters.grow(1)
    counters.move(spans(msgspec.convert(data, Policy), head_day, head_day))
    for name, days in (("orders", orders), ("delivered", delivered)):
        counters.add(name, column(*[0] * len(days)), *(column(*(pair[i] for pair in days)) for i in (0, 1)))
    return int(counters.totals["done_evidence"][0])


def tiers_over_time(what: str, down_after_closes: int, steps: list[dict[str, Any]]) -> list[dict[str, int]]:
    del what
    state = one_product()
    tiers = msgspec.structs.replace(default_policy().tiers, down_after_closes=down_after_closes)
    state.set_policy(msgspec.structs.replace(default_policy(), tiers=tiers))
    found = []
    for step in steps:
        nothing = dict.fromkeys(Assessment.__dataclass_fields__, column(0))
        earned, cap, admitted = column(step["earned"]), column(step["cap"]), np.array([step["admitted"]])
        assessment = Assessment(**nothing | {"earned": earned, "cap": cap, "admitted": admitted})
        (apply_close if step["at"] == "close" else apply_barrier)(state, assessment)
        found.append({name: int(getattr(state.products, name)[0]) for name in ("tier", "closed", "below", "best")})
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
    "violation_cap": violation_cap,
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
