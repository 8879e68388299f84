"""The catalog's tables: gathers a `World` for a batch, and writes what the fold changed in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from fenxiao_catalog.core.fold import Learned
from fenxiao_catalog.core.keys import Keys
from fenxiao_catalog.core.rows import (
    Authorisation,
    Creator,
    DayViews,
    Merchant,
    OrderLine,
    ParkedCommand,
    Plan,
    Product,
)
from fenxiao_catalog.core.world import CalendarRow, Progress, World
from fenxiao_runtime.queries import load_queries
from fenxiao_schemas.commands import AnyCommand, Command

INBOX_ROWS_MAX = 100
"""How many facts of other partitions are taken in one step."""
INBOX_PRODUCTS_MAX = 1_000
"""How many products of a merchant are looked at in one step; a wide one takes several."""

_COMMAND: msgspec.json.Decoder[Command] = msgspec.json.Decoder(AnyCommand)


class Fact(msgspec.Struct, frozen=True):
    """What one partition tells the others, as an inbox row's payload."""

    merchant: Merchant | None = None
    authorisation: Authorisation | None = None


_FACT = msgspec.msgpack.Decoder(Fact)


@dataclass(slots=True)
class Inbox:
    """What was gathered from the inbox: facts to learn, rows to take, and how far a wide row was worked off."""

    learned: list[Learned]
    taken: list[int]
    moved: list[tuple[int, str]]


class CatalogStore(Protocol):
    """What the service asks of its tables."""

    async def progress(self, tx: Any, partition: int) -> Progress | None:
        """Where the partition stands."""
        ...

    async def calendar(self, tx: Any, partition: int, closed_day: int) -> list[CalendarRow]:
        """Days decided, not closed yet."""
        ...

    async def gather(self, tx: Any, world: World, commands: Sequence[Command], closing_day: int | None) -> None:
        """Fill the world with all that these commands, and a close of that day, can touch."""
        ...

    async def read_inbox(self, tx: Any, world: World) -> Inbox:
        """Facts from other partitions, with the products that they may concern."""
        ...

    async def write(self, tx: Any, world: World, inbox: Inbox) -> None:
        """Write what changed."""
        ...


