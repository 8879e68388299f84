"""Within the same curves, more net sales never lowers the sales force, and a refund never raises it."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao_schemas import events as ev
from fenxiao_scorer.core import ScorerState, fold, restore, snapshot
from fenxiao_scorer.core.assess import assessed
from fenxiao_scorer.core.tables import FORCE
from support.random_log import Shape, random_log
from support.scorer_run import events_of, run

SHAPE = Shape(partitions=1, products=10, days=4, actions_per_day=40)
SALES_FORCE = 4


def sales_forces(state: ScorerState) -> list[int]:
    found: list[int] = assessed(state.sight(), np.arange(state.products.count))[:, FORCE + SALES_FORCE].tolist()
    return found


def after(data: bytes, kind: Any, **fields: Any) -> list[int]:
    state = restore(data)
    list(fold(state, events_of([kind(seq=state.last_event_seq + 1, **fields)]), 100))
    return sales_forces(state)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 2**32), st.integers(0, 9), st.integers(0, 10**12), st.integers(1, 50), st.sampled_from([None, "c"])
)
def test_sales_force_follows_net_sales(seed: int, pick: int, paid: int, quantity: int, creator: str | None) -> None:
    state = run(random_log(seed, SHAPE)).states[0]
    before, data = sales_forces(state), snapshot(state)
    names = state.products.ids.names(np.arange(state.products.count))
    product_id = names[pick % len(names)]
    line: dict[str, Any] = {"product_id": product_id, "order_line_id": "l", "order_day": state.open_day}
    line |= {"due_day": state.open_day, "quantity": quantity, "unit_price_minor": 100, "creator_id": creator}
    sold = after(data, ev.SaleRecorded, **line, order_id="o", at_ms=0, paid_minor=paid)
    refunded = after(
        data, ev.RefundRecorded, **line, refund_id="r", amount_minor=paid, fault="buyer", closes_line=paid % 2 == 0
    )
    assert all(new >= old for new, old in zip(sold, before, strict=True))
    assert all(new <= old for new, old in zip(refunded, before, strict=True))
    others = [i for i, name in enumerate(names) if name != product_id]
    assert [sold[i] for i in others] == [before[i] for i in others]
