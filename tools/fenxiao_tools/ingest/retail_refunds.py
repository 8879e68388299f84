"""Which earlier sales a cancellation of Online Retail takes back: the file does not say, so here is how it is decided.

A cancellation names the customer, the product, a quantity and a unit price, but not the invoice it cancels. It takes
from the earlier sales of that product to that customer, those at the same unit price first, the latest of them first,
as many as it needs. What it takes from the first is the row's own command, the rest are auxiliary ones. The money is
the cancelled quantity at the cancellation's unit price, but never more than is left of what the sale paid. If those
sales together have less left than is cancelled, nothing is refunded and the row is left out: a part would be a guess.
"""

from dataclasses import dataclass
from decimal import Decimal

from fenxiao_schemas.commands import Command, RecordRefund, RecordSale
from fenxiao_tools.ingest.items import AUX_PREFIX, ROW_PREFIX
from fenxiao_tools.ingest.retail_lines import Line, round_pence

NO_SALE = "cancellation: no earlier sale of the product to the customer"
TOO_FEW = "cancellation: more than the earlier sales have left"


@dataclass(slots=True)
class _Sold:
    """What is left of one sale."""

    order_line_id: str
    price: Decimal
    quantity: int
    paid_minor: int


class Ledger:
    """The sales so far, by customer and product, oldest first."""

    def __init__(self) -> None:
        self._sales: dict[tuple[str, str], list[_Sold]] = {}

    def add(self, line: Line, sale: RecordSale) -> None:
        """Remember a sale; one without a customer can't be cancelled."""
        if line.customer:
            sold = _Sold(sale.order_line_id, line.price, sale.quantity, sale.paid_minor)
            self._sales.setdefault((line.customer, line.product_id), []).append(sold)

    def why_not(self, line: Line) -> str:
        """Why a cancellation has no refund."""
        return TOO_FEW if self._open_sales(line) else NO_SALE

    def refund(self, line: Line) -> list[Command]:
        """The refunds of a cancellation, the row's own first; empty if not enough was sold."""
        wanted, sales = -line.quantity, self._open_sales(line)
        if sum(sold.quantity for sold in sales) < wanted:
            return []
        commands: list[Command] = []
        for sold in sales:
            quantity = min(wanted, sold.quantity)
            if quantity:
                commands.append(_take(line, sold, quantity, len(commands)))
                wanted -= quantity
        return commands

    def _open_sales(self, line: Line) -> list[_Sold]:
        sales = self._sales.get((line.customer or "", line.product_id), [])
        latest_first = [sold for sold in reversed(sales) if sold.quantity]
        # Stable, and False sorts before True: the same price first, and within that the latest.
        return sorted(latest_first, key=lambda sold: sold.price != line.price)


def _take(line: Line, sold: _Sold, quantity: int, number: int) -> RecordRefund:
    amount = min(round_pence(line.price * quantity), sold.paid_minor)
    sold.quantity -= quantity
    sold.paid_minor -= amount
    suffix = f"-{number}" if number else ""
    return RecordRefund(
        command_id=(AUX_PREFIX if number else ROW_PREFIX) + line.hash + suffix,
        at_ms=line.at_ms,
        product_id=line.product_id,
        order_line_id=sold.order_line_id,
        refund_id=line.hash + suffix,
        quantity=quantity,
        amount_minor=amount,
        fault="unknown",
    )
