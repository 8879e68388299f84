"""Sets `ReportData` and its charts into the template: one file, with its style and its script inside.

Texts that others wrote (titles, names) are escaped by the template engine; only what is made here is marked safe.
"""

from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.graph_objects import Figure  # type: ignore[import-untyped]
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from fenxiao_schemas.matches import Reason
from fenxiao_schemas.tiers import FORCES, Tier
from fenxiao_tools.report import charts
from fenxiao_tools.report.data import ReportData
from fenxiao_tools.report.words import FORCE_NAMES, TIER_NAMES, gap_in_words, part_name, points, rights_in_words

PART_COLOURS = ("#3f8f8c", "#6fa8c9", "#e0a243", "#b07aa1", "#98a2b3", "#cf4b3c", "#7f9f4d", "#7a86c8")
LISTS = 6
ENTRIES = 4
CONFIG = {"displayModeBar": False, "responsive": True}
EMPTY = Markup('<p class="empty">Nothing to show yet.</p>')


def render(data: ReportData) -> str:
    """The whole report as HTML."""
    environment = Environment(
        loader=PackageLoader("fenxiao_tools", "report"),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("page.html.j2").render(
        style=Markup(resources.files("fenxiao_tools.report").joinpath("style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        plotly_js=Markup(get_plotlyjs()),  # noqa: S704 - the library's own
        colours=charts.TIER_COLOURS,
        tier_names=TIER_NAMES,
        subtitle=_subtitle(data),
        notes=data.notes,
        counts=_counts(data),
        charts=_charts(data),
        radars=[_product(data, tier) | {"chart": _embed(_radar(data, tier), "radar")} for tier in data.examples()],
        products=[_product(data, tier) for tier in data.top()],
        recommendations=_recommendations(data),
        invitations=_invitations(data),
    )


def _subtitle(data: ReportData) -> str:
    days = [change.day for change in data.changes]
    period = f"{charts.day_text(min(days))} to {charts.day_text(max(days))}" if days else ""
    return " · ".join(part for part in (data.source, period) if part)


def _counts(data: ReportData) -> list[tuple[str, str]]:
    tiers = data.tier_counts()
    numbers = [
        ("products", sum(tiers)),
        ("rated", sum(tier.evidence == "rated" for tier in data.tiers.values())),
        ("featured (L5)", tiers[5]),
        ("creators", len(data.creators)),
        ("creators' lists", len(data.recommendations)),
        ("commands accepted", data.outcomes.get("accepted", 0)),
        ("refused", data.outcomes.get("refused", 0)),
    ]
    return [(name, f"{number:,}") for name, number in numbers]


def _charts(data: ReportData) -> dict[str, Markup]:
    has_entries = any(made.products for made in data.recommendations)
    return {
        "tiers": _embed(charts.tier_bars(data), "tiers") if data.tiers else EMPTY,
        "area": _embed(charts.tier_area(data), "area") if data.changes else EMPTY,
        "flows": _embed(charts.tier_flows(data), "flows") if data.has_flows() else EMPTY,
        "reasons": _embed(charts.reasons(data), "reasons") if has_entries else EMPTY,
        "refusals": _embed(charts.refusals(data), "refusals") if data.refusals else EMPTY,
    }


def _embed(figure: Figure, name: str) -> Markup:
    """A figure as a `div` with its script; plotly escapes what would end the script."""
    html: str = figure.to_html(full_html=False, include_plotlyjs=False, include_mathjax=False, config=CONFIG)
    return Markup('<div class="chart" data-chart="{}">{}</div>').format(name, Markup(html))  # noqa: S704 - as said


def _radar(data: ReportData, tier: Tier) -> Figure:
    return charts.radar(tier, data.l5_floors_bps)


def _product(data: ReportData, tier: Tier) -> dict[str, Any]:
    forces = [(FORCE_NAMES[force], getattr(tier.forces, force)) for force in FORCES]
    return {
        "id": tier.product_id,
        "tier": tier.tier,
        "title": data.title(tier.product_id),
        "score": points(tier.score_bps),
        "forces": [{"name": name, "percent": bps // 100, "points": points(bps)} for name, bps in forces],
        "rights": rights_in_words(tier.rights),
        "gap": gap_in_words(tier.gap),
    }


def _recommendations(data: ReportData) -> list[dict[str, Any]]:
    """The lists with the most featured products first, because they show most."""
    made = [made for made in data.recommendations if made.products]
    made.sort(key=lambda made: (-sum(entry.tier for entry in made.products[:ENTRIES]), made.creator_id))
    colours = _colours(reason for made in data.recommendations for entry in made.products for reason in entry.reasons)
    return [
        {
            "name": data.creator(one.creator_id),
            "entries": [
                {
                    "id": entry.product_id,
                    "name": data.title(entry.product_id),
                    "tier": entry.tier,
                    "reasons": _parts(entry.reasons, colours),
                }
                for entry in one.products[:ENTRIES]
            ],
        }
        for one in made[:LISTS]
    ]


def _invitations(data: ReportData) -> list[dict[str, Any]]:
    made = sorted((made for made in data.invitations if made.creators), key=lambda made: made.product_id)
    colours = _colours(reason for made in data.invitations for entry in made.creators for reason in entry.reasons)
    return [
        {
            "name": data.title(one.product_id),
            "entries": [
                {
                    "id": entry.creator_id,
                    "name": data.creator(entry.creator_id),
                    "reasons": _parts(entry.reasons, colours),
                }
                for entry in one.creators[:ENTRIES]
            ],
        }
        for one in made[:LISTS]
    ]


def _colours(reasons: Iterable[Reason]) -> dict[str, str]:
    """One colour a part, the same in every list."""
    names = sorted({reason.name for reason in reasons})
    return {name: PART_COLOURS[number % len(PART_COLOURS)] for number, name in enumerate(names)}


def _parts(reasons: Sequence[Reason], colours: dict[str, str]) -> list[dict[str, Any]]:
    """The parts above zero with their share of the whole, the largest first."""
    total = max(1, sum(max(0, reason.score) for reason in reasons))
    ranked = sorted(reasons, key=lambda reason: -reason.score)
    return [
        {
            "text": part_name(reason.name),
            "score": reason.score,
            "share": 100 * reason.score // total,
            "evidence": reason.evidence,
            "colour": colours[reason.name],
        }
        for reason in ranked
        if reason.score > 0
    ]
