"""The fold does not depend on how it was driven: batches, snapshots, order between barriers, barriers, ids, partitions."""

from collections.abc import Sequence
from hashlib import sha256
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenxiao_schemas.codec import encode
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.tiers import Tier
from fenxiao_schemas.topics import TIERS, codec_of
from fenxiao_scorer.core import ScorerState, restore, snapshot
from support.random_log import RandomLog, Shape, random_log
from support.scorer_run import Run, run
from support.transform import shuffled, with_fine_policies, with_other_barriers, with_twin

SHAPE = Shape(partitions=2, products=12, creators=4, days=4, actions_per_day=40, idle_days_max=2)
SEEDS = st.integers(0, 2**32)
quick = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def final_fields(result: Run) -> dict[str, Any]:
    """What was last said of each product, without what depends on barriers."""
    last: dict[str, Any] = {}
    for messages in result.messages:
        for message in messages:
            tier: Tier = codec_of(TIERS).decode(message.value)
            last[tier.product_id] = (tier.tier, tier.score_bps, tier.evidence, tier.rights)
    return last


def closing_states(log: RandomLog) -> tuple[list[Any], Run]:
    """After every close, each product's place on the ladder and the last that was said of it."""
    seen: list[Any] = []

    def look(state: ScorerState) -> ScorerState:
        products = state.products
        columns = ("closed", "below", "best", "published_score", "published_evidence")
        facts = products.facts[: products.count][list(columns)].tolist()
        names = products.ids.names(np.arange(products.count))
        seen.extend((state.open_day, name, *fact) for name, fact in zip(names, facts, strict=True))
        return state

    stripped = RandomLog(log.shape, [up_to_last_close(events) for events in log.partitions], log.policies)
    result = run(stripped, between=look)
    return sorted(seen), result


def up_to_last_close(events: Sequence[AnyEvent]) -> list[AnyEvent]:
    last = max(i for i, event in enumerate(events) if type(event).__name__ == "DayClosed")
    return list(events[: last + 1])


def test_messages_are_the_encoding_of_their_structs() -> None:
    result = run(random_log(3))
    messages = [message for partition in result.messages for message in partition]
    assert len(messages) > 200
    for message in messages:
        tier = codec_of(TIERS).decode(message.value)
        assert encode(tier) == message.value
        assert (tier.product_id.encode(), tier.seq) == (message.key, message.seq)


def test_random_logs_reach_every_tier() -> None:
    tiers = {
        entry
        for seed in range(8)
        for rows in run(random_log(seed, Shape(days=8))).rows
        for entry in zip(rows.tiers, rows.evidences, strict=True)
    }
    assert {tier for tier, _ in tiers} == {0, 1, 2, 3, 4, 5}
    assert {evidence for _, evidence in tiers} == {"none", "thin", "rated"}


@quick
@given(SEEDS)
def test_batches_change_nothing(seed: int) -> None:
    log, random = random_log(seed, SHAPE), Random(seed)

    def cut(events: Sequence[AnyEvent]) -> list[Sequence[AnyEvent]]:
        cuts = sorted(random.choices(range(len(events) + 1), k=random.randint(0, 12)))
        return [events[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)]

    expected, other = run(log), run(log, batches=cut, messages_max=random.randint(1, 9))
    assert other.messages == expected.messages
    assert other.rows == expected.rows
    assert other.posts == expected.posts


@quick
@given(SEEDS)
def test_snapshots_change_nothing(seed: int) -> None:
    log = random_log(seed, SHAPE)

    def cut(events: Sequence[AnyEvent]) -> list[Sequence[AnyEvent]]:
        middle = seed % (len(events) + 1)
        return [events[:middle], events[middle:]]

    def reborn(state: ScorerState) -> ScorerState:
        other = restore(snapshot(state))
        assert snapshot(other) == snapshot(state)
        return other

    expected, other = run(log), run(log, batches=cut, between=reborn)
    assert other.messages == expected.messages
    assert other.rows == expected.rows
    assert other.posts == expected.posts


@quick
@given(SEEDS)
def test_order_between_control_records_changes_nothing(seed: int) -> None:
    log = random_log(seed, SHAPE)
    ordered = shuffled(log, Random(0))
    assert run(shuffled(log, Random(seed))).messages == run(ordered).messages


@quick
@given(SEEDS)
def test_barriers_do_not_change_what_closes_decide(seed: int) -> None:
    log = with_fine_policies(random_log(seed, SHAPE))
    expected, first = closing_states(log)
    found, second = closing_states(with_other_barriers(log, Random(seed)))
    assert found == expected
    assert second.posts == first.posts
    assert final_fields(second) == final_fields(first)


@quick
@given(SEEDS)
def test_equal_products_are_graded_equally(seed: int) -> None:
    log = with_fine_policies(random_log(seed, SHAPE))
    product_id = next(event.product_id for event in log.partitions[seed % 2] if hasattr(event, "product_id"))
    states, result = closing_states(with_twin(log, product_id, "zz-twin"))
    mine = [(day, *rest) for day, name, *rest in states if name == product_id]
    assert mine
    assert mine == [(day, *rest) for day, name, *rest in states if name == "zz-twin"]
    assert final_fields(result)[product_id] == final_fields(result)["zz-twin"]


@pytest.mark.parametrize("seed", range(3))
def test_a_chain_of_digests_joins_a_products_messages(seed: int) -> None:
    for messages in run(random_log(seed)).messages:
        last: dict[bytes, tuple[int, bytes]] = {}
        for seq, message in enumerate(messages, start=1):
            tier = codec_of(TIERS).decode(message.value)
            revision, value = last.get(message.key, (0, b""))
            assert (tier.seq, tier.revision) == (seq, revision + 1)
            assert tier.prev_digest == (sha256(value).hexdigest()[:32] if revision else "")
            last[message.key] = (tier.revision, message.value)
