"""The catalog's tables: gathers a `World` for a batch, and writes what the fold changed in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from msgspec.structs import astuple

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
        world.expired = [ParkedCommand(*row) for row in rows]
        for parked in world.expired:
            world.parked.setdefault(parked.parent, []).append(parked)

    async def _gather_parked(self, tx: Any, world: World, keys: Keys) -> None:
        """A product may release a sale, and that sale a refund: two rounds at the most find new parents."""
        if not world.progress.parked:
            return
        asked: set[str] = set()
        while wanted := keys.parents - asked:
            asked |= wanted
            rows = await tx.fetch(self._sql["parked_of"], world.partition, _joined(wanted))
            found = [ParkedCommand(*row) for row in rows]
            for parent in wanted:
                world.parked.pop(parent, None)
            for parked in found:
                world.parked.setdefault(parked.parent, []).append(parked)
            keys.add([_COMMAND.decode(parked.body) for parked in found])

    async def _gather_by_partition(self, tx: Any, world: World, keys: Keys) -> None:
        partition = world.partition
        if keys.commands:
            rows = await tx.fetch(self._sql["commands"], partition, _joined(keys.commands))
            world.commands = dict(rows)
        if keys.natural:
            kinds, ids = zip(*keys.natural, strict=True)
            rows = await tx.fetch(self._sql["natural_keys"], partition, kinds, ids)
            world.natural_keys = {(kind, id_) for kind, id_ in rows}
        if keys.lines:
            rows = await tx.fetch(self._sql["order_lines"], partition, _joined(keys.lines))
            lines = [OrderLine(*row) for row in rows]
            world.lines = {line.order_line_id: line for line in lines}
        if keys.merchants:
            await self._gather_merchants(tx, world, keys.merchants)
        if keys.creators:
            rows = await tx.fetch(self._sql["creators"], _joined(keys.creators))
            creators = [Creator(*row) for row in rows]
            world.creators = {creator.creator_id: creator for creator in creators}

    async def _gather_merchants(self, tx: Any, world: World, merchant_ids: Iterable[str]) -> None:
        wanted = _joined(merchant_ids)
        for row in await tx.fetch(self._sql["merchants"], world.partition, wanted):
            merchant = Merchant(*row)
            world.merchants.setdefault(merchant.merchant_id, merchant)
        for row in await tx.fetch(self._sql["authorisations"], world.partition, wanted):
            granted = Authorisation(*row)
            world.authorisations.setdefault((granted.merchant_id, granted.brand_id), granted)

    async def _gather_products(self, tx: Any, world: World, keys: Keys) -> None:
        if keys.products:
            rows = await tx.fetch(self._sql["products"], world.partition, _joined(keys.products))
            products = [Product(*row) for row in rows]
            world.products = {product.product_id: product for product in products}
        if keys.plans_of:
            rows = await tx.fetch(self._sql["plans"], _joined(keys.plans_of))
            for plan in [Plan(*row) for row in rows]:
                world.plans.setdefault(plan.product_id, {})[plan.plan_id] = plan
        if keys.views:
            product_ids, days = zip(*keys.views, strict=True)
            rows = await tx.fetch(self._sql["day_views"], _joined(product_ids), days)
            views = [DayViews(*row) for row in rows]
            world.views = {(each.product_id, each.day): each for each in views}

    async def _gather_purchases(self, tx: Any, world: World, keys: Keys) -> None:
        pairs: set[tuple[bytes, str]] = set()
        for buyer_id, product_id in keys.buyers:
            brands = keys.brands_named.get(product_id, ())
            product = world.products.get(product_id)
            if product is not None:
                brands = {*brands, product.brand_key()}
            for digest in world.buyer_hashes(buyer_id):
                for brand in brands:
                    pairs.add((digest, brand))
        if not pairs:
            return
        hashes, names = zip(*pairs, strict=True)
        rows = await tx.fetch(self._sql["lock_purchases"], hashes, _joined(names))
        world.purchases = {(digest, brand): last_day for digest, brand, last_day in rows}

    async def read_inbox(self, tx: Any, world: World) -> Inbox:
        """Facts from other partitions, in order, until a wide one uses up the step."""
        inbox = Inbox([], [], [])
        rows = await tx.fetch(self._sql["read_inbox"], world.partition, INBOX_ROWS_MAX)
        if not rows:
            return inbox
        facts = [_unpack(row["id"], row["payload"]) for row in rows]
        await self._gather_merchants(tx, world, {fact.merchant_id for fact in facts})
        products_of = await self._products_of(tx, world, facts, [row["cursor"] for row in rows])
        room = INBOX_PRODUCTS_MAX
        for row, fact, product_ids in zip(rows, facts, products_of, strict=True):
            if room <= 0:
                break
            inbox.learned.append(Learned(fact, product_ids))
            if len(product_ids) == room:
                inbox.moved.append((row["id"], product_ids[-1]))
            else:
                inbox.taken.append(row["id"])
            room -= len(product_ids)
        return inbox

    async def _products_of(
        self, tx: Any, world: World, facts: Sequence[Merchant | Authorisation], cursors: Sequence[str]
    ) -> list[list[str]]:
        """The ids of the products that each fact may concern, gathered; those of the first ones only if they are many."""
        product_ids: list[list[str]] = [[] for _ in facts]
        merchant_ids = [fact.merchant_id for fact in facts]
        rows = await tx.fetch(
            self._sql["products_of_merchants"], world.partition, merchant_ids, cursors, INBOX_PRODUCTS_MAX
        )
        for place, *columns in rows:
            product = Product(*columns)
            world.products.setdefault(product.product_id, product)
            product_ids[place - 1].append(product.product_id)
        return product_ids

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
            await tx.execute(self._sql["forget_commands"], partition, _joined(world.forgotten_commands))
        if world.new_commands:
            ids, digests = _joined(world.new_commands), _joined(world.new_commands.values())
            await tx.execute(self._sql["save_commands"], partition, ids, digests)
        if world.new_natural_keys:
            kinds, ids_ = zip(*world.new_natural_keys, strict=True)
            await tx.execute(self._sql["save_natural_keys"], partition, kinds, ids_)
        if new - gone:
            kept = [parked for parked in world.new_parked if parked.command_offset not in gone]
            await self._write_whole(tx, "save_parked", kept)
        if gone - new:
            await tx.execute(self._sql["unpark"], partition, list(gone - new))

    async def _write_rows(self, tx: Any, world: World) -> None:
        await self._write_lines(tx, world)
        await self._copy(tx, "day_views", [world.views[key] for key in world.new_views])
        tables: list[tuple[str, list[Any]]] = [
            ("save_products", [world.products[key] for key in world.dirty_products]),
            ("save_plans", [world.plans[product_id][plan_id] for product_id, plan_id in world.dirty_plans]),
            ("save_day_views", [world.views[key] for key in world.revised_views.difference(world.new_views)]),
            ("save_merchants", [world.merchants[key] for key in world.dirty_merchants]),
            ("save_authorisations", [world.authorisations[key] for key in world.dirty_authorisations]),
            ("save_creators", [world.creators[key] for key in world.dirty_creators]),
        ]
        for query, rows in tables:
            await self._write_whole(tx, query, rows)

    async def _copy(self, tx: Any, table: str, rows: Sequence[msgspec.Struct]) -> None:
        """New rows, the many: nothing is cheaper than COPY."""
        if rows:
            columns, records = rows[0].__struct_fields__, [astuple(row) for row in rows]
            await tx.copy_records_to_table(table, schema_name="catalog", columns=columns, records=records)

    async def _write_whole(self, tx: Any, query: str, rows: Sequence[Any]) -> None:
        if rows:
            await tx.execute(self._sql[query], msgspec.json.encode(rows).decode())

    async def _write_lines(self, tx: Any, world: World) -> None:
        """New ones, then those whose money or pieces changed, then those that only got a flag: a statement for equal flags."""
        new = set(world.new_lines)
        await self._copy(tx, "order_lines", [world.lines[key] for key in world.new_lines])
        await self._write_whole(tx, "save_order_lines", [world.lines[key] for key in world.corrected_lines - new])
        by_flags: dict[tuple[bool, ...], list[str]] = {}
        for key in world.flagged_lines - world.corrected_lines - new:
            by_flags.setdefault(world.lines[key].flags, []).append(key)
        for flags, ids in by_flags.items():
            await tx.execute(self._sql["save_line_flags"], world.partition, _joined(ids), *flags)

    async def _write_purchases(self, tx: Any, world: World) -> None:
        if world.dirty_purchases:
            hashes, brands = zip(*world.dirty_purchases, strict=True)
            days = list(world.dirty_purchases.values())
            await tx.execute(self._sql["save_purchases"], hashes, brands, days)


def _joined(ids: Iterable[str]) -> str:
    """Many ids as one parameter; see `queries.sql`."""
    return ",".join(ids)


def _unpack(row_id: int, payload: bytes) -> Merchant | Authorisation:
    fact = _FACT.decode(payload)
    learned = fact.merchant or fact.authorisation
    if learned is None:
        raise ValueError(f"inbox row {row_id} says nothing")
    return learned


def _pack(fact: Merchant | Authorisation) -> bytes:
    if isinstance(fact, Merchant):
        return msgspec.msgpack.encode(Fact(merchant=fact))
    return msgspec.msgpack.encode(Fact(authorisation=fact))
