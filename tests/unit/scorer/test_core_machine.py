"""Two drivers of one log publish the same, byte for byte: one folds day by day, the other whatever way rules drive it.

And other logs of the same products, with other barriers and in other partitions, come to the same tiers at every close.
"""

from random import Random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fenxiao_schemas.events import AnyEvent, DayClosed
from fenxiao_scorer.core import (
    Captured,
    ScorerState,
    Step,
    TierRows,
    capture,
    fold,
    merge_posts,
    missing_curves,
    put_curves,
    put_policy,
    restore,
    snapshot,
)
from support.random_log import RandomLog, Shape, random_log
from support.scorer_run import Run, events_of, run
from support.transform import numbered, redealt, reordered, with_fine_policies, with_other_barriers

SHAPE = Shape(partitions=2, products=8, creators=3, days=4, actions_per_day=24, barrier_share=0.15, idle_days_max=1)
SEEDS = st.integers(0, 2**32)
PARTITIONS = st.integers(0, SHAPE.partitions - 1)

type Sent = tuple[bytes, bytes]
"""Key and value of a message."""
type Rows = dict[tuple[str, int], tuple[Any, ...]]
"""Changes of tier by product and revision."""


def rows_of(rows: TierRows) -> Rows:
    columns = (getattr(rows, name) for name in TierRows.__slots__)
    return {(row[0], row[1]): row for row in zip(*columns, strict=True)}


class Driver:
    """A partition as a processor that may crash drives it: what it publishes must be the same each time it is folded."""

    def __init__(self, partition: int, log: RandomLog) -> None:
        self.events = list(log.partitions[partition])
        self.policies = log.policies
        self.state = ScorerState.empty(partition)
        self.sent: list[Sent] = []
        self.rows: Rows = {}
        self.posts: dict[int, bytes] = {}
        self.captured: Captured = capture(self.state)

    @property
    def done(self) -> int:
        return self.state.last_event_seq

    @property
    def is_at_end(self) -> bool:
        return self.done == len(self.events)

    def permute(self, random: Random) -> None:
        self.events = numbered([*self.events[: self.done], *reordered(self.events[self.done :], random)])

    def ready(self, wanted: int) -> int:
        """How many of the next events can be folded: up to a close, and into it if its curves are there."""
        for place, event in enumerate(self.events[self.done : self.done + wanted]):
            if isinstance(event, DayClosed):
                known = missing_curves(self.state, event) is None
                return place + known
        return min(wanted, len(self.events) - self.done)

    def fold(self, count: int, messages_max: int, *, again: int = 0, steps_max: int = 10**9) -> bool:
        """Fold the next events, delivered with some of those before; whether the steps were all taken."""
        for version, policy in self.policies.items():
            put_policy(self.state, version, policy)
        first = max(0, self.done - again)
        events = events_of(self.events[first : self.done + count])
        events = events[int(np.count_nonzero(events.seqs <= self.done)) :]
        for number, step in enumerate(fold(self.state, events, messages_max)):
            if number >= steps_max:
                return False
            assert len(step.keys) <= messages_max
            self._take(step)
        return True

    def _take(self, step: Step) -> None:
        messages = list(zip(step.keys, step.values, strict=True))
        before = step.first_seq - 1 if messages else len(self.sent)
        assert 0 <= before <= len(self.sent), "a gap"
        known = self.sent[before : before + len(messages)]
        assert messages[: len(known)] == known, "one seq, two contents"
        self.sent += messages[len(known) :]
        for place, row in rows_of(step.rows).items():
            assert self.rows.setdefault(place, row) == row, "one revision, two rows"
        if step.post is not None:
            day, post = step.post
            assert self.posts.setdefault(day, post) == post, "one day, two posts"


