"""Writes `tests/vectors/scoring.json`: `python -m tests.unit.oracle.make_vectors` from the root of the repository.

Each vector is `{"in": {...}, "out": ...}` under the name of its function. Where a result was worked out by hand it
stands here and is held against `naive`; the others are `naive`'s own, which computes with fractions.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from fenxiao_schemas import events as ev
from fenxiao_schemas.policy import Policy

from . import naive
from .market import Market
from .policies import easy, pair

PATH = Path(__file__).parents[2] / "vectors/scoring.json"
ASK = object()
"""No result by hand: `naive`'s is taken."""
TOP = 2**47 - 1
STEPS: tuple[tuple[str, list[tuple[list[Any], list[int]]]], ...] = (
    # earned, cap, admitted, control record -> tier, closed, below, best; down after 3 closes
    ("up at once, down after three closes to the best of them", [
        ([3, 5, True, "barrier"], [3, 0, 0, 0]),
        ([2, 5, True, "barrier"], [3, 0, 0, 0]),
        ([2, 5, True, "close"], [2, 2, 0, 0]),
        ([5, 5, True, "close"], [5, 5, 0, 0]),
        ([3, 5, True, "close"], [5, 5, 1, 3]),
        ([4, 5, True, "close"], [5, 5, 2, 4]),
        ([2, 5, True, "close"], [4, 4, 0, 0]),
    ]),
    ("a good day in between starts the count anew", [
        ([4, 5, True, "close"], [4, 4, 0, 0]),
        ([2, 5, True, "close"], [4, 4, 1, 2]),
        ([4, 5, True, "close"], [4, 4, 0, 0]),
        ([3, 5, True, "close"], [4, 4, 1, 3]),
        ([1, 5, True, "close"], [4, 4, 2, 3]),
        ([1, 5, True, "close"], [3, 3, 0, 0]),
    ]),
    ("a hold falls at once and forgets at the close", [
        ([4, 5, True, "close"], [4, 4, 0, 0]),
        ([2, 5, True, "close"], [4, 4, 1, 2]),
        ([0, 5, False, "barrier"], [0, 4, 1, 2]),
        ([2, 5, True, "barrier"], [2, 4, 1, 2]),
        ([2, 5, True, "close"], [4, 4, 2, 2]),
        ([0, 5, False, "close"], [0, 0, 0, 0]),
        ([1, 5, True, "barrier"], [1, 0, 0, 0]),
        ([1, 5, True, "close"], [1, 1, 0, 0]),
    ]),
    ("a violation falls at once", [
        ([5, 5, True, "close"], [5, 5, 0, 0]),
        ([3, 3, True, "barrier"], [3, 5, 0, 0]),
        ([2, 3, True, "close"], [3, 3, 1, 2]),
        ([5, 5, True, "barrier"], [5, 3, 1, 2]),
        ([5, 5, True, "close"], [5, 5, 0, 0]),
    ]),
    ("the best of the days before a violation is over its cap", [
        ([5, 5, True, "close"], [5, 5, 0, 0]),
        ([4, 5, True, "close"], [5, 5, 1, 4]),
        ([2, 3, True, "close"], [3, 3, 2, 4]),
        ([2, 3, True, "close"], [3, 3, 0, 0]),
        ([2, 5, True, "close"], [3, 3, 1, 2]),
    ]),
)  # fmt: skip


