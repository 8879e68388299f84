"""Loads or compiles all compiled code, before a partition is taken: `python -m fenxiao_scorer.warm` fills the cache.

It folds a tiny market that has every kind of event, twice over: from bytes, and from a snapshot on.
"""

import time
from typing import Any

import msgspec
import structlog

from fenxiao_schemas import events as ev
from fenxiao_schemas.codec import encode
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.policy import ALGORITHM_VERSION, default_policy
from fenxiao_scorer.core import (
    CACHED,
    ScorerState,
    fold,
    merge_posts,
    put_curves,
    put_policy,
    read_events,
    restore,
    snapshot,
)

DAY = 20_000
CLOSES = 3
SLOW_S = 5.0
_LOG = structlog.get_logger("scorer")


def warm() -> float:
    """Fold the tiny market; gives the seconds that it took: a few if the cache is filled, else about a minute."""
    start, policy = time.perf_counter(), default_policy()
    state = ScorerState.empty(0)
    put_policy(state, policy.version, policy)
    seq = 0
    for day in range(DAY, DAY + CLOSES):
        events = [*([_calendar(policy.version)] if day == DAY else []), *_trade(day), _closed(day, policy.version)]
        bodies = [encode(_numbered(event, seq + number)) for number, event in enumerate(events, start=1)]
        seq += len(bodies)
        for step in fold(state, read_events(bodies), len(bodies)):
            if step.post is not None:
                put_curves(state, day, merge_posts([step.post[1]]))
        state = restore(snapshot(state))
    return time.perf_counter() - start


def _calendar(version: int) -> ev.CalendarStarted:
    facts: dict[str, int] = {
        "first_day": DAY,
        "policy_version": version,
        "algorithm_version": ALGORITHM_VERSION,
        "partitions": 1,
    }
    return ev.CalendarStarted(seq=1, **facts, utc_offset_minutes=480, currency="CNY")


def _closed(day: int, version: int) -> ev.DayClosed:
    return ev.DayClosed(seq=1, day=day, next_policy_version=version, next_algorithm_version=ALGORITHM_VERSION)


def _trade(day: int) -> list[AnyEvent]:
    events: list[AnyEvent] = []
    for product in ("a", "b", "c"):
        facts: dict[str, Any] = {"seq": 1, "product_id": product}
        line: dict[str, Any] = {**facts, "order_line_id": "l", "order_day": day}
        prices: dict[str, Any] = {"unit_price_minor": 100 + len(events), "creator_id": f"creator-{product}"}
        events += [
            ev.ProductRegistered(**facts, merchant_id="m", category="home/kitchen", title="锅", price_minor=100),
            ev.AuthorityChanged(**facts, authority=2),
            ev.PriceChanged(**facts, price_minor=120),
            ev.ListingChanged(**facts, listed=True, held=False),
            ev.PlanChanged(**facts, plan_id="p", kind="open", commission_bps=100, open_commission_bps=100),
            ev.ViolationRecorded(**facts, violation_id="v", severity="minor", minor_day=day - 99),
            ev.ViewsRecorded(**facts, day=day, views=9),
            ev.SaleRecorded(**line, **prices, order_id="o", at_ms=0, due_day=day, quantity=2, paid_minor=200, repeat=True),
            ev.Barrier(seq=1),
            ev.ShipmentRecorded(**line, due_day=day, on_time=True),
            ev.DeliveryRecorded(**line),
            ev.ReviewRecorded(**line, stars=1),
            ev.RefundRecorded(**line, **prices, refund_id="r", due_day=day, quantity=1, amount_minor=100, fault="seller"),
            ev.SaleCorrected(
                **line, old_net_quantity=1, old_net_minor=100, old_unit_price_minor=100, net_quantity=1, net_minor=90,
                unit_price_minor=90, creator_id="creator-a",
            ),
            ev.CreatorRegistered(seq=1, creator_id="creator-a", name="n"),
        ]  # fmt: skip
    return events


def _numbered(event: AnyEvent, seq: int) -> AnyEvent:
    return msgspec.structs.replace(event, seq=seq)


def prepare() -> None:
    """Warm up, and say so if it took long."""
    seconds = warm()
    if seconds > SLOW_S:
        _LOG.info("compiled", seconds=round(seconds, 1), kept=CACHED)


if __name__ == "__main__":
    prepare()
