"""The report: one file that loads nothing, shows all there is, and lets nobody's title become markup."""

import re
from html import unescape

import pytest

from fenxiao_schemas.tiers import Gap, Rights
from fenxiao_tools.report.data import ReportData, TierChange
from fenxiao_tools.report.history import counts_by_day, flows, stops
from fenxiao_tools.report.page import render
from fenxiao_tools.report.words import gap_in_words, rights_in_words

CHARTS = ("tiers", "area", "flows", "reasons", "refusals", "radar")
LOADS = re.compile(
    r"""(?:\bsrc|<link[^>]*\bhref|\bsrcset|\bdata)\s*=\s*["']?\s*(?:https?:)?//|@import|url\(\s*["']?http"""
)


def without_library(html: str) -> str:
    """The page less plotly's own script, which names many addresses and loads none by itself."""
    return re.sub(r"<script>/\*\*.*?</script>", "", html, count=1, flags=re.DOTALL)


@pytest.fixture(scope="module")
def empty() -> str:
    return render(ReportData())


def change(product: str, day: int, tier: int, previous: int = 0) -> TierChange:
    return TierChange(product_id=product, day=day, tier=tier, previous_tier=previous)


def test_it_loads_nothing_from_elsewhere(report_data: ReportData) -> None:
    html = without_library(render(report_data))
    assert not LOADS.search(html)
    assert "http" not in re.sub(r"\s+", "", html).replace("http-equiv", "")


def test_it_holds_every_chart_with_data(report_data: ReportData) -> None:
    html = render(report_data)
    for chart in CHARTS:
        assert f'data-chart="{chart}"' in html
    assert html.count("Plotly.newPlot(") >= len(CHARTS) + 2  # a radar for each of three products
    assert "L5 featured 精选好物" in html


def test_what_others_wrote_is_never_markup(report_data: ReportData) -> None:
    html = without_library(render(report_data))
    assert '<script>alert("1")' not in html
    assert "<b>手冲咖啡壶" not in html
    assert '<script>alert("1")' in unescape(html)  # it is shown, as text


def test_it_is_the_same_for_the_same_data_but_for_chart_ids(report_data: ReportData) -> None:
    first, second = (re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", render(report_data)) for _ in range(2))
    assert first == second


def test_it_renders_without_any_data(empty: str) -> None:
    assert "data-chart" not in empty
    assert "No product has been assessed yet." in empty


def test_a_day_without_changes_repeats_the_day_before() -> None:
    changes = [change("a", 1, 1), change("b", 1, 1), change("a", 4, 2, 1), change("b", 4, 2, 1), change("b", 4, 3, 2)]
    by_day = counts_by_day(changes)
    assert list(by_day) == [1, 2, 3, 4]
    assert by_day[3] == [0, 2, 0, 0, 0, 0]
    assert by_day[4] == [0, 0, 1, 1, 0, 0]


def test_flows_count_each_product_once_a_stage() -> None:
    changes = [change("a", 0, 1), change("b", 0, 1), change("a", 5, 2, 1), change("a", 9, 1, 2)]
    assert stops(changes) == [3, 6, 9]
    found = {(flow.from_day, flow.from_tier, flow.to_tier): flow.products for flow in flows(changes)}
    assert found == {(3, 1, 1): 1, (3, 1, 2): 1, (6, 1, 1): 1, (6, 2, 1): 1}


def test_one_day_has_no_flows() -> None:
    assert flows([change("a", 3, 1)]) == []
    assert not ReportData(changes=[change("a", 3, 1)]).has_flows()


def test_a_gap_says_what_is_missing() -> None:
    gap = Gap(
        tier=5,
        score_bps=320,
        forces=(0, 0, 510, 0, 0),
        delivered=0,
        negative_reviews_bps=40,
        quality_returns_bps=0,
        blocked="violation",
    )
    words = "to L5: capped by a violation, score +3.2, distribution +5.1, negative reviews -0.4%"
    assert gap_in_words(gap) == words
    assert gap_in_words(None) == "at the top"


def test_everyones_rights_are_no_rights() -> None:
    assert rights_in_words(Rights()) == []
    assert rights_in_words(Rights(traffic_public_bps=15_000, label="精选好物", subsidy_eligible=True)) == [
        "精选好物",
        "traffic 1.5x public, 1x private",
        "subsidies",
    ]