def of_bins() -> list[dict[str, Any]]:
    by_hand = {
        0: 0,
        15: 15,
        16: 16,
        17: 17,
        31: 31,
        32: 32,
        33: 32,
        34: 33,
        1000: 111,
        TOP: 703,
        TOP + 1: 703,
        10**12: ASK,
    }
    vectors = [_vector({"kind": "count", "v": v}, naive.bins("count", v), (b, ASK, ASK)) for v, b in by_hand.items()]
    for kind, v, hand in (
        ("count", 1000, (111, 992, 32)),
        ("price", 63, (63, 63, 1)), ("price", 64, (64, 64, 1)), ("price", 129, (128, 128, 2)), ("price", 19900, ASK),
        ("price", TOP, (2687, ASK, 2**40)), ("price", 10**12, ASK),
        ("rate", 0, (0, 0, 25)), ("rate", 24, (0, 0, 25)), ("rate", 25, (1, 25, 25)), ("rate", 10000, (400, 10000, 25)),
        ("low rate", 9999, (399, 9975, 25)),
        ("ratio", 5000, (0, 5000, 50)), ("ratio", 10049, (100, 10000, 50)), ("ratio", 20000, (300, 20000, 50)),
    ):  # fmt: skip
        vectors.append(_vector({"kind": kind, "v": v}, naive.bins(_kind(kind), v), hand))
    return [v | {"out": dict(zip(("bin", "edge", "width"), v["out"], strict=True))} for v in vectors]


def of_rates() -> list[dict[str, Any]]:
    names = ("num", "den", "unit", "prior", "mean")
    return [
        _vector(dict(zip(names, args, strict=True)), naive.shrunk(*args), hand)
        for args, hand in (
            ((3, 40, 10000, 30, 500), 642),
            ((3, 40, 10000, 30, None), 750),
            ((1, 3, 10000, 30, None), 3333),
            ((1, 3, 10000, 0, 500), 3333),
            ((0, 1, 10000, 30, 10000), 9677),
            ((7, 7, 10000, 30, 10000), 10000),
            ((5, 20000, 1000000, 1000, 1234), ASK),
            ((300000000000, 300000000000, 1000000, 1000, 77), ASK),
        )
    ]


def of_medians() -> list[dict[str, Any]]:
    cases: tuple[tuple[Any, int | None], ...] = (
        ([[100, 2], [90, 3], [120, 1]], 90),
        ([[100, 3], [90, 2], [120, 1]], 100),
        ([[0, 1], [5, 1]], 0),
        ([[7, -2], [5, 0], [9, 1]], 9),
        ([[7, 1]], 7),
        ([], None),
    )
    return [_vector({"quantities": pieces}, naive.lower_weighted_median(dict(pieces)), hand) for pieces, hand in cases]


def of_histograms() -> list[dict[str, Any]]:
    return [
        _vector({"kind": kind, "values": values}, naive.histogram_median(_kind(kind), values), hand)
        for kind, values, hand in (
            ("price", [10, 20, 30], 20),
            ("price", [10, 20, 30, 40], 20),
            # 2^9 <= 1000 < 2^10, so W = 8: one bin, e = 1000, B = 0, h = 4, r = 1: 1000 + (8 * 1) // 4
            ("price", [1000, 1001, 1002, 1003], 1002),
            ("price", [5], 5),
            ("price", [19900, 9900, 9900, 29900, 100], ASK),
            ("price", [0, 0, TOP], 0),
        )
    ]


def of_points() -> list[dict[str, Any]]:
    rates = [0, 0, 100, 9000]
    return [
        _vector({"kind": kind, "v": v, "peers": peers}, naive.points(_kind(kind), v, peers), hand)
        for kind, v, peers, hand in (
            ("rate", 100, rates, 7500),
            ("rate", 0, rates, 5000),
            ("rate", 9000, rates, 10000),
            ("rate", 124, rates, 7500),
            ("rate", 125, rates, 7500),
            ("low rate", 100, rates, 5000),
            ("low rate", 0, rates, 10000),
            ("low rate", 9025, rates, 0),
            ("low rate", 0, [0, 0, 0], 10000),
            ("count", 0, [1, 2, 3], 0),
            ("count", 2, [1, 2, 3], 6666),
            ("count", 33, [32, 34, 5, 6, 7], 8000),
            ("count", TOP + 5, [TOP, 3], 10000),
            ("ratio", 10049, [10000, 10050, 5000], 6666),
        )
    ]


