"""The catalog's fold: a batch of commands, days that close, facts from other partitions; in, a changed `World`; out, the same.

Pure. `service` gathers the world before and writes it after. Every record gets exactly one outcome here, a parked one a
second when it is released or expires.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from fenxiao_catalog.core import orders, people, products
from fenxiao_catalog.core.rows import Authorisation, Merchant, ParkedCommand
from fenxiao_catalog.core.verdicts import Refused, Verdict, Waits
from fenxiao_catalog.core.world import DEAD_LETTERS, EVENTS, OUTCOMES, CalendarRow, World
from fenxiao_schemas import commands as c
from fenxiao_schemas import events as e
from fenxiao_schemas.codec import Rejected, encode
from fenxiao_schemas.dead_letters import BODY_BYTES_MAX, DeadLetter
from fenxiao_schemas.outcomes import Outcome, Status
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.topics import COMMANDS

KEY_BYTES_MAX = 1_024
DETAIL_LENGTH_MAX = 300

_COMMAND: msgspec.json.Decoder[c.AnyCommand] = msgspec.json.Decoder(c.AnyCommand)
_HANDLERS: dict[type[Any], Callable[[World, Any], Verdict]] = {
    c.RegisterProduct: products.register_product,
    c.ChangePrice: products.change_price,
    c.ListProduct: products.list_product,
    c.DelistProduct: products.delist_product,
    c.HoldProduct: products.hold_product,
    c.ReleaseProduct: products.release_product,
    c.RecordViolation: products.record_violation,
    c.SetPlan: products.set_plan,
    c.EndPlan: products.end_plan,
    c.RecordViews: products.record_views,
    c.RecordSale: orders.record_sale,
    c.CorrectSale: orders.correct_sale,
    c.RecordRefund: orders.record_refund,
    c.RecordShipment: orders.record_shipment,
    c.RecordDelivery: orders.record_delivery,
    c.RecordReview: orders.record_review,
    c.RegisterMerchant: people.register_merchant,
    c.AuthoriseBrand: people.authorise_brand,
    c.RegisterCreator: people.register_creator,
}


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """A record of the commands topic, and what it says."""

    offset: int
    key: bytes | None
    value: bytes | None
    command: c.Command | Rejected


@dataclass(frozen=True, slots=True)
class Learned:
    """A fact that another partition sent, and this partition's products that it may concern (gathered)."""

    fact: Merchant | Authorisation
    product_ids: list[str]


partition_of_key = lru_cache(maxsize=1 << 17)(partition_of)


def start(world: World) -> None:
    """The first record of a partition's events."""
    if world.seqs[EVENTS]:
        return
    deployment = world.deployment
    world.emit(
        "calendar",
        e.CalendarStarted(
            seq=world.next_seq(EVENTS),
            first_day=deployment.first_day,
            policy_version=deployment.policy_version,
            algorithm_version=deployment.algorithm_version,
            utc_offset_minutes=deployment.utc_offset_minutes,
            currency=deployment.currency,
            partitions=deployment.partitions,
        ),
    )
    world.unbarred_events = 0


def fold(
    world: World,
    records: Sequence[Incoming],
    next_offset: int,
    closes: Sequence[CalendarRow],
    learned: Sequence[Learned],
) -> None:
    """Fold a batch.

    Args:
        world: With everything gathered that these records can touch.
        records: In the order of the log.
        next_offset: The offset after them.
        closes: The decided days that this partition has not closed yet, in order.
        learned: From the inbox.
    """
    start(world)
    # Before the records: a product that this batch registers must see what was learned, and isn't among those looked up.
    for each in learned:
        people.learn(world, each.fact)
        people.apply_authority(world, each.product_ids)
    due = list(closes)
    for record in records:
        while due and due[0].close_offset <= record.offset:
            close_day(world, due.pop(0))
        take(world, record)
    while due and due[0].close_offset <= next_offset:
        close_day(world, due.pop(0))
    if world.unbarred_events:
        world.emit("barrier", e.Barrier(seq=world.next_seq(EVENTS)))
        world.unbarred_events = 0


def close_day(world: World, row: CalendarRow) -> None:
    """Close the open day here; what waited too long for its parent will not be waited for any more."""
    if row.day != world.open_day:
        raise ValueError(f"the calendar closes day {row.day}, day {world.open_day} is open")
    world.emit(
        "calendar",
        e.DayClosed(
            seq=world.next_seq(EVENTS),
            day=row.day,
            next_policy_version=row.next_policy_version,
            next_algorithm_version=row.next_algorithm_version,
        ),
    )
    world.unbarred_events = 0
    world.progress.closed_day = row.day
    limit = row.day - world.deployment.orphan_days
    for parked in [each for each in (*world.expired, *world.new_parked) if each.parked_day <= limit]:
        if parked in world.parked.get(parked.parent, ()):
            _expire(world, parked)


