"""Which rows a batch can touch: what the store must gather before the fold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

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

    def add(self, commands: Sequence[c.Command]) -> None:
        """Note what these commands can touch."""
        self.commands.update([command.command_id for command in commands])
        for command in commands:
            kind = type(command)
            if kind in _OF_PRODUCTS:
                self.products.add(command.product_id)  # type: ignore[attr-defined]
            if kind in _OF_LINES:
                self.lines.add(command.order_line_id)  # type: ignore[attr-defined]
            add_special = _SPECIAL.get(kind)
            if add_special is not None:
                add_special(self, command)


def _add_sale(keys: Keys, command: c.RecordSale) -> None:
    keys.parents.add(f"line:{command.order_line_id}")
    if command.buyer_id is not None:
        keys.buyers.add((command.buyer_id, command.product_id))


def _add_product(keys: Keys, command: c.RegisterProduct) -> None:
    keys.parents.add(f"product:{command.product_id}")
    keys.merchants.add(command.merchant_id)
    brand = command.brand_id or f"merchant:{command.merchant_id}"
    keys.brands_named.setdefault(command.product_id, set()).add(brand)


def _add_refund(keys: Keys, command: c.RecordRefund) -> None:
    keys.natural.add(("refund", command.refund_id))


def _add_violation(keys: Keys, command: c.RecordViolation) -> None:
    keys.natural.add(("violation", command.violation_id))


def _add_views(keys: Keys, command: c.RecordViews) -> None:
    keys.views.add((command.product_id, command.day))


def _add_plan(keys: Keys, command: c.SetPlan | c.EndPlan) -> None:
    keys.plans_of.add(command.product_id)


def _add_merchant(keys: Keys, command: c.RegisterMerchant | c.AuthoriseBrand) -> None:
    keys.merchants.add(command.merchant_id)


def _add_creator(keys: Keys, command: c.RegisterCreator) -> None:
    keys.creators.add(command.creator_id)


_OF_PRODUCTS = frozenset(kind for kind in get_args(c.AnyCommand) if "product_id" in kind.__struct_fields__)
_OF_LINES = frozenset(kind for kind in get_args(c.AnyCommand) if "order_line_id" in kind.__struct_fields__)
_SPECIAL: dict[type[c.Command], Callable[[Keys, Any], None]] = {
    c.RecordSale: _add_sale,
    c.RegisterProduct: _add_product,
    c.RecordRefund: _add_refund,
    c.RecordViolation: _add_violation,
    c.RecordViews: _add_views,
    c.SetPlan: _add_plan,
    c.EndPlan: _add_plan,
    c.RegisterMerchant: _add_merchant,
    c.AuthoriseBrand: _add_merchant,
    c.RegisterCreator: _add_creator,
}
