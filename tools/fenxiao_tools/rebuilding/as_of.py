"""The scores of a past day under some policy, beside what was published by then. No I/O.

Two folds run over the same log: one under the log's own policies, whose messages are those that were published; and one
under the policy in question, which at the day's close is made to tell all products as they are. An unchanged policy
thus moves no tier, and scores by less than what is worth a message.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from fenxiao_schemas.tiers import Tier
from fenxiao_schemas.topics import TIERS, codec_of
from fenxiao_scorer.core import Step
from fenxiao_tools.rebuilding.folding import Policies, Rebuild


class Move(NamedTuple):
    """A product's score and tier: what was published, and what is now said."""

    product_id: str
    tier_before: int
    tier: int
    score_before: int
    score: int


@dataclass(slots=True)
class AsOf:
    """The products as of the close of a day.

    Attributes:
        day: It.
        published: The last message of each product until then.
        assessed: What the close says of each product under the policy.
    """

    day: int
    published: dict[bytes, bytes] = field(default_factory=dict)
    assessed: dict[bytes, bytes] = field(default_factory=dict)

    def folds(self, partitions: int, real: Policies, wanted: Policies) -> tuple[Rebuild, Rebuild]:
        """The two folds, to be given the same events."""
        published = Rebuild(partitions, real, watch=self._publish, until_day=self.day)
        assessed = Rebuild(partitions, wanted, watch=self._assess, until_day=self.day, tell_all=True)
        return published, assessed

    def _publish(self, partition: int, step: Step) -> None:
        del partition
        self.published.update(zip(step.keys, step.values, strict=True))

    def _assess(self, partition: int, step: Step) -> None:
        del partition
        self.assessed.update(zip(step.keys, step.values, strict=True))

    def tiers(self) -> Iterator[Tier]:
        """What the close says, in the order of the products' ids."""
        return (_read(body) for _, body in sorted(self.assessed.items()))

    def moves(self) -> list[Move]:
        """Of every product, the largest moves of the score first."""
        moves = [
            Move(now.product_id, before.tier, now.tier, before.score_bps, now.score_bps)
            for now, before in ((now, _read(self.published[now.product_id.encode()])) for now in self.tiers())
        ]
        return sorted(moves, key=lambda move: (-abs(move.score - move.score_before), move.product_id))


class Tally(NamedTuple):
    """How many products there are at each tier, and how many moved."""

    tiers: dict[int, int]
    tiers_before: dict[int, int]
    up: int
    down: int
    stayed: int


def tally(moves: list[Move]) -> Tally:
    """Count them."""
    now, before = Counter(move.tier for move in moves), Counter(move.tier_before for move in moves)
    up = sum(move.tier > move.tier_before for move in moves)
    down = sum(move.tier < move.tier_before for move in moves)
    tiers = range(6)
    return Tally(
        {tier: now[tier] for tier in tiers}, {tier: before[tier] for tier in tiers}, up, down, len(moves) - up - down
    )


def product_json(tier: Tier) -> dict[str, Any]:
    """A product as plain values."""
    return {
        "product_id": tier.product_id,
        "tier": tier.tier,
        "score_bps": tier.score_bps,
        "evidence": tier.evidence,
        "forces": msgspec.to_builtins(tier.forces),
    }


def _read(body: bytes) -> Tier:
    tier: Tier = codec_of(TIERS).decode(body)
    return tier
