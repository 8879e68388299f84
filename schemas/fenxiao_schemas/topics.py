"""The table of topics as data: who writes what, keyed and kept how, who reads it. Deploy manifests and tests use it.

`catalog.commands`, `catalog.events`, `scorer.tiers` and their companions share one partition count, fixed at install.
"""

from dataclasses import dataclass
from typing import Any, Literal

from fenxiao_schemas.codec import Codec
from fenxiao_schemas.commands import AnyCommand
from fenxiao_schemas.dead_letters import AnyDeadLetter
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.matches import AnyInvitations, AnyRecommendations
from fenxiao_schemas.outcomes import Outcome
from fenxiao_schemas.tiers import AnyTier

Service = Literal["catalog", "scorer", "matcher", "anyone"]
DAY_MS = 86_400_000
FOREVER_MS = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic.

    Attributes:
        name: As it is in Kafka.
        key: The field of the message that is the record's key; murmur2 of it is the partition.
        partitions: `shared`: the deployment's one count; else a number of its own.
        cleanup: Kafka's `cleanup.policy`.
        retention_ms: Kafka's `retention.ms`; -1 keeps it for ever. The events are the source of truth and stay.
        uncompressed: The broker refuses compressed batches, so that nobody can send a decompression bomb.
        message: The Struct, or the union of tagged Structs, that its records are.
        dead_letters: The topic that takes what its reader could not read; None: an unreadable record halts the reader.
    """

    name: str
    key: str
    writer: Service
    readers: tuple[Service, ...]
    message: Any
    partitions: Literal["shared"] | int = "shared"
    cleanup: Literal["delete", "compact"] = "delete"
    retention_ms: int = FOREVER_MS
    uncompressed: bool = False
    dead_letters: str | None = None

    def config(self) -> dict[str, str]:
        """The topic's settings as Kafka names them."""
        settings = {"cleanup.policy": self.cleanup, "retention.ms": str(self.retention_ms)}
        settings["compression.type"] = "uncompressed" if self.uncompressed else "producer"
        return settings

    def partition_count(self, shared: int) -> int:
        """How many partitions it has in a deployment whose shared count is `shared`."""
        return shared if self.partitions == "shared" else self.partitions


COMMANDS = Topic(
    name="fenxiao.catalog.commands.v1",
    key="product_id; merchant_id or creator_id for commands about those",
    writer="anyone",
    readers=("catalog",),
    message=AnyCommand,
    retention_ms=30 * DAY_MS,
    uncompressed=True,
    dead_letters="fenxiao.catalog.dlq.v1",
)
OUTCOMES = Topic(
    name="fenxiao.catalog.outcomes.v1",
    key="as the command",
    writer="catalog",
    readers=("anyone",),
    message=Outcome,
    retention_ms=30 * DAY_MS,
)
EVENTS = Topic(
    name="fenxiao.catalog.events.v1",
    key="as the command",
    writer="catalog",
    readers=("scorer", "matcher", "anyone"),
    message=AnyEvent,
)
TIERS = Topic(
    name="fenxiao.scorer.tiers.v1",
    key="product_id",
    writer="scorer",
    readers=("matcher", "anyone"),
    message=AnyTier,
    cleanup="compact",
)
RECOMMENDATIONS = Topic(
    name="fenxiao.matcher.recommendations.v1",
    key="creator_id",
    writer="matcher",
    readers=("anyone",),
    message=AnyRecommendations,
    cleanup="compact",
)
INVITATIONS = Topic(
    name="fenxiao.matcher.invitations.v1",
    key="product_id",
    writer="matcher",
    readers=("anyone",),
    message=AnyInvitations,
    cleanup="compact",
)
CATALOG_DLQ = Topic(
    name="fenxiao.catalog.dlq.v1",
    key="the original record's key",
    writer="catalog",
    readers=("anyone",),
    message=AnyDeadLetter,
    retention_ms=90 * DAY_MS,
)

TOPICS: tuple[Topic, ...] = (COMMANDS, OUTCOMES, EVENTS, TIERS, RECOMMENDATIONS, INVITATIONS, CATALOG_DLQ)


def codec_of(topic: Topic) -> Codec[Any]:
    """A codec for the topic's messages."""
    return Codec(topic.message)
