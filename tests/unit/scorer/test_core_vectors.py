"""The norm's vectors, section 8, and those of `tests/vectors/scoring.json` where the core has such a function."""

import math
from pathlib import Path

import numpy as np
import pytest

from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.bins import COUNT_BITS, PRICE_BITS, VALUE_MAX, Kind, bins, log_linear, log_linear_edges
from fenxiao_scorer.core.cells import Prices
from fenxiao_scorer.core.curves import Curves
from fenxiao_scorer.core.formulas import ABSENT, isqrt, shrunk, wilson_upper
from fenxiao_scorer.core.layout import DISPATCH, NEGATIVE, ROWS
from fenxiao_scorer.core.lookup import _measured

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
    numbers, edges, widths = log_linear(column(0, 15, 16, 17, 31, 32, 33, 34, 1000, VALUE_MAX, 1 << 60), COUNT_BITS)
    assert numbers.tolist() == [0, 15, 16, 17, 31, 32, 32, 33, 111, 703, 703]
    assert (edges[8], widths[8]) == (992, 32)


@pytest.mark.parametrize("bits", [COUNT_BITS, PRICE_BITS])
def test_log_linear_edges_are_those_of_the_bin(bits: int) -> None:
    values = column(*range(3000), *(1 << k for k in range(47)), *((1 << k) - 1 for k in range(48)))
    for number, edge, width in zip(*(part.tolist() for part in log_linear(values, bits)), strict=True):
        assert log_linear_edges(number, bits) == (edge, width)


def test_wilson_bounds() -> None:
    assert wilson_upper(column(0), column(10), 1960).tolist() == [2776]
    assert wilson_upper(column(2, 0, 5), column(200, 0, 5), 1645).tolist() == [298, 10_000, 10_000]


def test_wilson_bound_is_exact_at_its_largest() -> None:
    for n in (1, 2, 999, (1 << 20) - 1, 1 << 20, (1 << 30) + 12_345):
        for k in {0, 1, n // 3, n // 2, n}:
            shift = max(0, n.bit_length() - 20)
            small, part = n >> shift, min(n >> shift, k >> shift)
            root = math.isqrt(25_000_000 + (4_000_000 * part * (small - part)) // small)
            over = 10_000 * (2_000_000 * part + 25_000_000 + 5_000 * root)
            expected = min(10_000, -(-over // (2_000_000 * small + 50_000_000)))
            assert wilson_upper(column(k), column(n), 5_000).tolist() == [expected]


def test_isqrt_at_the_edges() -> None:
    roots = [0, 1, 2, 999_999, 2**21, 2**26 - 1]
    values = [value for root in roots for value in (max(0, root * root - 1), root * root, root * root + 1)]
    assert isqrt(column(*values)).tolist() == [math.isqrt(value) for value in values]


def test_shrunk_rates() -> None:
    assert shrunk(column(3), column(40), 10_000, 30, column(500)).tolist() == [642]
    assert shrunk(column(3, 50), column(40, 40), 10_000, 30, column(ABSENT, ABSENT)).tolist() == [750, 10_000]


@pytest.mark.parametrize(
    ("quantities", "median"), [({100: 2, 90: 3, 120: 1}, 90), ({100: 3, 90: 2, 120: 1}, 100), ({5: 1, 7: 1}, 5)]
)
def test_lower_weighted_median(quantities: dict[int, int], median: int) -> None:
    prices = Prices()
    prices.grow(1)
    prices.move((1, 9))
    count = len(quantities)
    prices.add(column(*[0] * count), column(*quantities), column(*[5] * count), column(*quantities.values()))
    assert [int(part[0]) for part in prices.medians(column(0))] == [median, sum(quantities.values())]


@pytest.mark.parametrize(("row", "points"), [(DISPATCH, 7500), (NEGATIVE, 5000)])
def test_points_among_four_peers(row: int, points: int) -> None:
    curves = curves_of(row, {0: 2, 4: 1, 360: 1})
    number = bins(Kind.RATE, column(100))[0]
    assert number.tolist() == [4]
    assert [int(part[0]) for part in curves.rows[row].ranks(column(0), number)] == [2, 1]
    assert _measured(curves, row, column(0), column(100)).tolist() == [points]


def test_median_of_a_wide_price_bin_does_not_overflow() -> None:
    number = int(log_linear(column(VALUE_MAX), PRICE_BITS)[0][0])
    count = 1 << 30
    edge, width = log_linear_edges(number, PRICE_BITS)
    assert curves_of(0, {number: count}).medians.tolist() == [edge + width * ((count - 1) // 2) // count]
