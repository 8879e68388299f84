"""What a fold hands to the processor, to be committed together: encoded messages, rows for SQL, and a post."""

from dataclasses import dataclass, field
from typing import Literal

Cause = Literal["barrier", "close"]


@dataclass(slots=True)
class TierRows:
    """The changes of tier among the messages just published, a product's first included: columns, in the order of `seq`.

    A product may be in it more than once, the last time as it is now.
    """

    product_ids: list[str] = field(default_factory=list)
    revisions: list[int] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    tiers: list[int] = field(default_factory=list)
    previous_tiers: list[int] = field(default_factory=list)
    scores: list[int] = field(default_factory=list)
    evidences: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.product_ids)

    def extend(self, other: "TierRows") -> None:
        """Append the entries of another."""
        self.product_ids += other.product_ids
        self.revisions += other.revisions
        self.days += other.days
        self.causes += other.causes
        self.tiers += other.tiers
        self.previous_tiers += other.previous_tiers
        self.scores += other.scores
        self.evidences += other.evidences


@dataclass(slots=True)
class Published:
    """Records for the tiers topic, numbered without a gap.

    Attributes:
        first_seq: The `seq` of the first; where there is none, the one it would have had.
        keys: Of each record, the product's id in UTF-8.
        values: Of each record, the encoded message.
        rows: Those of them that say another tier than the one before.
    """

    first_seq: int
    keys: list[bytes]
    values: list[bytes]
    rows: TierRows


@dataclass(slots=True)
class Step:
    """A part of a fold.

    Attributes:
        first_seq: The `seq` of its first message, which the others follow without a gap; 0 without one.
        keys: Of each message, the record's key.
        values: Of each message, the record's value.
        rows: Those of them that say another tier than the one before.
        post: The day that closed and this partition's histograms of it; it comes with the close's last step.
        events: How many of the fold's events are wholly folded after this step. While a control record's messages take
            several steps, the record itself is counted with the last of them.
    """

    first_seq: int = 0
    keys: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    rows: TierRows = field(default_factory=TierRows)
    post: tuple[int, bytes] | None = None
    events: int = 0

    def take(self, published: Published) -> None:
        """Append messages and their rows; raises `ValueError` unless they are numbered on from those that are here."""
        if not published.keys:
            return
        if not self.keys:
            self.first_seq = published.first_seq
        elif published.first_seq != self.first_seq + len(self.keys):
            due = self.first_seq + len(self.keys)
            raise ValueError(f"tier message {published.first_seq} came where {due} was due")
        self.keys += published.keys
        self.values += published.values
        self.rows.extend(published.rows)
