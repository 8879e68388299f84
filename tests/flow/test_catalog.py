"""The catalog, whole but for the servers: commands in, outcomes and events out."""

from typing import Any

import pytest

from fenxiao_schemas import commands as c
from fenxiao_schemas import events as e
from fenxiao_schemas.outcomes import REASONS
from fenxiao_schemas.partitioning import partition_of
from support.catalog_world import FIRST_DAY, PARTITIONS, MemoryCatalog, at


def product(product_id: str = "P", command_id: str = "register", **changes: Any) -> c.RegisterProduct:
    fields: dict[str, Any] = {"merchant_id": "M", "category": "home", "title": "杯", "price_minor": 100}
    return c.RegisterProduct(
        command_id=command_id, at_ms=at(), product_id=product_id, currency="CNY", **(fields | changes)
    )


def sale(line: str, command_id: str | None = None, **changes: Any) -> c.RecordSale:
    fields: dict[str, Any] = {"product_id": "P", "quantity": 2, "paid_minor": 201, "at_ms": at(), "currency": "CNY"}
    return c.RecordSale(
        command_id=command_id or f"sale-{line}", order_id=f"o-{line}", order_line_id=line, **(fields | changes)
    )


def refund(line: str, refund_id: str, quantity: int, amount: int, **changes: Any) -> c.RecordRefund:
    fields: dict[str, Any] = {"product_id": "P", "at_ms": at()}
    return c.RecordRefund(
        command_id=f"refund-{refund_id}",
        order_line_id=line,
        refund_id=refund_id,
        quantity=quantity,
        amount_minor=amount,
        **(fields | changes),
    )


async def run(*commands: c.Command, batch_max: int = 5) -> MemoryCatalog:
    catalog = MemoryCatalog(batch_max)
    catalog.send(*commands)
    await catalog.settle()
    return catalog


def of_type(catalog: MemoryCatalog, kind: type[Any]) -> list[Any]:
    return [event for event in catalog.events() if isinstance(event, kind)]


async def test_every_partition_starts_its_calendar_and_numbers_its_events() -> None:
    catalog = await run(product(), sale("1"))
    for partition in range(PARTITIONS):
        events = catalog.events(partition)
        assert isinstance(events[0], e.CalendarStarted)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_a_batch_of_events_ends_with_a_barrier() -> None:
    catalog = await run(product(), sale("1"))
    kinds = [type(event) for event in catalog.events(partition_of(b"P", PARTITIONS))]
    assert kinds == [e.CalendarStarted, e.ProductRegistered, e.SaleRecorded, e.Barrier]


async def test_repeats_are_told_from_reuse() -> None:
    catalog = await run(product(), sale("1"), sale("1"), sale("2", "sale-1"), sale("1", "another-id"))
    assert [(o.command_id, o.status, o.reason) for o in catalog.outcomes()] == [
        ("register", "accepted", ""),
        ("sale-1", "accepted", ""),
        ("sale-1", "duplicate", ""),
        ("sale-1", "refused", "id_reused"),
        ("another-id", "refused", "order_line_exists"),
    ]
    assert len(of_type(catalog, e.SaleRecorded)) == 1


@pytest.mark.parametrize("batch_max", [1, 2, 100])
async def test_early_commands_wait_for_their_parents_in_the_order_of_the_log(batch_max: int) -> None:
    catalog = await run(
        refund("1", "r1", 1, 50),
        refund("1", "r2", 1, 51),
        sale("1"),
        product(),
        batch_max=batch_max,
    )
    assert catalog.verdicts() == {
        "refund-r1": [("parked", "no_order_line"), ("accepted", "")],
        "refund-r2": [("parked", "no_order_line"), ("accepted", "")],
        "sale-1": [("parked", "no_product"), ("accepted", "")],
        "register": [("accepted", "")],
    }
    kinds = [type(event).__name__ for event in catalog.events(partition_of(b"P", PARTITIONS))]
    chain = [kind for kind in kinds if kind not in ("Barrier", "CalendarStarted")]
    assert chain == ["ProductRegistered", "SaleRecorded", "RefundRecorded", "RefundRecorded"]


async def test_a_repeat_of_a_parked_command_is_a_duplicate() -> None:
    catalog = await run(sale("1"), sale("1"), product())
    assert catalog.verdicts()["sale-1"] == [("parked", "no_product"), ("duplicate", ""), ("accepted", "")]


async def test_who_waits_too_long_is_an_orphan_and_may_try_again() -> None:
    catalog = MemoryCatalog()
    catalog.send(sale("1"))
    await catalog.close_day(0)
    for day in (1, 2, 3):
        await catalog.close_day(day)
    await catalog.settle(3)
    assert catalog.verdicts()["sale-1"] == [("parked", "no_product"), ("refused", "orphan")]
    catalog.send(product(), sale("1"))
    await catalog.settle(3)
    assert catalog.verdicts()["sale-1"][2:] == [("accepted", "")]


