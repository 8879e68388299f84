"""The graph of attributed net sales as it is folded: numbers for the ids, and a `ledger` of amounts. `snapshot` reads it."""

from fenxiao_matcher.core.ledger import CREATOR_BITS, PRODUCT_BITS, Ledger
from fenxiao_matcher.core.names import Names


class Graph:
    """Creators and products, and what they sold of each other on which day."""

    def __init__(self) -> None:
        self.creators = Names(1 << CREATOR_BITS)
        self.products = Names(1 << PRODUCT_BITS)
        self.ledger = Ledger()

    def add(self, creator_id: str, product_id: str, day: int, net_minor: int) -> None:
        """Book an amount, negative for what goes back, on the day of the order."""
        self.ledger.add(self.creators.number(creator_id), self.products.number(product_id), day, net_minor)
