"""Does to a tidy stream what real senders do: some commands come late or twice, some are wrong, a few are no commands.

A late sale makes its dispatch and delivery early, and a product that is registered late makes its first sales early:
so the catalog has to park, release and sometimes give up.
"""

from collections import defaultdict
from collections.abc import Iterator
from random import Random

import msgspec

from fenxiao_schemas.codec import encode
from fenxiao_schemas.commands import (
    Command,
    RecordDelivery,
    RecordRefund,
    RecordReview,
    RecordSale,
    RecordShipment,
    RecordViews,
    RegisterProduct,
)
from fenxiao_tools.ingest.items import DAY_MS, Item, Unreadable

LATE = 0.010
LATE_DAYS_MAX = 4
LATE_PRODUCT = 0.03
REPEATED = 0.005
WRONG = 0.001
POISON_EVERY_DAYS = 10


class Disorder:
    """Keeps what is to come later."""

    def __init__(self, rng: Random, last_day: int, *, poison: bool) -> None:
        self._rng, self._last_day, self._poison = rng, last_day, poison
        self._later: defaultdict[int, list[Command]] = defaultdict(list)
        self._wrong = 0

    def disturb(self, day: int, tidy: list[Command]) -> Iterator[Item]:
        """The day's commands as they arrive."""
        rng = self._rng
        arrivals: list[tuple[float, Command]] = [(rng.random() * len(tidy), late) for late in self._later.pop(day, ())]
        for place, command in enumerate(tidy):
            chance = rng.random()
            if chance < LATE and day < self._last_day:
                self._later[min(self._last_day, day + rng.randint(1, LATE_DAYS_MAX))].append(command)
                continue
            shift = self._delay(command, place, len(tidy))
            arrivals.append((place + shift, command))
            if chance > 1 - REPEATED:
                arrivals.append((place + shift + 1 + rng.randrange(2_000), command))
            elif chance > 1 - REPEATED - WRONG:
                arrivals += [(place + shift + 0.5, wrong) for wrong in self._spoil(command)]
        arrivals.sort(key=lambda arrival: arrival[0])
        yield from (command for _, command in arrivals)
        if self._poison and day % POISON_EVERY_DAYS == 0 and tidy:
            yield from _poisons(tidy[0])

    def _delay(self, command: Command, place: int, length: int) -> float:
        """A few products are registered hours after they have begun to sell."""
        if isinstance(command, RegisterProduct) and self._rng.random() < LATE_PRODUCT:
            return (length - place) * self._rng.uniform(0.3, 0.9)
        return 0.0

    def _spoil(self, command: Command) -> Iterator[Command]:
        """What a catalog must refuse, made of what it accepts."""
        self._wrong += 1
        identity = f"w{self._wrong:06d}"
        if isinstance(command, RecordSale):
            yield self._spoil_sale(command, identity)
        elif isinstance(command, RecordViews):  # no higher revision
            yield msgspec.structs.replace(command, command_id=identity, views=command.views + 7)
        elif isinstance(command, RecordShipment) and self._wrong % 2:  # of a line that will never be
            yield msgspec.structs.replace(command, command_id=identity, order_line_id=identity)
        elif isinstance(command, RecordShipment):  # shipped twice
            yield msgspec.structs.replace(command, command_id=identity, at_ms=command.at_ms + 1)
        elif isinstance(command, RecordReview):  # a second opinion
            yield msgspec.structs.replace(command, command_id=identity, review_id=identity, stars=1)
        elif isinstance(command, RecordDelivery):
            yield _over_refund(command, identity)

    def _spoil_sale(self, sale: RecordSale, identity: str) -> RecordSale:
        new_line = {"command_id": identity, "order_line_id": identity}
        match self._wrong % 4:
            case 0:
                return msgspec.structs.replace(sale, **new_line, currency="USD")
            case 1:  # the same id, other content
                return msgspec.structs.replace(sale, paid_minor=sale.paid_minor + 1)
            case 2:  # the same order line under another id
                return msgspec.structs.replace(sale, command_id=identity)
            case _:  # a clock that runs ahead
                return msgspec.structs.replace(sale, **new_line, at_ms=sale.at_ms + 5 * DAY_MS)


def _over_refund(delivery: RecordDelivery, identity: str) -> RecordRefund:
    """More than anybody paid."""
    return RecordRefund(
        command_id=identity,
        at_ms=delivery.at_ms,
        product_id=delivery.product_id,
        order_line_id=delivery.order_line_id,
        refund_id=identity,
        quantity=0,
        amount_minor=10**9,
        fault="seller",
    )


def _poisons(command: Command) -> Iterator[Unreadable]:
    """Nothing that can be read, in several ways, beside a good key; and a good command under another's key."""
    key = str(getattr(command, command.KEY_FIELD))
    bodies = (b"", b"{", b"\xff\xfe\x00", b'{"type":"no_such_command"}', b"[" * 5_000, b'{"type":"list_product"}')
    yield from (Unreadable(key, body) for body in bodies)
    yield Unreadable(f"{key}-another", encode(command))
