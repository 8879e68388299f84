"""Other logs that must have the same outcome as a given one: reordered, with other barriers, with a twin product."""

from collections.abc import Mapping, Sequence
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
    return with_events(log, [reordered(events, random) for events in log.partitions])


def reordered(events: Sequence[AnyEvent], random: Random) -> list[AnyEvent]:
    """`shuffled`, of a stretch of a partition; the events keep their old `seq`."""
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


def redealt(log: RandomLog, partitions: int, random: Random) -> RandomLog:
    """With the same products, each in any of so many partitions, what happens on a day in any order but a product's own."""
    home: dict[str, int] = {}
    days = max(sum(isinstance(event, ev.DayClosed) for event in events) for events in log.partitions)
    dealt: list[list[AnyEvent]] = [[] for _ in range(partitions)]
    for day in range(days + 1):
        queues = [_of_day(events, day) for events in log.partitions]
        while any(queues):
            event = random.choice([queue for queue in queues if queue]).pop(0)
            product_id = getattr(event, "product_id", None)
            if product_id is not None:
                dealt[home.setdefault(product_id, random.randrange(partitions))].append(event)
        for events in dealt:
            if day == 0:
                events.insert(0, msgspec.structs.replace(_calendar(log), partitions=partitions))
            if day < days:
                events.append(_close(log, day))
    return with_events(log, dealt)


def _of_day(events: Sequence[AnyEvent], day: int) -> list[AnyEvent]:
    """What happens between the close before and that of a day, counted from 0."""
    closes = [-1, *(place for place, event in enumerate(events) if isinstance(event, ev.DayClosed)), len(events)]
    first, end = closes[day : day + 2]
    return [event for event in events[first + 1 : end] if not isinstance(event, CONTROLS)]


def _calendar(log: RandomLog) -> ev.CalendarStarted:
    return next(event for event in log.partitions[0] if isinstance(event, ev.CalendarStarted))


def _close(log: RandomLog, day: int) -> ev.DayClosed:
    return [event for event in log.partitions[0] if isinstance(event, ev.DayClosed)][day]


def renamed(log: RandomLog, names: Mapping[str, str]) -> RandomLog:
    """With other product ids."""

    def other(event: AnyEvent) -> AnyEvent:
        product_id = getattr(event, "product_id", None)
        return event if product_id is None else msgspec.structs.replace(event, product_id=names[product_id])

    return with_events(log, [[other(event) for event in events] for events in log.partitions])
