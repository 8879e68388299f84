"""What the demo says: phases, tables, and when the matcher is done."""

import io
from collections.abc import Sequence
from typing import Any, cast

import pytest
from rich.console import Console

from fenxiao_tools import matcher_wait
from fenxiao_tools.demo_tables import tables
from fenxiao_tools.errors import ToolError
from fenxiao_tools.health import Health
from fenxiao_tools.matcher_wait import await_matcher, what_is_left
from fenxiao_tools.phases import Phases
from fenxiao_tools.processes import Services
from fenxiao_tools.report.data import ReportData

WIDTH = 110


def plain() -> Console:
    return Console(file=io.StringIO(), width=WIDTH, highlight=False)


def text_of(console: Console) -> str:
    return cast("io.StringIO", console.file).getvalue()


class Told:
    """A matcher whose health is what we say, the last of it for ever."""

    def __init__(self, reports: Sequence[dict[str, Any]]) -> None:
        self._reports = list(reports)

    def health(self, name: str) -> Health:
        assert name == "matcher"
        report = self._reports.pop(0) if len(self._reports) > 1 else self._reports[0]
        return Health(bool(report["ready"]), report)


def told(*reports: dict[str, Any]) -> Services:
    return cast("Services", Told(reports))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matcher_wait, "POLL_S", 0.001)


def test_tables_show_what_there_is(report_data: ReportData) -> None:
    console = plain()
    for table in tables(report_data):
        console.print(table)
    text = text_of(console)
    for part in ("L5 featured 精选好物", "精选好物 grants: traffic 1.5x public", "Goods for people", "达人"):
        assert part in text
    assert "more would be refunded than was paid or bought" in text
    assert "over_refund" not in text


def test_tables_of_nothing_are_one() -> None:
    assert len(list(tables(ReportData()))) == 1


def test_a_phase_says_what_and_how_long() -> None:
    console = plain()
    phases = Phases(console)
    with phases.phase("counting [sheep]") as say:
        say("3 of them")
        say.passing("one more")  # not at once where there is no terminal
    text = text_of(console)
    assert "▸ counting [sheep]" in text
    assert "3 of them" in text
    assert "one more" not in text
    assert "done in " in text


def test_a_phase_that_fails_is_not_done() -> None:
    console = plain()
    with pytest.raises(ToolError), Phases(console).phase("counting"):
        raise ToolError("no sheep")
    assert "done" not in text_of(console)


def test_the_matcher_is_done_when_nothing_is_left_for_a_while() -> None:
    said: list[str] = []
    busy = {"ready": True, "lag": 5, "dirty": 0}
    done = {"ready": True, "lag": 0, "dirty": 0}
    await_matcher(told({"ready": False, "lag": 9, "dirty": 1}, done, busy, done), 10, said.append)
    nothing = "the matcher has nothing left"
    assert said == ["the matcher has lag 9, dirty 1", nothing, "the matcher has lag 5", nothing]


def test_a_matcher_that_is_never_done_is_told() -> None:
    with pytest.raises(ToolError, match=r"was not done after 0\.01 s"):
        await_matcher(told({"ready": True, "lag": 0, "dirty": 2}), 0.01, lambda _: None)


def test_a_matcher_that_stands_still_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matcher_wait, "STALL_S_MAX", 0.02)
    with pytest.raises(ToolError, match=r"nothing moved for 0\.02 s: dirty 1,002"):
        await_matcher(told({"ready": True, "lag": 0, "dirty": 1002}), 60, lambda _: None)


def test_what_is_left() -> None:
    assert what_is_left({"lag": 0, "dirty": 3, "other": 4}) == "dirty 3"
    assert not what_is_left({})
