"""Merchants, their brand authorisations, and creators; and what a merchant's change means for each partition's products."""

from msgspec.structs import replace

from fenxiao_catalog.core.rows import Authorisation, Creator, Merchant
from fenxiao_catalog.core.verdicts import NO_CHANGE, Verdict
from fenxiao_catalog.core.world import EVENTS, World
from fenxiao_schemas import commands as c
from fenxiao_schemas import events as e


def register_merchant(world: World, command: c.RegisterMerchant) -> Verdict:
    """New or changed; every partition is told, because its products may be anywhere."""
    known = world.merchants.get(command.merchant_id)
    if known is not None and (known.name, known.kind) == (command.name, command.kind):
        return NO_CHANGE
    seq = world.next_seq(EVENTS)
    world.emit(
        command.merchant_id,
        e.MerchantRegistered(seq=seq, merchant_id=command.merchant_id, name=command.name, kind=command.kind),
    )
    merchant = Merchant(
        partition=world.partition,
        merchant_id=command.merchant_id,
        name=command.name,
        kind=command.kind,
        version=seq,
    )
    world.fan_out.append(merchant)
    learn(world, merchant)
    return None


def authorise_brand(world: World, command: c.AuthoriseBrand) -> Verdict:
    """New, extended or changed; every partition is told."""
    known = world.authorisations.get((command.merchant_id, command.brand_id))
    if known is not None and (known.level, known.until_day) == (command.level, command.until_day):
        return NO_CHANGE
    seq = world.next_seq(EVENTS)
    world.emit(
        command.merchant_id,
        e.BrandAuthorised(
            seq=seq,
            merchant_id=command.merchant_id,
            brand_id=command.brand_id,
            level=command.level,
            until_day=command.until_day,
        ),
    )
    authorisation = Authorisation(
        partition=world.partition,
        merchant_id=command.merchant_id,
        brand_id=command.brand_id,
        level=command.level,
        until_day=command.until_day,
        version=seq,
    )
    world.fan_out.append(authorisation)
    learn(world, authorisation)
    return None


def register_creator(world: World, command: c.RegisterCreator) -> Verdict:
    """New or changed."""
    creator = Creator(
        creator_id=command.creator_id,
        name=command.name,
        followers=command.followers,
        categories=list(command.categories),
    )
    if world.creators.get(creator.creator_id) == creator:
        return NO_CHANGE
    world.creators[creator.creator_id] = creator
    world.dirty_creators.add(creator.creator_id)
    world.emit(
        creator.creator_id,
        e.CreatorRegistered(
            seq=world.next_seq(EVENTS),
            creator_id=creator.creator_id,
            name=creator.name,
            followers=creator.followers,
            categories=command.categories,
        ),
    )
    return None


def learn(world: World, fact: Merchant | Authorisation) -> None:
    """Take a fact into this partition's own copy, unless a newer one is there. Order is by version, not by arrival."""
    own = replace(fact, partition=world.partition)
    if isinstance(own, Merchant):
        known = world.merchants.get(own.merchant_id)
        if known is None or known.version < own.version:
            world.merchants[own.merchant_id] = own
            world.dirty_merchants.add(own.merchant_id)
        return
    key = (own.merchant_id, own.brand_id)
    granted = world.authorisations.get(key)
    if granted is None or granted.version < own.version:
        world.authorisations[key] = own
        world.dirty_authorisations.add(key)


def apply_authority(world: World, product_ids: list[str]) -> None:
    """Tell the readers of each of these products whose authority is no longer what was said of it."""
    for product_id in product_ids:
        product = world.products[product_id]
        triple = world.authority_of(product.merchant_id, product.brand_id)
        if triple == (product.authority, product.authority_until_day, product.authority_fallback):
            continue
        product.authority, product.authority_until_day, product.authority_fallback = triple
        world.dirty_products.add(product_id)
        world.emit(
            product_id,
            e.AuthorityChanged(
                seq=world.next_seq(EVENTS),
                product_id=product_id,
                authority=triple[0],
                authority_until_day=triple[1],
                authority_fallback=triple[2],
            ),
        )