async def test_the_number_of_waiting_commands_is_bounded() -> None:
    catalog = await run(*(sale(str(n)) for n in range(6)))
    statuses = [verdicts[0] for verdicts in catalog.verdicts().values()]
    assert statuses == [("parked", "no_product")] * 4 + [("refused", "parking_full")] * 2


async def test_a_day_closes_at_its_offset_whatever_the_batches() -> None:
    """The same commands and closes give the same events but for barriers, one record at a time or all at once."""
    logs = []
    for batch_max in (1, 2, 100):
        catalog = MemoryCatalog(batch_max)
        catalog.send(product(), sale("1"))
        await catalog.close_day(0)
        catalog.send(sale("2"), sale("3"))
        await catalog.close_day(1)
        await catalog.close_day(2)
        await catalog.settle(2)
        events = catalog.events(partition_of(b"P", PARTITIONS))
        assert not isinstance(events[-1], e.Barrier)
        logs.append([(type(ev), getattr(ev, "day", None)) for ev in events if not isinstance(ev, e.Barrier)])
    assert logs[0] == logs[1] == logs[2]
    assert [day for kind, day in logs[0] if kind is e.DayClosed] == [FIRST_DAY, FIRST_DAY + 1, FIRST_DAY + 2]


async def test_refunds_never_exceed_what_was_paid_and_bought() -> None:
    catalog = await run(
        product(),
        sale("1", creator_id="C"),
        refund("1", "r1", 1, 100),
        refund("1", "r2", 2, 10),
        refund("1", "r3", 1, 102),
        refund("1", "r4", 1, 101),
        refund("1", "r5", 0, 1),
        refund("1", "r1", 1, 100, at_ms=at(0, 13)),
    )
    verdicts = catalog.verdicts()
    assert [verdicts[f"refund-r{n}"][0] for n in range(1, 6)] == [
        ("accepted", ""),
        ("refused", "over_refund"),
        ("refused", "over_refund"),
        ("accepted", ""),
        ("refused", "over_refund"),
    ]
    refunds = of_type(catalog, e.RefundRecorded)
    assert [(r.closes_line, r.cancels_line, r.creator_id) for r in refunds] == [(False, False, "C"), (True, True, "C")]


async def test_fault_and_delivery_decide_what_a_refund_means() -> None:
    catalog = await run(
        product(),
        sale("cancelled"),
        sale("bad"),
        sale("kept"),
        c.RecordShipment(command_id="s1", at_ms=at(), product_id="P", order_line_id="kept"),
        c.RecordDelivery(command_id="d1", at_ms=at(1), product_id="P", order_line_id="kept"),
        refund("cancelled", "r1", 2, 201, fault="buyer"),
        refund("bad", "r2", 2, 201, fault="seller"),
        refund("kept", "r3", 1, 10, fault="seller"),
        refund("kept", "r4", 1, 10, fault="seller"),
        c.RecordDelivery(command_id="d2", at_ms=at(1), product_id="P", order_line_id="cancelled"),
        c.RecordShipment(command_id="s2", at_ms=at(1), product_id="P", order_line_id="kept"),
        c.RecordDelivery(command_id="d3", at_ms=at(1), product_id="P", order_line_id="kept"),
    )
    flags = {
        r.refund_id: (r.closes_line, r.cancels_line, r.unships_line, r.quality_return)
        for r in of_type(catalog, e.RefundRecorded)
    }
    assert flags == {
        "r1": (True, True, True, False),
        "r2": (True, False, False, True),
        "r3": (False, False, False, True),
        "r4": (True, False, False, False),
    }
    verdicts = catalog.verdicts()
    assert (verdicts["d2"], verdicts["s2"], verdicts["d3"]) == (
        [("refused", "line_cancelled")],
        [("refused", "already_shipped")],
        [("refused", "already_delivered")],
    )


async def test_dispatch_is_on_time_up_to_the_promise() -> None:
    catalog = await run(
        product(),
        sale("in-time", promise_hours=24),
        sale("late", promise_hours=24),
        c.RecordShipment(command_id="s1", at_ms=at(1), product_id="P", order_line_id="in-time"),
        c.RecordShipment(command_id="s2", at_ms=at(1) + 1, product_id="P", order_line_id="late"),
    )
    shipped = {event.order_line_id: (event.on_time, event.due_day) for event in of_type(catalog, e.ShipmentRecorded)}
    assert shipped == {"in-time": (True, FIRST_DAY + 1), "late": (False, FIRST_DAY + 1)}


