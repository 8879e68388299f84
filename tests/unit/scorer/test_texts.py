"""Texts as numbers: against a dict, through growth and snapshots."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.texts import Bytes, Texts, TextTable, add, find

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
patient = settings(deadline=None)  # the first call compiles


@patient
@given(st.lists(NAMES | st.from_regex(r"p00[0-9]{2}", fullmatch=True), max_size=200), st.lists(NAMES))
def test_a_text_keeps_the_number_it_came_with(names: list[str], others: list[str]) -> None:
    texts = Texts()
    model: dict[str, int] = {}
    for name in names:
        assert texts.number(name) == model.get(name, -1)
        assert texts.add(name) == model.setdefault(name, len(model))
    assert len(texts) == len(model)
    loaded = Texts.load(texts.dump())
    for one in (texts, loaded):
        assert one.names(np.arange(len(model))) == list(model)
        assert [one.name(number) for number in model.values()] == list(model)
        assert all(one.number(name) == model.get(name, -1) for name in [*names, *others])
    assert loaded.add("one more") == model.get("one more", len(model))


@patient
@given(st.lists(NAMES, unique=True), st.data())
def test_the_order_is_that_of_strings(names: list[str], data: st.DataObject) -> None:
    texts = Texts()
    for name in names:
        texts.add(name)
    numbers = data.draw(st.lists(st.integers(0, len(names) - 1), max_size=50)) if names else []
    order = texts.order(np.array(numbers, np.int64))
    assert order.tolist() == sorted(range(len(numbers)), key=lambda place: names[numbers[place]])


@compiled
def add_all(table: TextTable, text: Bytes, width: int) -> int:
    for start in range(0, len(text), width):
        add(table, text, start, width)
    return int(table.count[0])


@compiled
def found(table: TextTable, text: Bytes, width: int) -> int:
    count = 0
    for start in range(0, len(text), width):
        count += find(table, text, start, width) == start // width
    return count


def test_many_texts_from_compiled_code_take_little_memory() -> None:
    names = [f"p{number:06}" for number in range(100_000)]
    texts = Texts()
    for first in range(0, len(names), 5_000):
        body = "".join(names[first : first + 5_000]).encode()
        texts.reserve(5_000, len(body))
        assert add_all(texts.table, np.frombuffer(body, np.uint8), 7) == first + 5_000
    assert found(texts.table, np.frombuffer("".join(names).encode(), np.uint8), 7) == len(names)
    assert texts.number("p099999") == 99_999
    assert texts.number("p100000") == -1
    assert sum(array.nbytes for array in texts.table) < (7 + 26) * len(names)


def test_a_known_text_needs_no_more_room() -> None:
    texts = Texts()
    texts.add("a")
    before = texts.table
    assert [texts.add("a") for _ in range(100)] == [0] * 100
    assert all(old is new for old, new in zip(before, texts.table, strict=True))