def _expire(world: World, parked: ParkedCommand) -> None:
    world.parked[parked.parent].remove(parked)
    _unpark(world, parked)
    world.forgotten_commands.add(parked.command_id)
    world.commands.pop(parked.command_id, None)
    world.new_commands.pop(parked.command_id, None)
    _tell(world, _decode_parked(parked), parked.command_offset, "refused", "orphan", released=True)


def take(world: World, record: Incoming) -> None:
    """One record, to its outcome."""
    command = record.command
    if isinstance(command, Rejected):
        _bury(world, record, command)
        return
    key = getattr(command, command.KEY_FIELD).encode()
    if record.key != key or partition_of_key(key, world.deployment.partitions) != world.partition:
        _tell(world, command, record.offset, "refused", "wrong_partition")
        return
    digest = hashlib.sha256(encode(command), usedforsecurity=False).hexdigest()[:32]
    known = world.commands.get(command.command_id)
    if known == digest:
        _tell(world, command, record.offset, "duplicate", "")
    elif known is not None:
        _tell(world, command, record.offset, "refused", "id_reused")
    else:
        _decide(world, command, record.offset, digest)


def _decide(world: World, command: c.Command, offset: int, digest: str) -> None:
    first_event = world.next_seq(EVENTS)
    verdict = _HANDLERS[type(command)](world, command)
    if isinstance(verdict, Waits):
        verdict = _park(world, command, offset, verdict)
    if isinstance(verdict, Refused):
        _tell(world, command, offset, "refused", verdict.reason, verdict.detail)
        return
    world.commands[command.command_id] = world.new_commands[command.command_id] = digest
    if verdict is not None:
        _tell(world, command, offset, "parked", verdict.reason)
        return
    _tell(world, command, offset, "accepted", event_seq=_seq_if_any(world, first_event))
    if world.arrived:
        _release(world)


def _park(world: World, command: c.Command, offset: int, waits: Waits) -> Waits | Refused:
    if world.progress.parked >= world.deployment.parked_max:
        return Refused("parking_full")
    parked = ParkedCommand(
        partition=world.partition,
        command_offset=offset,
        parent=waits.parent,
        parked_day=world.open_day,
        command_id=command.command_id,
        body=encode(command).decode(),
    )
    world.progress.parked += 1
    world.parked.setdefault(waits.parent, []).append(parked)
    world.new_parked.append(parked)
    return waits


def _release(world: World) -> None:
    """Let in what waited for what has arrived, in the order of the log, and then what waited for that."""
    while world.arrived:
        for parked in world.parked.pop(world.arrived.pop(0), ()):
            _unpark(world, parked)
            command = _decode_parked(parked)
            first_event = world.next_seq(EVENTS)
            verdict = _HANDLERS[type(command)](world, command)
            if isinstance(verdict, Waits):
                raise TypeError(f"command {parked.command_id} waits for {verdict.parent} after {parked.parent} arrived")
            if isinstance(verdict, Refused):
                world.forgotten_commands.add(parked.command_id)
                world.new_commands.pop(parked.command_id, None)
                world.commands.pop(parked.command_id, None)
                _tell(world, command, parked.command_offset, "refused", verdict.reason, verdict.detail, released=True)
            else:
                seq = _seq_if_any(world, first_event)
                _tell(world, command, parked.command_offset, "accepted", event_seq=seq, released=True)


def _unpark(world: World, parked: ParkedCommand) -> None:
    world.progress.parked -= 1
    world.unparked.append(parked)


def _decode_parked(parked: ParkedCommand) -> c.Command:
    return _COMMAND.decode(parked.body)


def _seq_if_any(world: World, first_event: int) -> int | None:
    return first_event if world.next_seq(EVENTS) > first_event else None


def _tell(
    world: World,
    command: c.Command,
    offset: int,
    status: Status,
    reason: str = "",
    detail: str = "",
    *,
    event_seq: int | None = None,
    released: bool = False,
) -> None:
    world.tell(
        getattr(command, command.KEY_FIELD).encode(),
        Outcome(
            seq=world.next_seq(OUTCOMES),
            command_id=command.command_id,
            partition=world.partition,
            offset=offset,
            status=status,
            reason=reason,
            detail=detail[:DETAIL_LENGTH_MAX],
            event_seq=event_seq,
            released=released,
        ),
    )


def _bury(world: World, record: Incoming, rejected: Rejected) -> None:
    """An unreadable record: a dead letter, and an outcome without a command id."""
    body = record.value or b""
    key = (record.key or b"")[:KEY_BYTES_MAX]
    world.bury(
        key,
        DeadLetter(
            seq=world.next_seq(DEAD_LETTERS),
            topic=COMMANDS.name,
            partition=world.partition,
            offset=record.offset,
            reason="unreadable",
            error=rejected.error,
            body=body[:BODY_BYTES_MAX],
            body_bytes=len(body),
            body_sha256=hashlib.sha256(body).hexdigest(),
            key=key or None,
        ),
    )
    world.tell(
        key,
        Outcome(
            seq=world.next_seq(OUTCOMES),
            command_id="",
            partition=world.partition,
            offset=record.offset,
            status="refused",
            reason="unreadable",
            detail=rejected.error,
        ),
    )
