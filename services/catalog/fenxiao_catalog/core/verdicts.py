"""What a fold says of a command: accepted (None), or one of these. `fold` turns them into outcomes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    """It is not accepted. `reason` is a key of `outcomes.REASONS`."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Waits:
    """It came before `parent` (`product:ID` or `line:ID`)."""

    parent: str
    reason: str


Verdict = Refused | Waits | None


def no_product(product_id: str) -> Waits:
    """Waits for a product."""
    return Waits(f"product:{product_id}", "no_product")


def no_line(order_line_id: str) -> Waits:
    """Waits for a sale."""
    return Waits(f"line:{order_line_id}", "no_order_line")


NO_CHANGE = Refused("no_change")