async def test_repeat_purchases_are_of_the_brand_on_an_earlier_day_within_the_window() -> None:
    catalog = MemoryCatalog()
    catalog.send(product("P", "a", brand_id="B"), product("Q", "b", brand_id="B"), product("R", "c"))
    await catalog.close_day(0)
    await catalog.settle(0)
    plan = [
        ("1", "P", "ann", 0, False),
        ("2", "P", "ann", 0, False),  # the same day: one visit to the shop
        ("3", "P", "ann", 1, True),
        ("4", "R", "ann", 1, False),  # another brand: the merchant's own label
        ("5", "P", None, 1, None),
        ("6", "P", "bob", 1, False),
    ]
    for line, product_id, buyer, day, _ in plan:
        catalog.send(sale(line, product_id=product_id, buyer_id=buyer, at_ms=at(day)))
        await catalog.settle(0)
    marked = {event.order_line_id: event.repeat for event in of_type(catalog, e.SaleRecorded)}
    assert marked == {line: repeat for line, _, _, _, repeat in plan}
    catalog.send(sale("7", product_id="Q", buyer_id="bob", at_ms=at(2)))
    await catalog.settle(0)
    assert {s.order_line_id: s.repeat for s in of_type(catalog, e.SaleRecorded)}["7"] is True, "across partitions"
    assert not any("ann" in str(event) for event in catalog.events()), "buyers leave the catalog in no form"


async def test_a_merchants_change_reaches_its_products_in_every_partition() -> None:
    catalog = MemoryCatalog()
    names = [f"P{n}" for n in range(12)]
    catalog.send(*(product(name, f"register-{name}", brand_id="B") for name in names))
    await catalog.settle()
    catalog.send(
        c.RegisterMerchant(command_id="m", at_ms=at(), merchant_id="M", name="店", kind="enterprise"),
        c.AuthoriseBrand(
            command_id="b", at_ms=at(), merchant_id="M", brand_id="B", level="flagship", until_day=FIRST_DAY + 9
        ),
    )
    await catalog.settle()
    last = {event.product_id: event for event in of_type(catalog, e.AuthorityChanged)}
    assert sorted(last) == sorted(names)
    assert {(v.authority, v.authority_until_day, v.authority_fallback) for v in last.values()} == {
        (4, FIRST_DAY + 9, 2)
    }
    catalog.send(product("later", "register-later", brand_id="B"))
    await catalog.settle()
    [later] = [event for event in of_type(catalog, e.ProductRegistered) if event.product_id == "later"]
    assert (later.authority, later.authority_fallback) == (4, 2)


async def test_a_product_that_is_registered_while_its_merchant_arrives_has_its_authority() -> None:
    """The merchant's fact waits in the inbox when the product's command comes: both are taken in one step."""
    catalog = MemoryCatalog()
    home = partition_of(b"P", PARTITIONS)
    merchant = next(f"M{n}" for n in range(99) if partition_of(f"M{n}".encode(), PARTITIONS) != home)
    catalog.send(product("Q", "first"))
    await catalog.settle()
    for worker in catalog.workers.values():
        assert worker.phase == "stopped"
    catalog.send(
        c.RegisterMerchant(command_id="m", at_ms=at(), merchant_id=merchant, name="店", kind="enterprise"),
        product("P", "second", merchant_id=merchant),
    )
    await catalog.settle(only_first=partition_of(merchant.encode(), PARTITIONS))
    await catalog.settle()
    last = {
        event.product_id: event.authority
        for event in catalog.events()
        if isinstance(event, e.ProductRegistered | e.AuthorityChanged)
    }
    assert last["P"] == 2


async def test_what_cannot_be_read_is_buried_and_the_next_one_applied() -> None:
    catalog = MemoryCatalog()
    home = partition_of(b"P", PARTITIONS)
    catalog.send(product())
    for poison in (b"\xff\xfe", b"{", b'{"type":"nonsense"}', None, b'{"type":"list_product","product_id":"P"}'):
        catalog.send_raw(home, b"P", poison)
    catalog.send(sale("1"))
    await catalog.settle()
    assert [letter.offset for letter in catalog.dead_letters()] == [1, 2, 3, 4, 5]
    assert [(o.status, o.reason) for o in catalog.outcomes()] == [
        ("accepted", ""),
        *[("refused", "unreadable")] * 5,
        ("accepted", ""),
    ]


async def test_a_command_must_lie_where_its_key_belongs() -> None:
    catalog = MemoryCatalog()
    home = partition_of(b"P", PARTITIONS)
    body = c.ListProduct(command_id="l", at_ms=at(), product_id="P")
    catalog.send(product())
    catalog.broker.append("fenxiao.catalog.commands.v1", (home + 1) % PARTITIONS, b"P", encode_of(body))
    catalog.broker.append("fenxiao.catalog.commands.v1", home, b"other", encode_of(body))
    catalog.broker.append("fenxiao.catalog.commands.v1", home, None, encode_of(body))
    await catalog.settle()
    assert catalog.verdicts()["l"] == [("refused", "wrong_partition")] * 3


