"""Which list: its direction and the creator or product whose it is. `dirty`, `book` and the publisher speak of these."""

from typing import Literal

from fenxiao_schemas.matches import InvitedCreator, RecommendedProduct

Direction = Literal["recommendations", "invitations"]
ListKey = tuple[Direction, str]
Entries = tuple[RecommendedProduct, ...] | tuple[InvitedCreator, ...]
Row = tuple[str, int, int]
"""(id, score, tier) of an entry: what decides whether two lists differ."""


def rows_of(entries: Entries) -> tuple[Row, ...]:
    """The entries without their reasons."""
    return tuple(
        (entry.product_id, entry.score, entry.tier)
        if isinstance(entry, RecommendedProduct)
        else (entry.creator_id, entry.score, 0)
        for entry in entries
    )
