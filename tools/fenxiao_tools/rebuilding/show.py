"""What `rebuild` found, for people (tables and lines) and for programs (one JSON object)."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fenxiao_tools.rebuild import Rebuilt, shown_day
from fenxiao_tools.rebuilding.as_of import AsOf, product_json, tally
from fenxiao_tools.rebuilding.comparing import Checked, Comparison
from fenxiao_tools.rebuilding.folding import Progress

SHORT = 16
"""So many digits of a fingerprint are for people."""


def show_rebuilt(rebuilt: Rebuilt, console: Console) -> None:
    """A row per partition; compared, the differences, and the last line is `N products, M differ`."""
    compared = rebuilt.comparison
    columns = ["partition", "events", "days", "messages", "events/s", "state"]
    if compared is not None:
        columns += ["compared", "compacted", "sha256 of them", "snapshot"]
    table = _table(columns)
    for number, (done, print_) in enumerate(zip(rebuilt.progress, rebuilt.fingerprints, strict=True)):
        cells = [str(number), *(f"{value:,}" for value in (done.events, done.closes, done.messages, _rate(done)))]
        cells.append(print_[:SHORT])
        if compared is not None:
            checked = compared.partitions[number]
            cells += [f"{checked.messages:,}", f"{checked.compacted:,}", _sums(checked), checked.snapshot]
        table.add_row(*cells)
    console.print(table)
    if compared is not None:
        _show_comparison(compared, console)


def _show_comparison(compared: Comparison, console: Console) -> None:
    for line in (*map(str, compared.differences), *compared.lag):
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    if (
        compared.differing
        and (more := len(compared.differing) - len({_whose(each) for each in compared.differences})) > 0
    ):
        console.print(f"  and {more:,} more that differ", highlight=False)
    console.print(f"{compared.products:,} products, {len(compared.differing):,} differ", highlight=False)


def rebuilt_json(rebuilt: Rebuilt) -> dict[str, Any]:
    """The same as plain values."""
    compared = rebuilt.comparison
    partitions = [
        {
            "events": done.events,
            "days": done.closes,
            "messages": done.messages,
            "events_per_s": _rate(done),
            "fingerprint": print_,
        }
        for done, print_ in zip(rebuilt.progress, rebuilt.fingerprints, strict=True)
    ]
    if compared is None:
        return {"partitions": partitions}
    for row, checked in zip(partitions, compared.partitions, strict=True):
        row |= {
            "compared": checked.messages,
            "compacted": checked.compacted,
            "rebuilt_sha256": checked.rebuilt.hexdigest(),
            "live_sha256": checked.live.hexdigest(),
            "snapshot": checked.snapshot,
        }
    return {
        "good": compared.good,
        "products": compared.products,
        "differ": len(compared.differing),
        "differences": [str(each) for each in compared.differences],
        "lag": compared.lag,
        "partitions": partitions,
    }


def show_as_of(answer: AsOf, limit: int, console: Console) -> None:
    """Tiers before and now, who moved, and the largest moves of the score."""
    moves = answer.moves()
    counts = tally(moves)
    console.print(f"[bold]As of the close of day {shown_day(answer.day)}[/]", highlight=False)
    table = _table(["tier", "published", "now"])
    for tier, count in counts.tiers.items():
        table.add_row(f"L{tier}", f"{counts.tiers_before[tier]:,}", f"{count:,}")
    console.print(table)
    largest = [move for move in moves[:limit] if move.score != move.score_before]
    if largest:
        console.print("[bold]The largest moves of the score[/]")
        table = _table(["product", "tier", "score", "move"], text=1)
        for move in largest:
            table.add_row(
                escape(move.product_id),
                f"L{move.tier_before} to L{move.tier}" if move.tier != move.tier_before else f"L{move.tier}",
                f"{move.score_before / 100:.2f} to {move.score / 100:.2f}",
                f"{(move.score - move.score_before) / 100:+.2f}",
            )
        console.print(table)
    console.print(
        f"{len(moves):,} products: {counts.up:,} up, {counts.down:,} down, {counts.stayed:,} stayed", highlight=False
    )


def as_of_json(answer: AsOf) -> dict[str, Any]:
    """Every product, and the counts."""
    counts = tally(answer.moves())
    return {
        "day": answer.day,
        "up": counts.up,
        "down": counts.down,
        "stayed": counts.stayed,
        "published_tiers": counts.tiers_before,
        "tiers": counts.tiers,
        "products": [product_json(tier) for tier in answer.tiers()],
    }


def _table(columns: list[str], text: int = 0) -> Table:
    table = Table()
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place < text or name in ("state", "snapshot") else "right")
    return table


def _rate(done: Progress) -> int:
    return round(done.events / done.seconds) if done.seconds else 0


def _sums(checked: Checked) -> str:
    rebuilt, live = checked.rebuilt.hexdigest(), checked.live.hexdigest()
    return rebuilt[:8] if rebuilt == live else f"{rebuilt[:8]}, live {live[:8]}"


def _whose(difference: Any) -> str:
    return difference.product_id or f"{difference.where}: {difference.field}"
