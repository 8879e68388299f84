"""The norm's vectors, section 8, and those of `tests/vectors/scoring.json` where the core has such a function."""

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from fenxiao_schemas.policy import default_policy
from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.categories import Categories
from fenxiao_scorer.core.cells import Cells, add_price
from fenxiao_scorer.core.curves import Curves
from fenxiao_scorer.core.formulas import (
    ABSENT,
    COUNT_BITS,
    PRICE_BITS,
    RATE,
    VALUE_MAX,
    bin_of,
    isqrt,
    log_linear,
    log_linear_edges,
    shrunk,
    wilson_upper,
)
from fenxiao_scorer.core.layout import DISPATCH, KINDS, NEGATIVE, ROWS
from fenxiao_scorer.core.lookup import lookup_of, points_of
from fenxiao_scorer.core.net_price import refresh_net_price
from fenxiao_scorer.core.products import Products

VECTORS = Path(__file__).parents[2] / "vectors" / "scoring.json"


def column(*values: int) -> Ints:
    return np.array(values, np.int64)


def curves_of(row: int, counts: dict[int, int]) -> Curves:
    """Curves with one path, the root, and one histogram."""
    empty = (column(), column())
    histograms = [empty] * ROWS
    histograms[row] = (column(*sorted(counts)), column(*(counts[number] for number in sorted(counts))))
    return Curves([""], histograms, np.ones((3, ROWS, 1), object))


def test_log_linear_bins() -> None:
    values = (0, 15, 16, 17, 31, 32, 33, 34, 1000, VALUE_MAX, 1 << 60)
    numbers = [log_linear(value, COUNT_BITS) for value in values]
    assert numbers == [0, 15, 16, 17, 31, 32, 32, 33, 111, 703, 703]
    assert log_linear_edges(111, COUNT_BITS) == (992, 32)


@pytest.mark.parametrize("bits", [COUNT_BITS, PRICE_BITS])
def test_log_linear_edges_are_those_of_the_bin(bits: int) -> None:
    values = [*range(3000), *(1 << k for k in range(47)), *((1 << k) - 1 for k in range(48))]
    for value in values:
        number = log_linear(value, bits)
        edge, width = log_linear_edges(number, bits)
        assert edge <= value < edge + width
        assert log_linear(edge, bits) == log_linear(edge + width - 1, bits) == number
        assert edge == 0 or log_linear(edge - 1, bits) == number - 1


def test_wilson_bounds() -> None:
    assert wilson_upper(0, 10, 1960) == 2776
    assert [wilson_upper(k, n, 1645) for k, n in ((2, 200), (0, 0), (5, 5))] == [298, 10_000, 10_000]


def test_wilson_bound_is_exact_at_its_largest() -> None:
    for n in (1, 2, 999, (1 << 20) - 1, 1 << 20, (1 << 30) + 12_345):
        for k in {0, 1, n // 3, n // 2, n}:
            shift = max(0, n.bit_length() - 20)
            small, part = n >> shift, min(n >> shift, k >> shift)
            root = math.isqrt(25_000_000 + (4_000_000 * part * (small - part)) // small)
            over = 10_000 * (2_000_000 * part + 25_000_000 + 5_000 * root)
            expected = min(10_000, -(-over // (2_000_000 * small + 50_000_000)))
            assert wilson_upper(k, n, 5_000) == expected


def test_isqrt_at_the_edges() -> None:
    roots = [0, 1, 2, 999_999, 2**21, 2**26 - 1]
    values = [value for root in roots for value in (max(0, root * root - 1), root * root, root * root + 1)]
    assert [isqrt(value) for value in values] == [math.isqrt(value) for value in values]


def test_shrunk_rates() -> None:
    assert shrunk(3, 40, 10_000, 30, 500) == 642
    assert [shrunk(num, 40, 10_000, 30, ABSENT) for num in (3, 50)] == [750, 10_000]


@pytest.mark.parametrize(
    ("quantities", "median"), [({100: 2, 90: 3, 120: 1}, 90), ({100: 3, 90: 2, 120: 1}, 100), ({5: 1, 7: 1}, 5)]
)
def test_lower_weighted_median(quantities: dict[int, int], median: int) -> None:
    products, prices = Products(), Cells(are_prices=True)
    products.reserve(1, 1)
    prices.move(products.facts, (1, 9))
    prices.reserve(len(quantities))
    for price, quantity in quantities.items():
        add_price(products.facts, prices.table, 0, price, 5, quantity)
    refresh_net_price(products.facts, prices.table, np.empty((2, prices.longest), np.int64), 0)
    found = products.facts[0]
    assert [int(found["net_price"]), int(found["price_weight"])] == [median, sum(quantities.values())]


@pytest.mark.parametrize(("row", "points"), [(DISPATCH, 7500), (NEGATIVE, 5000)])
def test_points_among_four_peers(row: int, points: int) -> None:
    curves = curves_of(row, {0: 2, 4: 1, 360: 1})
    assert bin_of(RATE, 100) == bin_of(KINDS[row], 100) == 4
    histogram = curves.rows[row]
    entry = histogram.keys.tolist().index(4)
    assert [int(histogram.below[entry]), int(histogram.counts[entry])] == [2, 1]
    policy = default_policy()
    policy = msgspec.structs.replace(policy, curves=msgspec.structs.replace(policy.curves, peers_min=4))
    assert points_of(lookup_of(curves, policy, Categories()), row, 0, 100, -1) == points


def test_median_of_a_wide_price_bin_does_not_overflow() -> None:
    number = log_linear(VALUE_MAX, PRICE_BITS)
    count = 1 << 30
    edge, width = log_linear_edges(number, PRICE_BITS)
    assert curves_of(0, {number: count}).medians.tolist() == [edge + width * ((count - 1) // 2) // count]