def of_wilson() -> list[dict[str, Any]]:
    return [
        _vector({"k": k, "n": n, "z_milli": z}, naive.wilson_upper(k, n, z), hand)
        for k, n, z, hand in (
            (0, 10, 1960, 2776),
            (2, 200, 1645, 298),
            (0, 0, 1645, 10000),
            (1, 1, 1645, 10000),
            (5, 10, 1960, ASK),
            (0, 1, 1, ASK),
            (30, 1000, 5000, ASK),
            (2**20 - 1, 2**20 - 1, 1645, ASK),
            (3, 2**20, 1645, ASK),
            (12345, 3 * 10**9, 1645, ASK),
        )
    ]


def of_caps() -> list[dict[str, Any]]:
    rules = {"minor": {"tier_max": 3, "days": 14}, "serious": {"tier_max": 1, "days": 60}}
    names, policy = ("head_day", "minor_day", "serious_day"), easy(violations=rules)
    cases: tuple[tuple[Any, int], ...] = (
        ((100, None, None), 5), ((100, 100, None), 3), ((113, 100, None), 3), ((114, 100, None), 5),
        ((100, 101, None), 3), ((100, 100, 41), 1), ((100, 100, 40), 3), ((159, None, 100), 1), ((160, 0, 100), 5),
    )  # fmt: skip
    return [
        _vector(
            dict(zip(names, days, strict=True)) | {"violations": rules},
            naive.violation_cap(days[0], days[1], days[2], policy),
            hand,
        )
        for days, hand in cases
    ]


def of_done() -> list[dict[str, Any]]:
    cases = (
        (110, 5, 3, {104: 9, 106: 1, 107: 2, 108: 4, 111: 7}, {106: 1, 108: 3, 110: 1, 111: 1}, 7),
        (110, 5, 0, {104: 9, 106: 1, 107: 2, 108: 4}, {105: 8, 106: 1, 108: 3, 110: 1}, 5),
        (110, 5, 5, {105: 9, 106: 1, 107: 2}, {106: 1, 107: 2, 108: 3}, 6),
        (110, 5, 1, {109: 2, 110: 3}, {109: 1, 110: 1}, 3),
    )
    vectors = []
    for head, window, auto, orders, delivered, hand in cases:
        facts = naive.Facts([])
        facts.sums["orders"].update(orders)
        facts.sums["delivered"].update(delivered)
        numbers = {"head_day": head, "window": window, "auto_confirm_days": auto}
        days = {"orders": sorted(orders.items()), "delivered": sorted(delivered.items())}
        vectors.append(_vector(numbers | days, facts.done(head, window, auto), hand))
    return vectors


def of_ladders() -> list[dict[str, Any]]:
    vectors = []
    for name, steps in STEPS:
        state = {"tier": 0, "closed": 0, "below": 0, "best": 0}
        for (earned, cap, admitted, control), by_hand in steps:
            if control == "barrier":
                naive.at_barrier(state, earned, cap, admitted)
            else:
                naive.at_close(state, earned, cap, admitted, 3)
            assert list(state.values()) == by_hand, (name, earned, cap, state)
        records = [dict(zip(("earned", "cap", "admitted", "at"), step, strict=True)) for step, _ in steps]
        out = [dict(zip(("tier", "closed", "below", "best"), state, strict=True)) for _, state in steps]
        vectors.append({"in": {"what": name, "down_after_closes": 3, "steps": records}, "out": out})
    return vectors


def of_logs() -> list[dict[str, Any]]:
    alone = easy(curves={"peers_min": 1, "peers_floor": 1})
    small: dict[str, Any] = {"products": 3, "creators": 2, "events_a_day": 12, "barrier_every": 6}
    markets = [
        [list(Market(s, p, 2, days=4, policy_versions=(1, 2), **small).events()) for p in range(2)] for s in (1, 2)
    ]
    return [_log(name, logs, policies) for name, logs, policies in (
        ("a product is registered, listed and never sold", [_one_product()], {1: easy()}),
        ("three sales, confirmed by themselves two days after", [_confirmed()], {1: alone}),
        ("nothing but the calendar", [[_start(1)]], {1: easy()}),
        ("one partition has not closed the first day", [_confirmed(2), [_start(2)]], {1: easy()}),
        ("a small market, policies in turn", markets[0], pair()),
        ("another", markets[1], pair()),
    )]  # fmt: skip


