"""A changed list as a message: its partition, key and bytes. `publisher` sends it."""

from dataclasses import dataclass
from typing import cast

from fenxiao_matcher.core.matcher import Change
from fenxiao_matcher.core.rank import MODEL
from fenxiao_schemas.codec import encode
from fenxiao_schemas.matches import Invitations, InvitedCreator, Recommendations, RecommendedProduct
from fenxiao_schemas.partitioning import partition_of


@dataclass(frozen=True, slots=True)
class Encoded:
    """A list as a record of its topic."""

    change: Change
    partition: int
    key: bytes
    value: bytes


def encode_change(
    change: Change, event_positions: tuple[int, ...], tier_positions: tuple[int, ...], partitions: int
) -> Encoded:
    """The record of a list that was made at these positions."""
    message = message_of(change, event_positions, tier_positions)
    key = change.key[1].encode()
    return Encoded(change, partition_of(key, partitions), key, encode(message))


def message_of(
    change: Change, event_positions: tuple[int, ...], tier_positions: tuple[int, ...]
) -> Recommendations | Invitations:
    """The message of a list."""
    direction, one = change.key
    if direction == "recommendations":
        return Recommendations(
            creator_id=one,
            revision=change.revision,
            model=MODEL,
            event_positions=event_positions,
            tier_positions=tier_positions,
            products=cast("tuple[RecommendedProduct, ...]", change.entries),
        )
    return Invitations(
        product_id=one,
        revision=change.revision,
        model=MODEL,
        event_positions=event_positions,
        tier_positions=tier_positions,
        creators=cast("tuple[InvitedCreator, ...]", change.entries),
    )
