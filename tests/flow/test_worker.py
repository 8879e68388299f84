"""The partition processor over ports in memory: what it promises under each single fault."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec
import pytest

from fenxiao_runtime import relay, worker
from fenxiao_runtime.errors import TemporaryFault
from fenxiao_runtime.memory import MemoryBroker, MemoryStore
from fenxiao_runtime.worker import Worker
from support.toy_service import Number, Sum, Total, ToyService


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-offs are for servers; here the fault is over at once."""
    for module, name in ((worker, "BACKOFF_S"), (worker, "FENCED_BACKOFF_S"), (relay, "BACKOFF_S")):
        monkeypatch.setattr(module, name, 0.0)


class Bench:
    """A broker, a store, and workers on partition 0 (and more)."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.store = MemoryStore(outputs=1)
        self.service = ToyService()
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

    def totals(self, partition: int = 0) -> list[int]:
        """The totals as a reader with a high-water mark sees them."""
        seen: list[int] = []
        for value in self.broker.values("totals", partition):
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
