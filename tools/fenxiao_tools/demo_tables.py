"""What the demo found, as tables on the terminal: from the same `ReportData` as the HTML report."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from fenxiao_schemas.matches import Reason, Recommendations
from fenxiao_schemas.tiers import FORCES, Tier
from fenxiao_tools.report.data import ReportData
from fenxiao_tools.report.words import (
    TIER_NAMES,
    gap_in_words,
    part_name,
    points,
    refusal_name,
    rights_in_words,
)

BAR_CELLS = 30
TITLE_LENGTH_MAX = 30
CREATORS_SHOWN = 3
ENTRIES_SHOWN = 3
REASONS_SHOWN = 3
FORCE_HEADS = ("brand", "price", "distr", "serv", "sales")
TIER_STYLES = ("dim", "white", "cyan", "green", "yellow", "bold red")


def tables(data: ReportData) -> Iterator[RenderableType]:
    """Tiers, the best products of each, some recommendations, and what was refused, where there is any."""
    yield tier_table(data)
    if data.tiers:
        yield product_table(data)
    made = [one for one in data.recommendations if one.products]
    if made:
        yield recommendation_table(data, made)
    if data.refusals:
        yield refusal_table(data)


def tier_table(data: ReportData) -> Table:
    """How many products are in each tier."""
    counts = data.tier_counts()
    most = max([*counts, 1])
    table = _table("Products by tier", "tier", "products>", "")
    for tier in reversed(range(len(counts))):
        bar = "█" * round(BAR_CELLS * counts[tier] / most)
        table.add_row(TIER_NAMES[tier], f"{counts[tier]:,}", bar, style=TIER_STYLES[tier])
    return table


def product_table(data: ReportData) -> Table:
    """The best products of each tier with their five forces, and their label or what they lack."""
    heads = (f"{head}>" for head in FORCE_HEADS)
    table = _table("The best of each tier", "", "product", "score>", *heads, "right, or gap to the next tier")
    for tier in data.top():
        table.add_row(*_product_row(data, tier))
    rights = next((rights_in_words(tier.rights) for tier in data.ranked()), [])
    table.caption = f"{rights[0]} grants: {', '.join(rights[1:])}" if len(rights) > 1 else None
    return table


def _product_row(data: ReportData, tier: Tier) -> list[str]:
    forces = [str(getattr(tier.forces, force) // 100) for force in FORCES]
    style = TIER_STYLES[tier.tier]
    rest = tier.rights.label or gap_in_words(tier.gap)
    return [f"[{style}]L{tier.tier}[/]", _title(data, tier.product_id), points(tier.score_bps), *forces, escape(rest)]


def recommendation_table(data: ReportData, made: Sequence[Recommendations]) -> Table:
    """The first entries of a few creators' lists, with the reasons that weigh most."""
    table = _table("Goods for people", "creator", "product", "", "why")
    ranked = sorted(made, key=lambda one: (-sum(entry.tier for entry in one.products[:ENTRIES_SHOWN]), one.creator_id))
    for one in ranked[:CREATORS_SHOWN]:
        for number, entry in enumerate(one.products[:ENTRIES_SHOWN]):
            name = "" if number else escape(data.creator(one.creator_id))
            style = TIER_STYLES[entry.tier]
            tier = f"[{style}]L{entry.tier}[/]"
            table.add_row(name, _title(data, entry.product_id), tier, escape(reasons_in_words(entry.reasons)))
    return table


def reasons_in_words(reasons: Sequence[Reason]) -> str:
    """The reasons that weigh most, each with its share of the score."""
    total = max(1, sum(max(0, reason.score) for reason in reasons))
    ranked = sorted((reason for reason in reasons if reason.score > 0), key=lambda reason: -reason.score)
    return ", ".join(f"{part_name(reason.name)} {100 * reason.score // total}%" for reason in ranked[:REASONS_SHOWN])


def refusal_table(data: ReportData) -> Table:
    """Why commands were refused."""
    table = _table("Refused commands", "commands>", "reason")
    for reason, count in sorted(data.refusals.items(), key=lambda item: -item[1]):
        table.add_row(f"{count:,}", escape(refusal_name(reason)))
    return table


def _table(title: str, *columns: str) -> Table:
    """A table; a column's name that ends with `>` is set right."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for column in columns:
        table.add_column(column.removesuffix(">"), justify="right" if column.endswith(">") else "left")
    return table


def _title(data: ReportData, product_id: str) -> str:
    title = data.title(product_id)
    return escape(title if len(title) <= TITLE_LENGTH_MAX else title[: TITLE_LENGTH_MAX - 1] + "…")
