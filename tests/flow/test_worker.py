"""The partition processor over ports in memory: what it promises under each single fault."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import structlog.testing

from fenxiao_runtime import relay, worker
from fenxiao_runtime.errors import TemporaryFault
from fenxiao_runtime.memory import MemoryBroker, MemoryRecord, MemoryStore
from fenxiao_runtime.ports import OutboxRow, Outputs, Position
from fenxiao_runtime.worker import Worker
from support.toy_service import Number, Numbers, Sum, Total, ToyService


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Back-offs are for servers; here the fault is over at once. And drawing a traceback can take a test's whole time."""
    for module, name in ((worker, "BACKOFF_S"), (worker, "FENCED_BACKOFF_S"), (relay, "BACKOFF_S")):
        monkeypatch.setattr(module, name, 0.0)
    with structlog.testing.capture_logs():
        yield


class Bench:
    """A broker, a store, and workers on partition 0 (and more)."""

    def __init__(self, service: ToyService | None = None) -> None:
        self.service = service or ToyService()
        self.broker = MemoryBroker()
        self.store = MemoryStore(outputs=len(self.service.outputs))
        self.workers: dict[int, Worker[Sum]] = {}
        self.sent: dict[int, int] = {}

    def worker(self, partition: int = 0) -> Worker[Sum]:
        made = Worker(
            self.service,
            partition,
            store=self.store,
            log=self.broker,
            sender=self.broker,
            assignment=self.broker,
            owner="test",
            batch_max=3,
            idle_s=0.001,
        )
        self.workers[partition] = made
        return made

    def send(self, *values: int, partition: int = 0, parts: int = 1) -> None:
        for value in values:
            self.sent[partition] = self.sent.get(partition, 0) + 1
            number = Number(self.sent[partition], value, parts)
            self.broker.append("numbers", partition, None, msgspec.json.encode(number))

    def feeding(self, partitions: int = 1) -> AbstractContextManager[None]:
        return self.broker.feeding("numbers", lambda p, records: self.workers[p].offer(records), partitions)

    def totals(self, partition: int = 0, topic: str = "totals") -> list[int]:
        """The totals as a reader with a high-water mark sees them."""
        seen: list[int] = []
        for value in self.broker.values(topic, partition):
            total = msgspec.json.decode(value, type=Total)
            assert total.seq <= len(seen) + 1, "a gap"
            if total.seq == len(seen) + 1:
                seen.append(total.total)
            else:
                assert seen[total.seq - 1] == total.total, "one seq, two contents"
        return seen


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


async def test_every_record_counts_once_in_order() -> None:
    bench = Bench()
    bench.send(1, 2, 3, 4, 5, 6, 7)
    bench.worker().start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 7)
    await bench.workers[0].stop()
    assert bench.totals() == [1, 3, 6, 10, 15, 21, 28]


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "lost"])
@pytest.mark.parametrize("fault", ["commit", "send"])
@pytest.mark.parametrize("at", range(8))
async def test_unknown_outcomes_are_read_again(fault: str, at: int, *, applied: bool) -> None:
    bench = Bench()
    bench.send(*range(1, 5))
    bench.worker().start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 4)
        for _ in range(at % 3 + 1):
            if fault == "commit":
                bench.store.break_commit(applied=applied)
            else:
                bench.broker.break_send(applied=applied)
        bench.send(*range(5, 5 + at + 1), parts=1 + at % 2)
        count = 4 + (at + 1) * (1 + at % 2)
        await until(lambda: len(bench.totals()) == count)
    await bench.workers[0].stop()
    expected = [sum(range(n + 1)) for n in range(1, 5)]
    for last in range(5, 5 + at + 1):
        expected += [sum(range(last + 1))] * (1 + at % 2)
    assert bench.totals() == expected


async def test_a_record_of_many_steps_survives_a_crash_between_them() -> None:
    bench = Bench()
    bench.send(1)
    bench.send(10, parts=6)
    bench.send(100)
    first = bench.worker()
    first.start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) >= 3)
        await first.stop()
        second = bench.worker()
        second.start()
        await until(lambda: len(bench.totals()) == 8)
    await second.stop()
    assert bench.totals() == [1, *[11] * 6, 111]