def vectors() -> dict[str, list[dict[str, Any]]]:
    return {
        "bins": of_bins(),
        "shrunk": of_rates(),
        "lower_weighted_median": of_medians(),
        "histogram_median": of_histograms(),
        "points": of_points(),
        "wilson_upper": of_wilson(),
        "violation_cap": of_caps(),
        "delivered_orders": of_done(),
        "tiers_over_time": of_ladders(),
        "logs": of_logs(),
    }


def _start(partitions: int) -> ev.CalendarStarted:
    return ev.CalendarStarted(
        seq=1, first_day=100, policy_version=1, algorithm_version=1, utc_offset_minutes=480, currency="CNY",
        partitions=partitions,
    )  # fmt: skip


def _numbered(*records: tuple[Any, dict[str, Any]], partitions: int = 1) -> list[Any]:
    return [_start(partitions), *(kind(seq=seq, **fields) for seq, (kind, fields) in enumerate(records, start=2))]


REGISTER = (
    ev.ProductRegistered,
    {"product_id": "p", "merchant_id": "m", "category": "a/b", "title": "t", "price_minor": 1000},
)
LIST = (ev.ListingChanged, {"product_id": "p", "listed": True, "held": False})


def _close(day: int) -> tuple[Any, dict[str, Any]]:
    return ev.DayClosed, {"day": day, "next_policy_version": 1, "next_algorithm_version": 1}


def _one_product() -> list[Any]:
    return _numbered(REGISTER, (ev.Barrier, {}), LIST, (ev.Barrier, {}), (ev.Barrier, {}), _close(100), _close(101))


def _confirmed(partitions: int = 1) -> list[Any]:
    sales = [
        (ev.SaleRecorded, {
            "product_id": "p", "order_id": "o", "order_line_id": f"l{n}", "at_ms": 0, "order_day": 100, "due_day": 101,
            "quantity": 1, "paid_minor": 900, "unit_price_minor": 900, "creator_id": "c", "repeat": n == 1,
        })
        for n in range(3)
    ]  # fmt: skip
    closes = [_close(day) for day in range(100, 106)]
    return _numbered(REGISTER, LIST, *sales, (ev.Barrier, {}), *closes, partitions=partitions)


def _log(what: str, logs: list[list[Any]], policies: dict[int, Policy]) -> dict[str, Any]:
    out = [[body.decode() for _, body in messages] for messages in naive.expected(logs, policies)]
    given = {
        "what": what,
        "policies": msgspec.to_builtins(list(policies.values())),
        "partitions": msgspec.to_builtins(logs),
    }
    return {"in": given, "out": out}


def _kind(kind: str) -> str:
    return "low" if kind == "low rate" else kind


def _vector(given: dict[str, Any], computed: Any, by_hand: Any) -> dict[str, Any]:
    parts = by_hand if isinstance(by_hand, tuple) else (by_hand,)
    values = computed if isinstance(computed, tuple) else (computed,)
    for part, value in zip(parts, values, strict=False):
        assert part in (ASK, value), (given, part, value)
    return {"in": given, "out": computed}


def text() -> str:
    """The file: a vector a line, so that a change shows what changed."""
    functions = [
        f'  "{name}": [\n' + ",\n".join("    " + json.dumps(v, ensure_ascii=False) for v in cases) + "\n  ]"
        for name, cases in vectors().items()
    ]
    return "{\n" + ",\n".join(functions) + "\n}\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{PATH}: {PATH.stat().st_size} bytes\n")
