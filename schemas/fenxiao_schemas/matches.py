"""`fenxiao.matcher.*`: goods for people and people for goods, ranked, with reasons that sum to the score."""

from typing import Annotated

import msgspec
from msgspec import Meta

from fenxiao_schemas.base import Message, Ref, Revision, TierNumber, snake_case

LIST_LENGTH_MAX = 100


class Reason(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One part of a score. The parts of an entry sum to its `score`."""

    name: Annotated[str, Meta(max_length=40)]
    score: int
    evidence: Annotated[str, Meta(max_length=120)] = ""


class RecommendedProduct(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A product for a creator."""

    product_id: Ref
    score: int
    tier: TierNumber
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=8)]


class InvitedCreator(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A creator for a product."""

    creator_id: Ref
    score: int
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=8)]


class Recommendations(Message, frozen=True, kw_only=True, gc=False, tag=snake_case):
    """Goods for a person: a creator's ranked products, best first. An empty list withdraws the one before.

    `positions`: for each partition, the next offset of events and of tiers that the list has seen.
    """

    creator_id: Ref
    revision: Revision
    model: Annotated[str, Meta(max_length=40)]
    event_positions: tuple[int, ...]
    tier_positions: tuple[int, ...]
    products: Annotated[tuple[RecommendedProduct, ...], Meta(max_length=LIST_LENGTH_MAX)]


class Invitations(Message, frozen=True, kw_only=True, gc=False, tag=snake_case):
    """People for goods: a product's ranked creators, best first. An empty list withdraws the one before."""

    product_id: Ref
    revision: Revision
    model: Annotated[str, Meta(max_length=40)]
    event_positions: tuple[int, ...]
    tier_positions: tuple[int, ...]
    creators: Annotated[tuple[InvitedCreator, ...], Meta(max_length=LIST_LENGTH_MAX)]


AnyRecommendations = Recommendations
AnyInvitations = Invitations