async def test_a_zombie_is_fenced_and_publishes_nothing_more() -> None:
    bench = Bench()
    bench.send(1, 2)
    zombie = bench.worker()
    zombie.start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 2)
        await zombie.stop()
        zombie_state = (zombie.position, bench.service.loads)
        heir = bench.worker()
        heir.start()
        bench.send(3)
        await until(lambda: len(bench.totals()) == 3)
        await heir.stop()
        bench.workers[0] = zombie
        zombie.start()
        bench.send(4)
        await until(lambda: len(bench.totals()) == 4)
    await zombie.stop()
    assert bench.totals() == [1, 3, 6, 10]
    assert zombie.position is not None
    assert zombie_state[0] is not None
    assert zombie.position.epoch == zombie_state[0].epoch + 2
    assert bench.service.loads == zombie_state[1] + 2, "neither may have trusted memory that the other had overtaken"


async def test_a_start_that_is_cut_short_leaves_no_memory_to_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rebalances in a row: the lease was taken and the position read, but the state is still the one of long ago."""
    monkeypatch.setattr(worker, "LEAVE_WAIT_S", 0.01)
    bench = Bench()
    bench.send(1, 2)
    first = bench.worker()
    first.start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 2)
        await first.stop()
        heir = bench.worker()
        heir.start()
        bench.send(3)
        await until(lambda: len(bench.totals()) == 3)
        await heir.stop()
        bench.workers[0] = first
        loading = asyncio.Event()

        async def endless(*_: object) -> Sum:
            loading.set()
            return await asyncio.Future()

        with monkeypatch.context() as patch:
            patch.setattr(bench.service, "load", endless)
            first.start()
            await loading.wait()
            await first.stop()
        first.start()
        bench.send(4)
        await until(lambda: len(bench.totals()) == 4)
    await first.stop()
    assert bench.totals() == [1, 3, 6, 10]


async def test_what_a_failed_fetch_swallowed_is_fetched_again() -> None:
    """A fetch that raised for another partition has moved on in this one without handing anything out."""
    bench = Bench()
    bench.send(1, 2, 3, 4)
    made = bench.worker()
    made.start()
    await until(lambda: made.phase == "running")
    bench.broker.seek(0, 2)
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 4)
    await made.stop()
    assert bench.totals() == [1, 3, 6, 10]


async def test_a_relay_that_breaks_halts_the_partition_even_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "BACKLOG_ROWS_MAX", 2)
    bench = Bench()
    opened = asyncio.Event()

    async def broken(*_: object) -> int:
        await opened.wait()
        raise ValueError("fits no batch")

    monkeypatch.setattr(bench.broker, "send", broken)
    bench.send(*range(1, 40))
    made = bench.worker()
    made.start()
    with bench.feeding():
        await until(lambda: made.report()["relay_backlog"] >= 2)
        opened.set()
        await until(lambda: made.phase == "halted")
    assert "fits no batch" in made.report()["halted"]


async def test_a_relay_that_broke_before_its_backlog_was_full_takes_no_row_to_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "BACKLOG_ROWS_MAX", 2)
    bench = Bench()
    broken = relay.Relay(bench.store, bench.broker, topics=["totals"], partition=0)
    await broken.start()

    async def breaks(*_: object) -> int:
        raise ValueError("fits no batch")

    monkeypatch.setattr(bench.broker, "send", breaks)
    outputs = [Outputs(0, 1, [b"k"], [b"v"])]
    await broken.put(1, outputs)
    await asyncio.wait({task for task in asyncio.all_tasks() if task.get_name() == "relay-0"})
    with pytest.raises(ValueError, match="fits no batch"):
        await broken.put(2, outputs)


async def test_a_relay_that_gets_nothing_out_is_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker itself may well be idle then: health must not take that for all being well."""

    async def refused(*_: object) -> int:
        raise TemporaryFault("Kafka: not enough replicas")

    bench = Bench()
    monkeypatch.setattr(bench.broker, "send", refused)
    bench.send(1)
    made = bench.worker()
    made.start()
    with bench.feeding():
        await until(lambda: made.idle_ms > 50)
    await made.stop()


async def test_stopping_twice_at_once_is_stopping() -> None:
    bench = Bench()
    made = bench.worker()
    made.start()
    await until(lambda: made.phase == "running")
    await asyncio.gather(made.stop(), made.stop())
    assert made.phase == "stopped"


