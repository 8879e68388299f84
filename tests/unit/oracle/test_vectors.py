"""The oracle against `tests/vectors/scoring.json`, which is of other making than its arrays."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from fenxiao_oracle import expected_tiers, formulas
from fenxiao_oracle.arrays import Ints, ints, offsets
from fenxiao_oracle.facts import FactTable
from fenxiao_oracle.kinds import COUNT, LOW_RATE, PRICE, RATE, RATIO, BinKind
from fenxiao_oracle.ladder import Steps, at_barrier, at_close
from fenxiao_oracle.measures import done_orders
from fenxiao_schemas.policy import Policy
from fenxiao_schemas.topics import EVENTS, codec_of

from . import make_vectors

VECTORS = json.loads(make_vectors.PATH.read_text(encoding="utf-8"))
KINDS: dict[str, BinKind] = {"rate": RATE, "low rate": LOW_RATE, "ratio": RATIO, "count": COUNT, "price": PRICE}


def one(number: int) -> Ints:
    return ints([number])


def cumulated(kind: str, values: list[int]) -> Ints:
    counts = np.bincount(KINDS[kind].bins(ints(values)).bin, minlength=len(KINDS[kind].edges))
    return offsets(counts)[None, :]


def bins(given: dict[str, Any]) -> dict[str, int]:
    kind = KINDS[given["kind"]]
    b, edge, width = (int(column[0]) for column in kind.bins(one(given["v"])))
    assert (int(kind.edges[b]), int(kind.widths[b])) == (edge, width)
    return {"bin": b, "edge": edge, "width": width}


def shrunk(given: dict[str, Any]) -> int:
    mean = given["mean"]
    rate = formulas.shrunk(
        one(given["num"]),
        one(given["den"]),
        given["unit"],
        given["prior"],
        one(mean or 0),
        np.array([mean is not None]),
    )
    return int(rate[0])


def lower_weighted_median(given: dict[str, Any]) -> int | None:
    columns = ints(sorted(given["quantities"])).reshape(-1, 2).T
    median, total = formulas.lower_weighted_median(columns[0], columns[1], ints([0, len(given["quantities"])]))
    return int(median[0]) if total[0] else None


def histogram_median(given: dict[str, Any]) -> int:
    kind = KINDS[given["kind"]]
    return int(formulas.histogram_median(cumulated(given["kind"], given["values"]), kind.edges, kind.widths)[0])


def points(given: dict[str, Any]) -> int:
    kind, b = KINDS[given["kind"]], bins(given)["bin"]
    below, upto, peers = cumulated(given["kind"], given["peers"])[0][[b, b + 1, -1]]
    read = formulas.points(one(peers), one(below), one(upto - below), low_is_good=kind is LOW_RATE)
    return 0 if kind is COUNT and given["v"] == 0 else int(read[0])


def wilson_upper(given: dict[str, Any]) -> int:
    return formulas.wilson_upper(given["k"], given["n"], given["z_milli"])


def violation_cap(given: dict[str, Any]) -> int:
    caps = [
        formulas.cap_of_violation(given["head_day"], one(-1 if day is None else day), rule["days"], rule["tier_max"])
        for day, rule in zip((given["minor_day"], given["serious_day"]), given["violations"].values(), strict=True)
    ]
    return int(min(caps)[0])


def delivered_orders(given: dict[str, Any]) -> int:
    def table(days: list[list[int]]) -> FactTable:
        day, amount = ints(days).reshape(-1, 2).T
        zero = np.zeros_like(day)
        return FactTable(zero, zero, day, zero, amount, ints([0, 1]))

    tables = {name: table(given[name]) for name in ("orders", "delivered")}

    def between(name: str, first: int, last: int) -> Ints:
        return tables[name].sums(one(0), first, last, 1)

    return int(done_orders(between, given["head_day"], given["window"], given["auto_confirm_days"])[0])


def tiers_over_time(given: dict[str, Any]) -> list[dict[str, int]]:
    state, out = Steps(one(0), one(0), one(0), one(0)), []
    for step in given["steps"]:
        earned, cap, admitted = one(step["earned"]), one(step["cap"]), np.array([step["admitted"]])
        if step["at"] == "barrier":
            state = at_barrier(state, earned, cap, admitted)
        else:
            state = at_close(state, earned, cap, admitted, given["down_after_closes"])
        columns = (state.tier, state.closed, state.below, state.best)
        out.append(dict(zip(("tier", "closed", "below", "best"), (int(c[0]) for c in columns), strict=True)))
    return out


def logs(given: dict[str, Any]) -> list[list[str]]:
    policies = {policy.version: policy for policy in msgspec.convert(given["policies"], list[Policy])}
    decode = codec_of(EVENTS).decode
    partitions = [[decode(json.dumps(event).encode()) for event in partition] for partition in given["partitions"]]
    return [[body.decode() for _, body in messages] for messages in expected_tiers(partitions, policies)]


FUNCTIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    f.__name__: f
    for f in (
        bins, shrunk, lower_weighted_median, histogram_median, points, wilson_upper, violation_cap, delivered_orders,
        tiers_over_time, logs,
    )
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "vector"),
    [pytest.param(name, v, id=f"{name}-{n}") for name, vectors in VECTORS.items() for n, v in enumerate(vectors)],
)
def test_vector(name: str, vector: dict[str, Any]) -> None:
    assert FUNCTIONS[name](vector["in"]) == vector["out"]


def test_the_file_is_what_the_literal_norm_says() -> None:
    """Made anew it is the same, so that nobody changed it by hand; `make_vectors` writes it."""
    assert make_vectors.PATH.read_text(encoding="utf-8") == make_vectors.text()


def test_the_norm_names_its_own_vectors() -> None:
    """Section 8 of `docs/scoring.md` and the file agree on the bins, which stand there as a list."""
    norm = (Path(__file__).parents[3] / "docs/scoring.md").read_text(encoding="utf-8")
    listed = [v["out"]["bin"] for v in VECTORS["bins"][:10]]
    assert f"bins {', '.join(str(b) for b in listed if b != 703)}, 703" in norm