class TwoDrivers(RuleBasedStateMachine):
    """The second driver; the first has done its work when this one begins."""

    drivers: list[Driver]
    expected: Run

    @initialize(seed=SEEDS)
    def begin(self, seed: int) -> None:
        log = random_log(seed, SHAPE)
        self.expected = run(log)
        self.drivers = [Driver(partition, log) for partition in range(SHAPE.partitions)]

    def share(self) -> None:
        """Put the curves of every day that all partitions have closed."""
        for day in set.intersection(*(set(driver.posts) for driver in self.drivers)):
            curves = merge_posts([driver.posts[day] for driver in self.drivers])
            for driver in self.drivers:
                # A restored one needs curves again that it had used, and takes no harm from those that it has left behind.
                put_curves(driver.state, day, curves)

    @rule(at=PARTITIONS, wanted=st.integers(0, 90), messages_max=st.integers(1, 9), again=st.integers(0, 30))
    def fold_some(self, at: int, wanted: int, messages_max: int, again: int) -> None:
        driver = self.drivers[at]
        assert driver.fold(driver.ready(wanted), messages_max, again=again)
        self.share()

    @rule(at=PARTITIONS, messages_max=st.sampled_from([1, 3, 1000]))
    def fold_up_to_the_close(self, at: int, messages_max: int) -> None:
        driver = self.drivers[at]
        assert driver.fold(driver.ready(len(driver.events)), messages_max)
        self.share()

    @precondition(lambda self: not all(driver.is_at_end for driver in self.drivers))
    @rule(at=PARTITIONS, seed=SEEDS)
    def permute(self, at: int, seed: int) -> None:
        # What is folded stays as it was, for it may come again; what only a crash had folded may be another order's.
        self.drivers[at].permute(Random(seed))

    @rule(at=PARTITIONS)
    def be_reborn(self, at: int) -> None:
        driver = self.drivers[at]
        data = snapshot(driver.state)
        driver.state = restore(data)
        assert snapshot(driver.state) == data

    @rule(at=PARTITIONS)
    def capture(self, at: int) -> None:
        self.drivers[at].captured = capture(self.drivers[at].state)

    @rule(at=PARTITIONS, wanted=st.integers(1, 90), messages_max=st.integers(1, 3), steps=st.integers(0, 3))
    def crash(self, at: int, wanted: int, messages_max: int, steps: int) -> None:
        """Fold, die after some steps or after the last, and begin again where the last capture was made."""
        driver = self.drivers[at]
        driver.fold(driver.ready(wanted), messages_max, steps_max=steps)
        driver.state = restore(driver.captured.encode())
        self.share()

    def teardown(self) -> None:
        if not hasattr(self, "drivers"):
            return
        while not all(driver.is_at_end for driver in self.drivers):
            for driver in self.drivers:
                assert driver.fold(driver.ready(len(driver.events)), 10_000)
            self.share()
        for partition, driver in enumerate(self.drivers):
            messages, rows = self.expected.messages[partition], self.expected.rows[partition]
            assert [message.seq for message in messages] == list(range(1, len(messages) + 1))
            assert driver.sent == [(message.key, message.value) for message in messages]
            assert driver.rows == rows_of(rows)
            assert driver.posts == {day: posts[partition] for day, posts in self.expected.posts.items()}


TwoDrivers.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTwoDrivers = TwoDrivers.TestCase


def closes(log: RandomLog) -> list[tuple[Any, ...]]:
    """What every close left of each product, whatever its partition; with fine policies its score is the published one."""
    seen: list[tuple[Any, ...]] = []
    columns = ["tier", "closed", "below", "best", "published_tier", "published_score", "published_evidence"]

    def look(state: ScorerState) -> ScorerState:
        count = state.products.count
        facts = state.products.facts[:count][columns].tolist()
        names = state.products.ids.names(np.arange(count))
        seen.extend((state.closed_day, name, *fact) for name, fact in zip(names, facts, strict=True))
        return state

    run(with_events_up_to_the_last_close(log), between=look)
    return sorted(seen)


def with_events_up_to_the_last_close(log: RandomLog) -> RandomLog:
    cut: list[list[AnyEvent]] = []
    for events in log.partitions:
        last = max(place for place, event in enumerate(events) if isinstance(event, DayClosed))
        cut.append(events[: last + 1])
    return RandomLog(log.shape, cut, log.policies)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SEEDS, st.sampled_from([1, 2, 4]), st.booleans())
def test_partitions_and_barriers_do_not_change_what_closes_decide(seed: int, partitions: int, barriers: bool) -> None:
    log = with_fine_policies(random_log(seed, SHAPE))
    other = redealt(log, partitions, Random(seed))
    assert len(other.partitions) == partitions
    found = closes(with_other_barriers(other, Random(seed)) if barriers else other)
    assert found == closes(log)
    assert len({day for day, *_ in found}) >= SHAPE.days