async def test_memory_outlives_a_rebalance_that_brings_the_partition_back() -> None:
    bench = Bench()
    bench.send(1, 2)
    only = bench.worker()
    only.start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 2)
        await only.stop()
        only.start()
        bench.send(3)
        await until(lambda: len(bench.totals()) == 3)
    await only.stop()
    assert (bench.totals(), bench.service.loads) == ([1, 3, 6], 1)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"not json", "unreadable_own_record"),
        (msgspec.json.encode(Number(9, 1)), "seq_gap"),
        (None, "unreadable_own_record"),
    ],
    ids=["unreadable", "gap", "tombstone"],
)
async def test_what_we_wrote_wrongly_halts_that_partition_and_no_other(value: bytes | None, reason: str) -> None:
    bench = Bench()
    bench.send(1, partition=0)
    bench.send(1, partition=1)
    bench.worker(0).start()
    bench.worker(1).start()
    with bench.feeding(2):
        await until(lambda: len(bench.totals(0)) == len(bench.totals(1)) == 1)
        bench.broker.append("numbers", 0, None, value)
        await until(lambda: bench.workers[0].phase == "halted")
        bench.send(2, partition=1)
        await until(lambda: len(bench.totals(1)) == 2)
    halted = bench.workers[0].report()["halted"]
    assert halted.startswith(reason)
    assert bench.totals(0) == [1]
    for each in bench.workers.values():
        await each.stop()
    assert bench.workers[0].phase == "halted", "a halt outlives a rebalance"


async def test_a_repeat_of_ours_is_dropped() -> None:
    bench = Bench()
    bench.send(1, 2)
    bench.broker.append("numbers", 0, None, msgspec.json.encode(Number(1, 1)))
    bench.broker.append("numbers", 0, None, msgspec.json.encode(Number(2, 2)))
    bench.send(3)
    bench.worker().start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 3)
    await bench.workers[0].stop()
    assert bench.totals() == [1, 3, 6]


async def test_a_log_ahead_of_the_database_halts() -> None:
    bench = Bench()
    bench.send(1)
    bench.broker.append("totals", 0, b"k", msgspec.json.encode(Total(1, 1)))
    made = bench.worker()
    made.start()
    await until(lambda: made.phase == "halted")
    assert made.report()["halted"].startswith("log_ahead_of_database")


async def test_a_stored_offset_outside_the_log_halts() -> None:
    bench = Bench()
    bench.send(1, 2, 3)
    first = bench.worker()
    first.start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 3)
    await first.stop()
    truncated = Bench()
    truncated.store = bench.store
    made = truncated.worker()
    made.start()
    await until(lambda: made.phase == "halted")
    assert made.report()["halted"].startswith("offset_outside_log")


async def test_a_bug_in_the_fold_halts_with_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.send(1)
    made = bench.worker()

    def broken(*_: object) -> object:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(bench.service, "steps", broken)
    made.start()
    with bench.feeding():
        await until(lambda: made.phase == "halted")
    assert made.report()["halted"] == "handler_error: ZeroDivisionError: of ours"


