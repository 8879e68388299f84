"""Steps take what was published, in the order of its numbers and no other; and what SQL is told of their rows."""

from typing import Any

import pytest

from fenxiao_scorer.core.steps import Published, Step, TierRows
from fenxiao_scorer.store import PostgresScorerStore


def published(first_seq: int, *names: str) -> Published:
    count = len(names)
    rows = TierRows(
        [*names], [1] * count, [9] * count, ["close"] * count, [2] * count, [0] * count, [5] * count, ["thin"] * count
    )
    return Published(first_seq, [name.encode() for name in names], [b"{}"] * count, rows)


def test_a_step_takes_one_after_the_other() -> None:
    step = Step()
    for first_seq, names in ((4, ()), (5, ("a", "b")), (7, ()), (7, ("c",))):
        step.take(published(first_seq, *names))
    assert (step.first_seq, step.keys, len(step.values)) == (5, [b"a", b"b", b"c"], 3)
    assert step.rows == published(5, "a", "b", "c").rows
    assert len(step.rows) == 3


@pytest.mark.parametrize("seq", [5, 6, 8])
def test_a_step_takes_no_gap_and_nothing_twice(seq: int) -> None:
    step = Step()
    step.take(published(5, "a", "b"))
    with pytest.raises(ValueError, match=f"tier message {seq} came where 7 was due"):
        step.take(published(seq, "c"))
    assert step.keys == [b"a", b"b"]


def test_steps_share_nothing() -> None:
    first, one = Step(), published(1, "a")
    first.take(one)
    first.take(published(2, "b"))
    assert (len(one.keys), len(one.rows)) == (1, 1)
    assert not Step().keys


class Recorder:
    """A transaction that writes down what it is told to execute."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[Any]]] = []

    async def execute(self, query: str, *columns: Any) -> None:
        self.calls.append(
            (
                query.partition("INSERT INTO ")[2].split()[0],
                [list(column) if isinstance(column, list) else column for column in columns],
            )
        )


async def written(rows: TierRows, post: tuple[int, bytes] | None = None) -> dict[str, list[Any]]:
    tx = Recorder()
    await PostgresScorerStore().write(tx, 3, rows, post)
    assert len(dict(tx.calls)) == len(tx.calls)
    return dict(tx.calls)


async def test_of_a_product_that_comes_twice_the_last_row_is_current() -> None:
    rows = published(1, "a", "b", "a").rows
    rows.revisions, rows.tiers, rows.previous_tiers = [4, 1, 5], [2, 0, 3], [1, 0, 2]
    found = await written(rows)
    assert found["scorer.tier_current"] == [
        ["a", "b"], [5, 1], [9, 9], [3, 0], [5, 5], ["thin", "thin"]
    ]  # fmt: skip
    assert found["scorer.tier_history"] == [
        ["a", "b", "a"], [4, 1, 5], [9, 9, 9], ["close", "close", "close"], [2, 0, 3], [1, 0, 2], [5, 5, 5]
    ]  # fmt: skip


async def test_nothing_is_executed_for_nothing() -> None:
    assert await written(TierRows()) == {}
    assert await written(TierRows(), (9, b"post")) == {"scorer.posts": [9, 3, b"post"]}
