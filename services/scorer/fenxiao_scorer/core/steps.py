"""What a fold hands to the processor, to be committed together: encoded messages, rows for SQL, and a post."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Cause = Literal["barrier", "close"]


class TierMessage(NamedTuple):
    """A record for the tiers topic."""

    key: bytes
    value: bytes
    seq: int


class TierRow(NamedTuple):
    """A product's current tier as it was just published; history wants it when `tier` differs or it is the first."""

    product_id: str
    revision: int
    seq: int
    day: int
    cause: Cause
    as_of_seq: int
    policy_version: int
    tier: int
    previous_tier: int
    score_bps: int
    evidence: str

    @property
    def is_history(self) -> bool:
        """Whether the tier changed, or is the product's first."""
        return self.revision == 1 or self.tier != self.previous_tier


@dataclass(slots=True)
class Step:
    """A part of a fold.

    Attributes:
        messages: In the order of their `seq`.
        rows: A row per message.
        post: The day that closed and this partition's histograms of it; it comes with the close's last step.
        events: How many of the fold's events are wholly folded after this step. While a control record's messages take
            several steps, the record itself is counted with the last of them.
    """

    messages: list[TierMessage] = field(default_factory=list)
    rows: list[TierRow] = field(default_factory=list)
    post: tuple[int, bytes] | None = None
    events: int = 0
