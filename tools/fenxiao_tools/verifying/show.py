"""What `verify` found, for people (tables and lines) and for programs (one JSON object)."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fenxiao_tools.verify import VerifyReport
from fenxiao_tools.verifying.books import Books

LINES_MAX = 10


def show(report: VerifyReport, console: Console) -> None:
    """Print everything; the last line is `N products, M differ`."""
    console.print(_table(report.books))
    _list(console, "the logs", report.problems)
    _list(console, "the books", report.books.problems)
    _list(console, "not there yet", report.lag)
    for difference in report.comparison.differences:
        _list(console, f"{difference.product_id}: {difference.what}", difference.fields)
    compared = report.comparison
    console.print(f"{compared.messages:,} messages compared, {compared.compacted:,} compacted away", highlight=False)
    console.print(str(report), highlight=False)


def as_json(report: VerifyReport) -> dict[str, Any]:
    """The same as plain values."""
    books, compared = report.books, report.comparison
    return {
        "good": report.good,
        "products": report.products,
        "differ": report.differ,
        "messages": compared.messages,
        "compacted": compared.compacted,
        "newer": compared.newer,
        "differing": sorted(compared.differing),
        "differences": [
            {"product_id": each.product_id, "what": each.what, "fields": list(each.fields)}
            for each in compared.differences
        ],
        "books": {
            "balanced": books.balanced,
            "commands": books.commands,
            "accepted": books.accepted,
            "duplicates": books.duplicates,
            "refused": dict(books.refused.most_common()),
            "parked": books.parked,
            "unanswered": books.unanswered,
            "expired": books.expired,
            **{kind: {"asked": _sums(books.asked[kind]), "booked": _sums(books.booked[kind])} for kind in books.asked},
            "problems": books.problems,
        },
        "problems": list(report.problems),
        "lag": list(report.lag),
        "records": report.records,
        "repeats": report.repeats,
    }


def _sums(totals: Any) -> dict[str, int]:
    return {"count": totals.count, "quantity": totals.quantity, "minor": totals.minor}


def _table(books: Books) -> Table:
    verdict = "they balance" if books.balanced else f"{len(books.problems):,} faults"
    table = Table(title=f"The books: {verdict}", title_justify="left")
    for name in ("", "why", "number", "pieces", "money (minor units)"):
        table.add_column(name, justify="left" if name in ("", "why") else "right")
    table.add_row("commands", "", f"{books.commands:,}", end_section=True)
    table.add_row("accepted", "", f"{books.accepted:,}")
    table.add_row("duplicate", "", f"{books.duplicates:,}")
    for reason, count in books.refused.most_common():
        table.add_row("refused", reason, f"{count:,}")
    for what, count in (("parked", books.parked), ("unanswered", books.unanswered), ("expired", books.expired)):
        if count:
            table.add_row(what, "", f"{count:,}")
    table.add_section()
    for kind in books.asked:
        for what, totals in (("accepted", books.asked[kind]), ("events", books.booked[kind])):
            table.add_row(kind, what, f"{totals.count:,}", f"{totals.quantity:,}", f"{totals.minor:,}")
    return table


def _list(console: Console, title: str, lines: Any) -> None:
    if not lines and not title.count(":"):
        return
    console.print(f"[bold]{escape(title)}[/]")
    for line in lines[:LINES_MAX]:
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    if len(lines) > LINES_MAX:
        console.print(f"  and {len(lines) - LINES_MAX:,} more", highlight=False)
