"""`fenxiao.catalog.outcomes.v1`: what became of each command. The accepted ones became `events`.

Every record of the commands topic has exactly one outcome, found by its `partition` and `offset`; a parked one has a
second when its parent arrives or when it expires. `REASONS` are stable: programs may switch on them.
"""

from typing import Annotated, Literal

from msgspec import Meta

from fenxiao_schemas.base import ID_LENGTH_MAX, Message, Offset, Partition, Seq, snake_case

Status = Literal["accepted", "duplicate", "parked", "refused"]

REASONS: dict[str, str] = {
    "unreadable": "not a message of this topic; a copy is in the dead-letter topic",
    "wrong_partition": "the record is not in the partition that its key belongs to, or its key is not the command's",
    "id_reused": "the command id was used before, with other content",
    "no_product": "parked until the product is registered",
    "no_order_line": "parked until the sale arrives",
    "parking_full": "too many early commands wait already in this partition",
    "orphan": "what it belongs to did not arrive in time",
    "in_future": "its business time lies beyond the open day and the one after",
    "wrong_currency": "the deployment has one currency, and it is another",
    "order_line_exists": "another sale has this order line id",
    "wrong_product": "the order line is another product's",
    "refund_exists": "another refund has this refund id",
    "over_refund": "more would be refunded than was paid or bought",
    "below_refunds": "the corrected line would be worth less than what was refunded already",
    "violation_exists": "another violation has this violation id",
    "review_exists": "the order line has a review already, and only the first counts",
    "already_shipped": "the order line was shipped before",
    "already_delivered": "the order line was delivered before",
    "line_cancelled": "the order line was refunded in full before it was delivered",
    "stale_revision": "a revision of that day at least as high is known",
    "no_plan": "the product has no such plan",
    "no_change": "it already is as the command asks",
}


class Outcome(Message, frozen=True, kw_only=True, gc=False, tag=snake_case):
    """What became of one command.

    Attributes:
        seq: Gapless per partition of this topic.
        command_id: Empty if the command could not be read.
        partition: Where the command lies in the commands topic.
        offset: The same.
        reason: A key of `REASONS`; empty when accepted.
        event_seq: The `seq` of the first event it became, when accepted and when it became any.
        released: This is the second outcome of a parked command.
    """

    seq: Seq
    command_id: Annotated[str, Meta(max_length=ID_LENGTH_MAX)]
    partition: Partition
    offset: Offset
    status: Status
    reason: Annotated[str, Meta(max_length=32)] = ""
    detail: Annotated[str, Meta(max_length=300)] = ""
    event_seq: Seq | None = None
    released: bool = False
