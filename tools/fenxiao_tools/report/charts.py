"""The report's charts as plotly figures, one function each, from `ReportData` alone; `page` places them.

Colours of text and lines are left to the page's style sheet, so that one file serves light and dark. What others wrote
(titles) is escaped, because plotly reads a little HTML in its labels.
"""

from collections import Counter
from datetime import date
from html import escape
from typing import Any

from plotly import graph_objects as go  # type: ignore[import-untyped]

from fenxiao_schemas.tiers import FORCES, Tier
from fenxiao_tools.report.data import TIERS, Flow, ReportData
from fenxiao_tools.report.history import counts_by_day, flows, stops
from fenxiao_tools.report.words import FORCE_NAMES, TIER_NAMES, part_name, points, refusal_name

TIER_COLOURS = ("#98a2b3", "#a9c1d9", "#6fa8c9", "#3f8f8c", "#e0a243", "#cf4b3c")
FONT = '"Inter", "Segoe UI", system-ui, "Noto Sans SC", "Noto Sans CJK SC", "PingFang SC", sans-serif'
INK = "#5b6675"
FAINT = "rgba(128, 140, 155, 0.28)"
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
FLOW_OPACITY = 0.38
LABEL_LENGTH_MAX = 60
BAR_HEIGHT = 38
NODE_PAD = 0.035
"""Between the nodes of a column, as a share of the height; at most `PADS` of them."""
PADS = 5


def day_text(day: int) -> str:
    """A business day as its date."""
    return date.fromordinal(EPOCH_ORDINAL + day).isoformat()


def tier_bars(data: ReportData) -> go.Figure:
    """How many products are in each tier now."""
    counts = data.tier_counts()
    total = max(1, sum(counts))
    bars = go.Bar(
        x=counts,
        y=list(TIER_NAMES),
        orientation="h",
        marker={"color": TIER_COLOURS, "cornerradius": 4},
        text=[f"{count:,}  ·  {100 * count / total:.0f}%" for count in counts],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:,} products<extra></extra>",
    )
    figure = _figure([bars], height=320)
    figure.update_xaxes(visible=False, range=[0, max([*counts, 1]) * 1.4])
    return figure


def tier_area(data: ReportData) -> go.Figure:
    """How many products were in each tier at the end of each day."""
    by_day = counts_by_day(data.changes)
    dates = [day_text(day) for day in by_day]
    areas = [
        go.Scatter(
            x=dates,
            y=[counts[tier] for counts in by_day.values()],
            name=TIER_NAMES[tier],
            stackgroup="tiers",
            mode="lines",
            line={"width": 0, "color": TIER_COLOURS[tier], "shape": "hv"},
            fillcolor=TIER_COLOURS[tier],
            hovertemplate="%{y:,}",
        )
        for tier in TIERS
        if any(counts[tier] for counts in by_day.values())
    ]
    figure = _figure(areas, height=320)
    figure.update_layout(hovermode="x unified", legend={"orientation": "h", "y": -0.16, "traceorder": "normal"})
    figure.update_yaxes(gridcolor=FAINT, zeroline=False, rangemode="tozero")
    figure.update_xaxes(showgrid=False)
    return figure


def radar(tier: Tier, floors_bps: tuple[int, ...]) -> go.Figure:
    """One product's five forces, and the floors that L5 asks."""
    names = [FORCE_NAMES[force].replace(" ", "<br>") for force in FORCES]
    forces = [getattr(tier.forces, force) / 100 for force in FORCES]
    colour = TIER_COLOURS[tier.tier]
    figure = _figure([], height=300)
    if floors_bps:
        floors = [floor / 100 for floor in floors_bps]
        figure.add_trace(_ring(names, floors, name="L5 floor", line={"color": INK, "width": 1.2, "dash": "dot"}))
    ring = _ring(names, forces, name="now", line={"color": colour, "width": 2.4})
    figure.add_trace(ring.update(fill="toself", fillcolor=_faded(colour)))
    figure.update_layout(margin={"l": 74, "r": 74, "t": 44, "b": 40}, showlegend=False)
    axis = {"range": [0, 100], "gridcolor": FAINT, "linecolor": FAINT}
    figure.update_polars(
        bgcolor="rgba(0,0,0,0)",
        radialaxis=axis | {"tickvals": [25, 50, 75, 100], "tickfont": {"size": 10}, "angle": 90, "tickangle": 90},
        angularaxis={"gridcolor": FAINT, "linecolor": FAINT, "rotation": 90, "direction": "clockwise"},
    )
    return figure


def _ring(names: list[str], values: list[float], **looks: Any) -> go.Scatterpolar:
    """A closed line: the first point again at the end."""
    return go.Scatterpolar(
        r=[*values, values[0]],
        theta=[*names, names[0]],
        mode="lines",
        hovertemplate="%{theta}: %{r:.1f}<extra>" + str(looks["name"]) + "</extra>",
        **looks,
    )