async def test_outputs_that_do_not_count_on_halt_uncommitted(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.send(1)
    real = bench.service.steps

    def from_elsewhere(state: Sum, batch: Numbers, position: Position) -> object:
        return real(state, batch, replace(position, out_seqs=(7,)))

    monkeypatch.setattr(bench.service, "steps", from_elsewhere)
    made = bench.worker()
    made.start()
    with bench.feeding():
        await until(lambda: made.phase == "halted")
    assert made.report()["halted"] == "fold_seq_gap: output seq 8 after 0"
    assert bench.totals() == []
    position = await bench.store.read_position(0)
    assert position is not None
    assert position.next_offset == 0


async def test_what_is_good_in_a_batch_with_a_gap_is_not_folded_either() -> None:
    bench = Bench()
    bench.send(1, 2)
    bench.broker.append("numbers", 0, None, msgspec.json.encode(Number(9, 1)))
    made = bench.worker()
    made.start()
    with bench.feeding():
        await until(lambda: made.phase == "halted")
    assert made.report()["halted"] == "seq_gap: numbers-0 offset 2: seq 9, expected 3"
    assert bench.totals() == []


@pytest.mark.parametrize(
    "seqs",
    [[1, 2, 1, 2, 3], [1, 1, 1, 1, 1, 2], [1, 2, 3, 1, 2, 3, 1, 2, 3, 4], [1, 2, 2, 1, 3, 3, 4, 5, 1]],
    ids=str,
)
async def test_repeats_of_ours_are_dropped_wherever_batches_end(seqs: list[int]) -> None:
    bench = Bench()
    for seq in seqs:
        bench.broker.append("numbers", 0, None, msgspec.json.encode(Number(seq, seq)))
    made = bench.worker()
    made.start()
    with bench.feeding():
        await until(lambda: made.position is not None and made.position.next_offset == len(seqs))
        await until(lambda: len(bench.totals()) == max(seqs))
    await made.stop()
    assert bench.totals() == [sum(range(n + 1)) for n in range(1, max(seqs) + 1)]


# Decoding ahead


class Ahead(Bench):
    """Commits take as long as a server's, and what is decoded meanwhile is noted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.ahead: list[int] = []
        real_transaction, real_decode = self.store.transaction, self.service.decode

        @asynccontextmanager
        async def transaction() -> AsyncIterator[Any]:
            async with real_transaction() as tx:
                yield tx
                for _ in range(4):
                    await asyncio.sleep(0)

        def decode(values: Sequence[bytes | None]) -> list[Any]:
            numbers = real_decode(values)
            position = self.workers[0].position
            if numbers and position is not None and numbers[0].seq > position.mark + 1:
                self.ahead.append(numbers[0].seq)
            return numbers

        monkeypatch.setattr(self.store, "transaction", transaction)
        monkeypatch.setattr(self.service, "decode", decode)


async def test_the_next_batch_is_decoded_while_one_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Ahead(monkeypatch)
    bench.send(*range(1, 12))
    bench.worker().start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 11)
    await bench.workers[0].stop()
    assert bench.ahead == [4, 7], "and the last two numbers are no full batch"
    assert bench.totals() == [sum(range(n + 1)) for n in range(1, 12)]


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "lost"])
@pytest.mark.parametrize("nth", range(1, 5))
async def test_what_was_decoded_ahead_is_dropped_on_a_fault(
    nth: int, monkeypatch: pytest.MonkeyPatch, *, applied: bool
) -> None:
    bench = Ahead(monkeypatch)
    real_save, commits = bench.store.save, 0

    async def save(tx: Any, partition: int, position: Position, row: OutboxRow | None) -> None:
        nonlocal commits
        await real_save(tx, partition, position, row)
        commits += 1
        if commits == nth:
            bench.store.break_commit(applied=applied)

    monkeypatch.setattr(bench.store, "save", save)
    bench.send(*range(1, 13))
    made = bench.worker()
    made.start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 12)
    await made.stop()
    assert bench.ahead
    assert bench.service.loads == 2, "memory was dropped once"
    assert bench.totals() == [sum(range(n + 1)) for n in range(1, 13)]


async def test_what_was_decoded_ahead_is_dropped_when_the_partition_is_taken_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Ahead(monkeypatch)
    bench.send(*range(1, 13))
    made = bench.worker()
    made.start()
    with bench.feeding():
        await until(lambda: bool(bench.ahead))
        await made.stop()
        assert made.position is not None
        assert made.position.next_offset < 12
        assert made.report()["buffered"] == 0
        made.start()
        await until(lambda: len(bench.totals()) == 12)
    await made.stop()
    assert bench.service.loads == 1, "what was folded was kept"
    assert bench.totals() == [sum(range(n + 1)) for n in range(1, 13)]


async def test_an_unreadable_record_decoded_ahead_halts_after_what_was_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Ahead(monkeypatch)
    bench.send(1, 2, 3, 4)
    bench.broker.append("numbers", 0, None, b"{")
    bench.send(5)
    made = bench.worker()
    made.start()
    with bench.feeding():
        await until(lambda: made.phase == "halted")
        await until(lambda: len(bench.totals()) == 3)
    assert bench.service.loads == 1
    assert made.report()["halted"].startswith("unreadable_own_record: numbers-0 offset 4: ")
    position = await bench.store.read_position(0)
    assert position is not None
    assert position.next_offset == 3, "what stood before it in its batch is lost to the halt"
    await made.stop()


# Fetched in pieces


def numbers(*offsets_and_values: tuple[int, int]) -> list[MemoryRecord]:
    """Records of one chunk; the `seq` is the value."""
    return [MemoryRecord(o, None, msgspec.json.encode(Number(value, value))) for o, value in offsets_and_values]


async def test_chunks_that_overlap_or_end_within_a_batch_are_taken_once() -> None:
    bench = Bench()
    bench.send(*range(1, 10))
    made = bench.worker()
    made.start()
    await until(lambda: made.phase == "running")
    whole = numbers(*((n - 1, n) for n in range(1, 10)))
    for start, end in ((0, 2), (0, 2), (1, 3), (2, 7), (0, 0), (4, 6), (6, 9)):
        made.offer(whole[start:end])
    await until(lambda: len(bench.totals()) == 9)
    await made.stop()
    assert bench.totals() == [sum(range(n + 1)) for n in range(1, 10)]


async def test_a_hole_between_chunks_is_asked_about_before_it_is_believed() -> None:
    bench = Bench()
    bench.send(*range(1, 7))
    made = bench.worker()
    made.start()
    await until(lambda: made.phase == "running")
    made.offer(numbers((0, 1), (1, 2)))
    for _ in range(2):
        assert made.report()["buffered"] <= 2
        made.offer(numbers((4, 3), (5, 4)))
    await until(lambda: len(bench.totals()) == 4)
    await made.stop()
    assert made.position is not None
    assert made.position.next_offset == 6


async def test_a_hole_that_retention_made_halts_before_what_lies_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if it comes to light while the worker waits with nothing to do."""
    bench = Bench()
    bench.send(*range(1, 7))
    made = bench.worker()
    made.start()
    await until(lambda: made.phase == "running")

    async def bounds(*_: object) -> tuple[int, int]:
        return 4, 6

    monkeypatch.setattr(bench.broker, "bounds", bounds)
    for _ in range(2):
        made.offer(numbers((4, 1), (5, 2)))
    await until(lambda: made.phase == "halted")
    assert made.report()["halted"] == "offset_outside_log: offset 0 is next, the log begins at 4"
    assert bench.totals() == []


# Two topics, steps, and what a halt leaves


@pytest.mark.parametrize("fault", ["none", "commit", "send", "sends"])
async def test_each_topic_counts_for_itself(fault: str) -> None:
    bench = Bench(ToyService(echoes=True, step_messages_max=2))
    bench.worker().start()
    with bench.feeding():
        await until(lambda: bench.workers[0].phase == "running")
        if fault == "commit":
            bench.store.break_commit(applied=True)
        for _ in range({"send": 1, "sends": 3}.get(fault, 0)):
            bench.broker.break_send(applied=True)
        bench.send(1, 2, parts=3)
        bench.send(3, 4)
        await until(lambda: len(bench.totals()) == 8 and len(bench.totals(topic="echoes")) == 4)
    await bench.workers[0].stop()
    assert bench.totals() == [1, 1, 1, 3, 3, 3, 6, 10]
    assert bench.totals(topic="echoes") == [1, 2, 3, 4]


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("new_size", [1, 3, 100])
async def test_a_record_half_done_goes_on_in_steps_of_the_size_it_began_with(
    new_size: int, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(ToyService(step_messages_max=2))
    real_save, sizes = bench.store.save, []

    async def save(tx: Any, partition: int, position: Position, row: OutboxRow | None) -> None:
        await real_save(tx, partition, position, row)
        sizes.append((position.step, position.step_size))
        if position.step == nth and bench.service.loads == 1:
            bench.store.break_commit(applied=True)
            bench.service.step_messages_max = new_size

    monkeypatch.setattr(bench.store, "save", save)
    bench.send(1)
    bench.send(10, parts=7)
    bench.send(100, parts=2)
    made = bench.worker()
    made.start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 10)
    await made.stop()
    assert made.halted is None
    assert bench.totals() == [1, *[11] * 7, 111, 111]
    assert sizes[:5] == [(0, 0), (1, 2), (2, 2), (3, 2), (0, 0)], "a size is kept for as long as it is needed"


@pytest.mark.parametrize("refusals", [0, 2])
async def test_a_halted_partition_that_comes_back_still_relays_what_it_had_committed(
    refusals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench()
    real_send = bench.broker.send
    with monkeypatch.context() as patch:

        async def refused(*_: object) -> int:
            raise TemporaryFault("Kafka: not enough replicas")

        patch.setattr(bench.broker, "send", refused)
        bench.send(1, 2, 3)
        bench.broker.append("numbers", 0, None, b"{")
        made = bench.worker()
        made.start()
        with bench.feeding():
            await until(lambda: made.phase == "halted")
        await made.stop()
    halted = made.report()["halted"]
    assert bench.totals() == []
    assert made.position is not None
    epoch, phases = made.position.epoch, set()

    async def refuse_at_first(topic: str, partition: int, pairs: Sequence[tuple[bytes, bytes]]) -> int:
        nonlocal refusals
        phases.add(made.phase)
        if refusals:
            refusals -= 1
            raise TemporaryFault("Kafka: not enough replicas")
        return await real_send(topic, partition, pairs)

    monkeypatch.setattr(bench.broker, "send", refuse_at_first)
    made.start()
    with bench.feeding():
        await until(lambda: len(bench.totals()) == 3)
        await until(lambda: made.report()["relay_backlog"] == 0)
    assert phases == {"halted"}
    assert made.report()["halted"] == halted
    assert made.position.epoch > epoch, "only under the lease"
    assert bench.service.loads == 1, "nothing is folded any more"
    await made.stop()
    assert made.phase == "halted"
    assert bench.totals() == [1, 3, 6]