def encode_of(command: c.Command) -> bytes:
    from fenxiao_schemas.codec import encode

    return encode(command)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (sale("9", at_ms=at(2)), "in_future"),
        (sale("9", currency="USD"), "wrong_currency"),
        (refund("1", "r9", 1, 1, product_id="P", at_ms=at(2)), "in_future"),
        (refund("1", "r9", 0, 0), "no_change"),
        (c.ListProduct(command_id="x", at_ms=at(), product_id="P"), "no_change"),
        (c.ReleaseProduct(command_id="x", at_ms=at(), product_id="P"), "no_change"),
        (c.ChangePrice(command_id="x", at_ms=at(), product_id="P", price_minor=1, currency="EUR"), "wrong_currency"),
        (c.EndPlan(command_id="x", at_ms=at(), product_id="P", plan_id="none"), "no_plan"),
        (c.RecordViews(command_id="x", at_ms=at(), product_id="P", day=FIRST_DAY, views=1), "stale_revision"),
        (c.RecordViews(command_id="x", at_ms=at(), product_id="P", day=FIRST_DAY + 2, views=1), "in_future"),
        (c.RecordViolation(command_id="x", at_ms=at(), product_id="P", violation_id="v", severity="minor"), "violation_exists"),
        (c.RecordReview(command_id="x", at_ms=at(), product_id="P", order_line_id="1", review_id="r", stars=5), "review_exists"),
        (c.CorrectSale(command_id="x", at_ms=at(), product_id="P", order_line_id="1", quantity=1, paid_minor=9), "below_refunds"),
        (c.CorrectSale(command_id="x", at_ms=at(), product_id="P", order_line_id="1", quantity=2, paid_minor=201), "no_change"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
async def test_refusals_have_stable_reasons_and_no_events(command: c.Command, reason: str) -> None:
    assert reason in REASONS
    before = [
        product(),
        c.ListProduct(command_id="list", at_ms=at(), product_id="P"),
        sale("1"),
        refund("1", "r0", 1, 100),
        c.RecordViews(command_id="views", at_ms=at(), product_id="P", day=FIRST_DAY, views=7),
        c.RecordViolation(command_id="v", at_ms=at(), product_id="P", violation_id="v", severity="minor"),
        c.RecordReview(command_id="r", at_ms=at(), product_id="P", order_line_id="1", review_id="r", stars=1),
    ]
    catalog = await run(*before)
    count = len(catalog.events())
    catalog.send(command)
    await catalog.settle()
    assert catalog.verdicts()[command.command_id] == [("refused", reason)]
    assert len(catalog.events()) == count


async def test_a_correction_says_what_the_line_was_and_is() -> None:
    catalog = await run(
        product(),
        sale("1", creator_id="C", quantity=3, paid_minor=300),
        refund("1", "r", 1, 100),
        c.CorrectSale(
            command_id="x", at_ms=at(), product_id="P", order_line_id="1", quantity=5, paid_minor=400, creator_id="D"
        ),
    )
    [event] = of_type(catalog, e.SaleCorrected)
    assert (event.old_net_quantity, event.old_net_minor, event.old_unit_price_minor, event.old_creator_id) == (
        2,
        200,
        100,
        "C",
    )
    assert (event.net_quantity, event.net_minor, event.unit_price_minor, event.creator_id) == (4, 300, 80, "D")


async def test_plans_and_views_say_what_holds_now() -> None:
    def plan(command_id: str, plan_id: str, kind: Any, bps: int) -> c.SetPlan:
        return c.SetPlan(
            command_id=command_id, at_ms=at(), product_id="P", plan_id=plan_id, kind=kind, commission_bps=bps
        )

    catalog = await run(
        product(),
        plan("1", "a", "open", 1_000),
        plan("2", "b", "open", 2_000),
        plan("3", "c", "targeted", 5_000),
        c.EndPlan(command_id="4", at_ms=at(), product_id="P", plan_id="b"),
        c.EndPlan(command_id="5", at_ms=at(), product_id="P", plan_id="a"),
        c.RecordViews(command_id="6", at_ms=at(), product_id="P", day=FIRST_DAY, views=100),
        c.RecordViews(command_id="7", at_ms=at(), product_id="P", day=FIRST_DAY, views=80, revision=2),
    )
    assert [event.open_commission_bps for event in of_type(catalog, e.PlanChanged)] == [1000, 2000, 2000, 1000, None]
    assert [(v.previous_views, v.views) for v in of_type(catalog, e.ViewsRecorded)] == [(0, 100), (100, 80)]
