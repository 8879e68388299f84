"""The parts of the core that stand by themselves: pools, the book, decay, the marks."""

from math import isqrt
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenxiao_matcher.core import ledger as ledger_module
from fenxiao_matcher.core.book import Book
from fenxiao_matcher.core.decay import HORIZON_DAYS, ONE, decay_array, decay_table
from fenxiao_matcher.core.facts import POINTS_MAX, level_points
from fenxiao_matcher.core.ledger import PRODUCT_BITS, WEIGHT_MAX, Ledger, isqrt_array, strengths_of, weigh
from fenxiao_matcher.core.lists import ListKey
from fenxiao_matcher.core.pools import POOL_MAX, Pool
from fenxiao_matcher.marks import Marks
from fenxiao_runtime.errors import Halt
from fenxiao_schemas.events import Barrier

KEY: ListKey = ("recommendations", "C1")


def test_a_pool_says_whether_its_readers_may_see_a_move() -> None:
    pool = Pool()
    for number in range(POOL_MAX + 10):
        assert pool.put(f"P{number:03}", 1_000 - number) == (number < POOL_MAX)
    assert pool.top()[0] == "P000"
    assert not pool.put("P070", 1_000 - 71)
    assert pool.put("P070", 2_000)
    assert pool.top()[0] == "P070"
    assert pool.put("P070", 0), "the best fell out of sight"
    assert not pool.drop("P070")
    assert pool.drop("P000")
    assert len(pool.top()) == POOL_MAX


def test_an_older_list_written_over_a_newer_one_is_news() -> None:
    book = Book()
    rows = (("P1", 100, 3),)
    book.put(KEY, 1, rows)
    book.put(KEY, 2, rows)
    assert not book.is_news(KEY, rows, 500)
    book.put(KEY, 1, rows)
    assert book.is_news(KEY, rows, 500)
    assert book.next_revision(KEY) == 3


@pytest.mark.parametrize(
    ("rows", "news"),
    [
        ((("P1", 104, 3), ("P2", 50, 1)), False),
        ((("P1", 105, 3), ("P2", 50, 1)), True),
        ((("P1", 100, 4), ("P2", 50, 1)), True),
        ((("P2", 100, 3), ("P1", 50, 1)), True),
        ((("P1", 100, 3),), True),
        ((), True),
    ],
)
def test_what_is_worth_a_message(rows: tuple[tuple[str, int, int], ...], news: bool) -> None:
    book = Book()
    assert not book.is_news(KEY, (), 500)
    book.put(KEY, 1, (("P1", 100, 3), ("P2", 50, 1)))
    assert book.is_news(KEY, rows, 500) is news


@pytest.mark.parametrize("half_life_days", [1, 45, 10_000])
def test_the_decay_table(half_life_days: int) -> None:
    table = decay_table(half_life_days)
    assert len(table) == HORIZON_DAYS
    assert list(table) == sorted(table, reverse=True)
    assert table[0] == ONE
    for age in range(0, HORIZON_DAYS, half_life_days):
        assert abs(table[age] * 2 ** (age // half_life_days) - ONE) <= 2 ** (age // half_life_days)
    assert decay_array(half_life_days).tolist() == [*table, 0]


def weights_of(ledger: Ledger, open_day: int, half_life_days: int = 45) -> list[int]:
    packed, net, _ = ledger.take()
    weights: list[int] = weigh(packed, net, open_day, half_life_days)[1].tolist()
    return weights


def test_weights_are_exact_and_cut_off() -> None:
    ledger = Ledger()
    assert weights_of(ledger, 100) == []
    ledger.add(1, 2, 100, 7)
    ledger.add(1, 2, 101, 3)
    assert weights_of(ledger, 100) == [10 * ONE]
    assert weights_of(ledger, 100 + HORIZON_DAYS) == [3 * decay_table(45)[-1]] if decay_table(45)[-1] else []
    ledger.add(1, 2, 100, -7)
    ledger.add(1, 2, 101, -3)
    assert weights_of(ledger, 100) == []
    for day in range(40):
        ledger.add(1, 2, 100 - day, 10**12)
        ledger.add(2, 2, 100 - day, -(10**12))
    assert weights_of(ledger, 100, 10_000) == [WEIGHT_MAX]
    assert strengths_of(np.array([WEIGHT_MAX])).tolist() == [isqrt(WEIGHT_MAX // 100)]
    assert weights_of(ledger, 100, 1) == [sum(10**12 * decay_table(1)[day] for day in range(40))]


def test_a_ledger_says_what_was_touched_once() -> None:
    ledger = Ledger()
    dice = Random(1)
    net: dict[tuple[int, int], int] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger_module, "JOURNAL_MIN", 7)
        for _ in range(100):
            pair, amount = (dice.randrange(5), dice.randrange(5)), dice.randrange(1, 100)
            net[pair] = net.get(pair, 0) + amount
            ledger.add(*pair, dice.choice([50, 51]), amount)
    assert len(ledger) > 0
    packed, amounts, touched = ledger.take()
    assert touched.tolist() == sorted(creator << PRODUCT_BITS | product for creator, product in net)
    assert weigh(packed, amounts, 50, 45)[1].tolist() == [net[pair] * ONE for pair in sorted(net)]
    assert len(ledger) == 0
    assert ledger.take()[2].tolist() == []


@given(st.lists(st.integers(0, 2**60 - 1)))
def test_roots_of_arrays_are_those_of_integers(values: list[int]) -> None:
    values += [root * root - less for root in (1, 2**26 + 1, 2**30 - 1) for less in (0, 1)]
    assert isqrt_array(np.array(values, np.int64)).tolist() == [isqrt(value) for value in values]


def test_levels_are_monotonic_and_bounded() -> None:
    points = [level_points(amount) for amount in range(5_000)]
    assert points == sorted(points)
    assert points[0] == 0 < points[1]
    assert level_points(10**18) == POINTS_MAX


def test_marks_drop_what_is_known_and_halt_on_a_gap() -> None:
    marks = Marks(2)
    assert len(marks.unseen(0, [Barrier(seq=1), Barrier(seq=2)], "here")) == 2
    assert [b.seq for b in marks.unseen(0, [Barrier(seq=2), Barrier(seq=3)], "here")] == [3]
    assert len(marks.unseen(1, [Barrier(seq=1)], "here")) == 1
    with pytest.raises(Halt, match="seq_gap: here: seq 5, expected 4"):
        marks.unseen(0, [Barrier(seq=5)], "here")