def tier_flows(data: ReportData) -> go.Figure:
    """How products moved between tiers, from one third of the period to the next."""
    found, days = flows(data.changes), stops(data.changes)
    ends = {(flow.from_day, flow.from_tier) for flow in found} | {(flow.to_day, flow.to_tier) for flow in found}
    # Columns in order of days, the best tier on top.
    nodes = sorted(ends, key=lambda end: (end[0], -end[1]))
    place = {node: number for number, node in enumerate(nodes)}
    columns = max(1, len(days) - 1)
    sankey = go.Sankey(
        arrangement="snap",
        node={
            "label": [f"L{tier}" for _, tier in nodes],
            "customdata": [f"{TIER_NAMES[tier]} on {day_text(day)}" for day, tier in nodes],
            "color": [TIER_COLOURS[tier] for _, tier in nodes],
            "x": [min(0.999, max(0.001, days.index(day) / columns)) for day, _ in nodes],
            "y": _heights(found, nodes),
            "pad": 14,
            "thickness": 16,
            "line": {"width": 0},
            "hovertemplate": "%{customdata}: %{value:,}<extra></extra>",
        },
        link={
            "source": [place[flow.from_day, flow.from_tier] for flow in found],
            "target": [place[flow.to_day, flow.to_tier] for flow in found],
            "value": [flow.products for flow in found],
            "color": [_faded(TIER_COLOURS[flow.to_tier]) for flow in found],
            "hovertemplate": "%{source.label} to %{target.label}: %{value:,} products<extra></extra>",
        },
    )
    figure = _figure([sankey], height=360)
    for number, day in enumerate(days):
        figure.add_annotation(
            x=number / columns, y=1.1, text=day_text(day), showarrow=False, xref="paper", yref="paper"
        )
    figure.update_layout(margin={"l": 10, "r": 10, "t": 40, "b": 10})
    return figure


def _heights(found: list[Flow], nodes: list[tuple[int, int]]) -> list[float]:
    """The middle of each node from the top, so that a column's nodes stand in order and none leaves the picture."""
    out: Counter[tuple[int, int]] = Counter()
    into: Counter[tuple[int, int]] = Counter()
    for flow in found:
        out[flow.from_day, flow.from_tier] += flow.products
        into[flow.to_day, flow.to_tier] += flow.products
    size = {node: max(out[node], into[node]) for node in nodes}
    columns: Counter[int] = Counter()
    for (day, _), products in size.items():
        columns[day] += products
    share = (1 - PADS * NODE_PAD) / max(1, *columns.values())
    heights, top = [], dict.fromkeys(columns, 0.0)
    for day, tier in nodes:
        height = share * size[day, tier]
        heights.append(min(0.999, max(0.001, top[day] + height / 2)))
        top[day] += height + NODE_PAD
    return heights


def refusals(data: ReportData) -> go.Figure:
    """How many commands were refused, by reason."""
    ranked = sorted(data.refusals.items(), key=lambda item: item[1])
    bars = go.Bar(
        x=[count for _, count in ranked],
        y=[escape(_short(refusal_name(reason))) for reason, _ in ranked],
        customdata=[escape(reason) for reason, _ in ranked],
        orientation="h",
        marker={"color": "#8d93a5", "cornerradius": 4},
        text=[f"{count:,}" for _, count in ranked],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{customdata}: %{x:,}<extra></extra>",
    )
    figure = _figure([bars], height=70 + BAR_HEIGHT * max(1, len(ranked)))
    figure.update_xaxes(visible=False, range=[0, max([*data.refusals.values(), 1]) * 1.15])
    return figure


def reasons(data: ReportData) -> go.Figure:
    """What the recommendations of all creators rest on, on the whole."""
    parts: dict[str, int] = {}
    for entry in (entry for made in data.recommendations for entry in made.products):
        for reason in entry.reasons:
            parts[reason.name] = parts.get(reason.name, 0) + max(0, reason.score)
    total = max(1, sum(parts.values()))
    ranked = sorted(parts.items(), key=lambda item: item[1])
    shares = [10_000 * score // total for _, score in ranked]
    bars = go.Bar(
        x=shares,
        y=[escape(part_name(name)) for name, _ in ranked],
        orientation="h",
        marker={"color": "#5f8fb0", "cornerradius": 4},
        text=[f"{points(share)}%" for share in shares],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure = _figure([bars], height=70 + BAR_HEIGHT * max(1, len(ranked)))
    figure.update_xaxes(visible=False, range=[0, max([*shares, 1]) * 1.2])
    return figure


def _figure(traces: list[Any], *, height: int) -> go.Figure:
    layout = go.Layout(
        template="none",  # plotly's own would add its colours to each figure
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 13, "color": INK},
        hoverlabel={"font": {"family": FONT, "size": 13}},
    )
    figure = go.Figure(data=traces, layout=layout)
    figure.update_yaxes(automargin=True, ticks="", showline=False, ticklabelstandoff=6)
    return figure


def _faded(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {FLOW_OPACITY})"


def _short(text: str) -> str:
    return text if len(text) <= LABEL_LENGTH_MAX else text[: LABEL_LENGTH_MAX - 1] + "…"