class PostgresCatalogStore:
    """On PostgreSQL."""

    def __init__(self) -> None:
        self._sql = load_queries("fenxiao_catalog", schema="catalog")

    async def progress(self, tx: Any, partition: int) -> Progress | None:
        """Where the partition stands."""
        row = await tx.fetchrow(self._sql["progress"], partition)
        return None if row is None else Progress(**row)

    async def calendar(self, tx: Any, partition: int, closed_day: int) -> list[CalendarRow]:
        """Days decided, not closed yet."""
        return [CalendarRow(**row) for row in await tx.fetch(self._sql["calendar"], partition, closed_day)]

    async def gather(self, tx: Any, world: World, commands: Sequence[Command], closing_day: int | None) -> None:
        """Fill the world. Parked commands that this batch may release are gathered with what they touch themselves."""
        keys = Keys()
        keys.add(commands)
        if closing_day is not None:
            await self._gather_expired(tx, world, closing_day)
        await self._gather_parked(tx, world, keys)
        await self._gather_by_partition(tx, world, keys)
        await self._gather_products(tx, world, keys)
        await self._gather_purchases(tx, world, keys)

    async def _gather_expired(self, tx: Any, world: World, closing_day: int) -> None:
        limit = closing_day - world.deployment.orphan_days
        rows = await tx.fetch(self._sql["parked_until"], world.partition, limit)
        world.expired = [ParkedCommand(**row) for row in rows]
        for parked in world.expired:
            world.parked.setdefault(parked.parent, []).append(parked)

    async def _gather_parked(self, tx: Any, world: World, keys: Keys) -> None:
        """A product may release a sale, and that sale a refund: two rounds at the most find new parents."""
        if not world.progress.parked:
            return
        asked: set[str] = set()
        while wanted := keys.parents - asked:
            asked |= wanted
            rows = await tx.fetch(self._sql["parked_of"], world.partition, list(wanted))
            found = [ParkedCommand(**row) for row in rows]
            for parent in wanted:
                world.parked.pop(parent, None)
            for parked in found:
                world.parked.setdefault(parked.parent, []).append(parked)
            keys.add(_COMMAND.decode(parked.body) for parked in found)

    async def _gather_by_partition(self, tx: Any, world: World, keys: Keys) -> None:
        partition = world.partition
        if keys.commands:
            rows = await tx.fetch(self._sql["commands"], partition, list(keys.commands))
            world.commands = dict(rows)
        if keys.natural:
            kinds, ids = zip(*keys.natural, strict=True)
            rows = await tx.fetch(self._sql["natural_keys"], partition, kinds, ids)
            world.natural_keys = {(row["kind"], row["id"]) for row in rows}
        if keys.lines:
            rows = await tx.fetch(self._sql["order_lines"], partition, list(keys.lines))
            world.lines = {row["order_line_id"]: OrderLine(**row) for row in rows}
        if keys.merchants:
            await self._gather_merchants(tx, world, keys.merchants)
        if keys.creators:
            rows = await tx.fetch(self._sql["creators"], list(keys.creators))
            world.creators = {row["creator_id"]: Creator(**row) for row in rows}

    async def _gather_merchants(self, tx: Any, world: World, merchant_ids: Iterable[str]) -> None:
        wanted = list(merchant_ids)
        for row in await tx.fetch(self._sql["merchants"], world.partition, wanted):
            world.merchants.setdefault(row["merchant_id"], Merchant(**row))
        for row in await tx.fetch(self._sql["authorisations"], world.partition, wanted):
            world.authorisations.setdefault((row["merchant_id"], row["brand_id"]), Authorisation(**row))

    async def _gather_products(self, tx: Any, world: World, keys: Keys) -> None:
        if keys.products:
            rows = await tx.fetch(self._sql["products"], world.partition, list(keys.products))
            world.products = {row["product_id"]: Product(**row) for row in rows}
        if keys.plans_of:
            rows = await tx.fetch(self._sql["plans"], list(keys.plans_of))
            world.plans = {(row["product_id"], row["plan_id"]): Plan(**row) for row in rows}
        if keys.views:
            product_ids, days = zip(*keys.views, strict=True)
            rows = await tx.fetch(self._sql["day_views"], product_ids, days)
            world.views = {(row["product_id"], row["day"]): DayViews(**row) for row in rows}

    async def _gather_purchases(self, tx: Any, world: World, keys: Keys) -> None:
        pairs: set[tuple[bytes, str]] = set()
        for buyer_id, product_id in keys.buyers:
            brands = set(keys.brands_named.get(product_id, ()))
            product = world.products.get(product_id)
            if product is not None:
                brands.add(product.brand_key())
            pairs.update((digest, brand) for digest in world.buyer_hashes(buyer_id) for brand in brands)
        if not pairs:
            return
        hashes, names = zip(*sorted(pairs), strict=True)
        rows = await tx.fetch(self._sql["lock_purchases"], hashes, names)
        world.purchases = {(row["buyer_hash"], row["brand"]): row["last_day"] for row in rows}

    async def read_inbox(self, tx: Any, world: World) -> Inbox:
        """Facts from other partitions, in order, until a wide one uses up the step."""
        inbox = Inbox([], [], [])
        room = INBOX_PRODUCTS_MAX
        for row in await tx.fetch(self._sql["read_inbox"], world.partition, INBOX_ROWS_MAX):
            if room <= 0:
                break
            fact = _FACT.decode(row["payload"])
            learned = fact.merchant or fact.authorisation
            if learned is None:
                raise ValueError(f"inbox row {row['id']} says nothing")
            await self._gather_merchants(tx, world, [learned.merchant_id])
            products = await tx.fetch(
                self._sql["products_of_merchant"], world.partition, learned.merchant_id, row["cursor"], room
            )
            for product in products:
                world.products.setdefault(product["product_id"], Product(**product))
            inbox.learned.append(Learned(learned, [product["product_id"] for product in products]))
            if len(products) == room:
                inbox.moved.append((row["id"], products[-1]["product_id"]))
            else:
                inbox.taken.append(row["id"])
            room -= len(products)
        return inbox

    async def write(self, tx: Any, world: World, inbox: Inbox) -> None:
        """Write what changed, then what the other partitions must learn."""
        await self._write_door(tx, world)
        await self._write_rows(tx, world)
        await self._write_purchases(tx, world)
        for row_id, cursor in inbox.moved:
            await tx.execute(self._sql["move_inbox_cursor"], world.partition, row_id, cursor)
        if inbox.taken:
            await tx.execute(self._sql["take_inbox"], world.partition, inbox.taken)
        if world.fan_out:
            await tx.execute(self._sql["fan_out"], [_pack(f) for f in world.fan_out], world.deployment.partitions)
        progress = world.progress
        await tx.execute(self._sql["save_progress"], world.partition, progress.closed_day, progress.parked)

    async def _write_door(self, tx: Any, world: World) -> None:
        partition = world.partition
        new = {parked.command_offset for parked in world.new_parked}
        gone = {parked.command_offset for parked in world.unparked}
        if world.forgotten_commands:
            await tx.execute(self._sql["forget_commands"], partition, list(world.forgotten_commands))
        if world.new_commands:
            ids, digests = list(world.new_commands), list(world.new_commands.values())
            await tx.execute(self._sql["save_commands"], partition, ids, digests)
        if world.new_natural_keys:
            kinds, ids_ = zip(*world.new_natural_keys, strict=True)
            await tx.execute(self._sql["save_natural_keys"], partition, kinds, ids_)
        if new - gone:
            kept = [parked for parked in world.new_parked if parked.command_offset not in gone]
            await tx.execute(self._sql["save_parked"], _json(kept))
        if gone - new:
            await tx.execute(self._sql["unpark"], partition, list(gone - new))

    async def _write_rows(self, tx: Any, world: World) -> None:
        tables: list[tuple[str, list[Any]]] = [
            ("save_products", [world.products[key] for key in world.dirty_products]),
            ("save_order_lines", [world.lines[key] for key in world.dirty_lines]),
            ("save_plans", [world.plans[key] for key in world.dirty_plans]),
            ("save_day_views", [world.views[key] for key in world.dirty_views]),
            ("save_merchants", [world.merchants[key] for key in world.dirty_merchants]),
            ("save_authorisations", [world.authorisations[key] for key in world.dirty_authorisations]),
            ("save_creators", [world.creators[key] for key in world.dirty_creators]),
        ]
        for query, rows in tables:
            if rows:
                await tx.execute(self._sql[query], _json(rows))

    async def _write_purchases(self, tx: Any, world: World) -> None:
        if world.dirty_purchases:
            hashes, brands = zip(*world.dirty_purchases, strict=True)
            days = list(world.dirty_purchases.values())
            await tx.execute(self._sql["save_purchases"], hashes, brands, days)


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()


def _pack(fact: Merchant | Authorisation) -> bytes:
    if isinstance(fact, Merchant):
        return msgspec.msgpack.encode(Fact(merchant=fact))
    return msgspec.msgpack.encode(Fact(authorisation=fact))
