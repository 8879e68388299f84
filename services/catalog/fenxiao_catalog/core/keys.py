"""Which rows a batch can touch: what the store must gather before the fold."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from fenxiao_schemas import commands as c


@dataclass(slots=True)
class Keys:
    """Ids by table. Sets grow in two rounds: the batch's own commands, then the parked ones that they release."""

    commands: set[str] = field(default_factory=set)
    products: set[str] = field(default_factory=set)
    lines: set[str] = field(default_factory=set)
    plans_of: set[str] = field(default_factory=set)
    views: set[tuple[str, int]] = field(default_factory=set)
    natural: set[tuple[str, str]] = field(default_factory=set)
    merchants: set[str] = field(default_factory=set)
    creators: set[str] = field(default_factory=set)
    buyers: set[tuple[str, str]] = field(default_factory=set)
    parents: set[str] = field(default_factory=set)
    brands_named: dict[str, set[str]] = field(default_factory=dict)

    def add(self, commands: Iterable[c.Command]) -> None:
        """Note what these commands can touch."""
        for command in commands:
            self.commands.add(command.command_id)
            product_id = getattr(command, "product_id", None)
            if product_id is not None:
                self.products.add(product_id)
            line_id = getattr(command, "order_line_id", None)
            if line_id is not None:
                self.lines.add(line_id)
            self._add_special(command)

    def _add_special(self, command: c.Command) -> None:
        match command:
            case c.RecordSale():
                self.parents.add(f"line:{command.order_line_id}")
                if command.buyer_id is not None:
                    self.buyers.add((command.buyer_id, command.product_id))
            case c.RegisterProduct():
                self.parents.add(f"product:{command.product_id}")
                self.merchants.add(command.merchant_id)
                brand = command.brand_id or f"merchant:{command.merchant_id}"
                self.brands_named.setdefault(command.product_id, set()).add(brand)
            case c.RecordRefund():
                self.natural.add(("refund", command.refund_id))
            case c.RecordViolation():
                self.natural.add(("violation", command.violation_id))
            case c.RecordViews():
                self.views.add((command.product_id, command.day))
            case c.SetPlan() | c.EndPlan():
                self.plans_of.add(command.product_id)
            case c.RegisterMerchant() | c.AuthoriseBrand():
                self.merchants.add(command.merchant_id)
            case c.RegisterCreator():
                self.creators.add(command.creator_id)
            case _:
                pass
