"""The catalog's tables in memory, for flow tests; held to the real ones by the same contract tests."""

import copy
from collections.abc import Sequence
from typing import Any

from fenxiao_catalog.core.fold import Learned
from fenxiao_catalog.core.rows import Authorisation, Merchant, ParkedCommand, Product
from fenxiao_catalog.core.world import CalendarRow, Progress, World
from fenxiao_catalog.store import Inbox
from fenxiao_runtime.memory import MemoryTransaction
from fenxiao_schemas.commands import Command


class MemoryCatalogStore:
    """The `CatalogStore` port: every partition's world kept whole, so that gathering is copying.

    Args:
        partitions: How many inboxes there are.
        calendar: Decided days as (day, closes, next policy version), to which tests append.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._worlds: dict[int, dict[str, Any]] = {p: {} for p in range(partitions)}
        self._progress: dict[int, Progress] = {}
        self._inbox: dict[int, list[Merchant | Authorisation]] = {p: [] for p in range(partitions)}
        self._purchases: dict[tuple[bytes, str], int] = {}
        self._gathered: dict[int, World] = {}
        self.days: list[tuple[int, list[int], int]] = []

    async def progress(self, tx: Any, partition: int) -> Progress | None:
        """Where the partition stands."""
        del tx
        return copy.copy(self._progress.get(partition))

    async def calendar(self, tx: Any, partition: int, closed_day: int) -> list[CalendarRow]:
        """Days decided, not closed yet."""
        del tx
        return [
            CalendarRow(day=day, close_offset=closes[partition], next_policy_version=version, next_algorithm_version=1)
            for day, closes, version in self.days
            if day > closed_day
        ]

    async def gather(self, tx: Any, world: World, commands: Sequence[Command], closing_day: int | None) -> None:
        """Everything, whatever the commands."""
        del tx, commands
        self._gathered[world.partition] = world
        for name, value in copy.deepcopy(self._worlds[world.partition]).items():
            setattr(world, name, value)
        world.purchases = dict(self._purchases)
        if closing_day is not None:
            limit = closing_day - world.deployment.orphan_days
            waiting = [parked for each in world.parked.values() for parked in each if parked.parked_day <= limit]
            world.expired = sorted(waiting, key=_offset)

    async def read_inbox(self, tx: Any, world: World) -> Inbox:
        """All facts that wait."""
        if not self._inbox[world.partition]:
            return Inbox([], [], [])
        if self._gathered.get(world.partition) is not world:
            await self.gather(tx, world, (), None)
        learned = [
            Learned(fact, [p.product_id for p in _products(world) if p.merchant_id == fact.merchant_id])
            for fact in self._inbox[world.partition]
        ]
        return Inbox(learned, list(range(len(learned))), [])

    async def write(self, tx: MemoryTransaction, world: World, inbox: Inbox) -> None:
        """Keep the world as it now is."""
        names = (
            "commands", "products", "lines", "plans", "views", "natural_keys", "merchants", "authorisations",
            "creators", "parked",
        )  # fmt: skip
        kept = copy.deepcopy({name: getattr(world, name) for name in names})
        progress = copy.copy(world.progress)

        def change() -> None:
            if self._gathered.get(world.partition) is world:
                self._worlds[world.partition] = kept
            self._progress[world.partition] = progress
            for key, day in world.dirty_purchases.items():
                self._purchases[key] = max(day, self._purchases.get(key, -1))
            del self._inbox[world.partition][: len(inbox.taken)]
            for waiting in self._inbox.values():
                waiting.extend(world.fan_out)

        tx.write(change)

    def inbox_size(self) -> int:
        """How many facts wait in all inboxes."""
        return sum(map(len, self._inbox.values()))


def _offset(parked: ParkedCommand) -> int:
    return parked.command_offset


def _products(world: World) -> list[Product]:
    return sorted(world.products.values(), key=lambda product: product.product_id)
