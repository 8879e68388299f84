"""Other logs that must have the same outcome as a given one: reordered, with other barriers, with a twin product."""

from collections.abc import Sequence
from random import Random

import msgspec

from fenxiao_schemas import events as ev
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.policy import Policy
from support.random_log import RandomLog

COUNTED = (
    ev.SaleRecorded,
    ev.SaleCorrected,
    ev.RefundRecorded,
    ev.ShipmentRecorded,
    ev.DeliveryRecorded,
    ev.ReviewRecorded,
    ev.ViewsRecorded,
)
CONTROLS = (ev.CalendarStarted, ev.Barrier, ev.DayClosed)


def numbered(events: Sequence[AnyEvent]) -> list[AnyEvent]:
    """The events with `seq` from 1."""
    return [msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(events, start=1)]


def with_events(log: RandomLog, partitions: Sequence[Sequence[AnyEvent]]) -> RandomLog:
    """The log with other events."""
    return RandomLog(log.shape, [numbered(events) for events in partitions], log.policies)


def shuffled(log: RandomLog, random: Random) -> RandomLog:
    """Between any two control records the facts come first, in their order, and then the counted events in any order."""
    return with_events(log, [_shuffled(events, random) for events in log.partitions])


def _shuffled(events: Sequence[AnyEvent], random: Random) -> list[AnyEvent]:
    result: list[AnyEvent] = []
    counted: list[AnyEvent] = []
    for event in events:
        if isinstance(event, COUNTED):
            counted.append(event)
            continue
        if isinstance(event, CONTROLS):
            random.shuffle(counted)
            result += counted
            counted.clear()
        result.append(event)
    return result + counted


def with_other_barriers(log: RandomLog, random: Random) -> RandomLog:
    """Without its barriers, and with others anywhere but before the calendar."""
    partitions = []
    for events in log.partitions:
        kept: list[AnyEvent] = [event for event in events if not isinstance(event, ev.Barrier)]
        share = random.choice([0.0, 0.1, 0.5])
        partitions.append([kept[0]])
        for event in kept[1:]:
            partitions[-1].append(event)
            if random.random() < share:
                partitions[-1].append(ev.Barrier(seq=1))
    return with_events(log, partitions)


def with_twin(log: RandomLog, product_id: str, twin_id: str) -> RandomLog:
    """With a product in another partition to which the same happens on the same days."""
    home = next(p for p, events in enumerate(log.partitions) if any(_is_of(event, product_id) for event in events))
    away = (home + 1) % len(log.partitions)
    twins: list[list[AnyEvent]] = [[]]
    for event in log.partitions[home]:
        if _is_of(event, product_id):
            twins[-1].append(msgspec.structs.replace(event, product_id=twin_id))
        elif isinstance(event, ev.DayClosed):
            twins.append([])
    partitions = [list(events) for events in log.partitions]
    partitions[away], day = [], 0
    for event in log.partitions[away]:
        if isinstance(event, ev.DayClosed):
            partitions[away] += twins[day]
            day += 1
        partitions[away].append(event)
    partitions[away] += [*twins[day], ev.Barrier(seq=1)]
    return with_events(log, partitions)


def _is_of(event: AnyEvent, product_id: str) -> bool:
    return getattr(event, "product_id", None) == product_id


def with_fine_policies(log: RandomLog) -> RandomLog:
    """With policies to which every move of a score is worth a message, so that the last message says how things are."""
    return RandomLog(log.shape, log.partitions, {version: _fine(policy) for version, policy in log.policies.items()})


def _fine(policy: Policy) -> Policy:
    return msgspec.structs.replace(policy, tiers=msgspec.structs.replace(policy.tiers, materiality_bps=1))
