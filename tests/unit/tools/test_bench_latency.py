"""The latency benches' arithmetic, their made-up load and their words; how long anything took is not judged here."""

import io
import json
import time
from collections import Counter
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from fenxiao_schemas import events as e
from fenxiao_schemas.codec import Rejected, encode
from fenxiao_schemas.commands import Command
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.policy import default_policy
from fenxiao_schemas.topics import COMMANDS, EVENTS, codec_of
from fenxiao_tools.bench.event_log import EventLog
from fenxiao_tools.bench.figures import Machine
from fenxiao_tools.bench.loops import LoopResults, Options, as_json, rate_in_words
from fenxiao_tools.bench.open_loop import NS_PER_S, Sending, Stream, cut_ns, due_ns, due_until, send_on_time
from fenxiao_tools.bench.percentiles import NS_PER_MS, percentile, spread
from fenxiao_tools.bench.probes import PER_S, PREFIX, Load, TierReader, complaints, figures, names, plan
from fenxiao_tools.bench.show_loops import show
from fenxiao_tools.bench.trade import FIRST_DAY, SHARES, Act, Trade, as_command, as_event, opened

PARTITIONS = 4
PRODUCTS = [f"bench-{number}" for number in range(40)]
RATE = 2_000
MACHINE = Machine(
    cores=2,
    memory_mib=None,
    cpu="A [fast] CPU",
    system="Linux 6",
    python="3.13.0",
    kafka="4.4.0",
    postgres="18.4",
    servers_from="processes",
    servers_core=None,
    measured_core=None,
)


# Percentiles


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([7], 50) == percentile([7], 99) == 7
    assert percentile(range(1, 101), 50) == 50
    assert percentile(range(1, 101), 99) == 99
    assert percentile([1, 2, 3], 50) == 2
    assert percentile([1, 2, 3, 4], 50) == 2


@given(st.lists(st.integers(0, 10**12), min_size=1), st.integers(1, 100))
def test_enough_values_are_not_above_a_percentile_and_fewer_are_below(values: list[int], percent: int) -> None:
    found = percentile(sorted(values), percent)
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


def test_a_spread_is_in_milliseconds() -> None:
    found = spread(number * NS_PER_MS for number in range(200, 0, -1))
    assert (found.count, found.p50_ms, found.p99_ms, found.max_ms) == (200, 100.0, 198.0, 200.0)
    assert spread([]).p99_ms is None


# The schedule


def test_due_times_are_those_of_the_rate() -> None:
    assert [due_ns(index, 2_000) for index in (0, 1, 2_000)] == [0, 500_000, NS_PER_S]
    assert due_ns(3 * 10_000, 3) == 10_000 * NS_PER_S


@given(st.integers(0, 10**15), st.integers(1, 10**9), st.integers(0, 10**9))
def test_a_cut_is_the_first_that_is_not_before(at: int, every: int, offset: int) -> None:
    cut = cut_ns(at, every, offset)
    assert at <= cut < at + every
    assert (cut - offset) % every == 0


def test_all_that_is_due_goes_at_once() -> None:
    due = [0, 5, 5, 9]
    assert [due_until(due, 0, now) for now in (0, 4, 5, 100)] == [1, 1, 3, 4]
    assert due_until(due, 2, 5) == 3


class Producer:
    """Takes batches, and never keeps anybody waiting."""

    def __init__(self, batch_bytes: int = 100_000) -> None:
        self.batch_bytes, self.batches = batch_bytes, cast("list[tuple[int, int]]", [])

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(self.batch_bytes, 0, is_transactional=False)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> Any:
        import asyncio

        assert topic == "t"
        self.batches.append((partition, batch.record_count()))
        future = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


def stream_of(partition: int, due: list[int], *probes: int) -> Stream:
    stream = Stream(partition=partition)
    for index, at in enumerate(due):
        stream.add(at, b"k", b"v" * 100, probe=f"{PREFIX}{partition}-{index}" if index in probes else None)
    return stream


async def test_who_is_behind_sends_at_once_and_counts_from_the_time_that_was_meant() -> None:
    producer = Producer()
    ago = 60 * NS_PER_S
    start = time.monotonic_ns() - ago
    stream = stream_of(0, [0, NS_PER_S, 2 * NS_PER_S], 1)
    sending = await send_on_time(cast("AIOKafkaProducer", producer), "t", [stream], start_ns=start, tick_ns=NS_PER_MS)
    assert producer.batches == [(0, 3)]
    assert sending.late_ns[0] >= ago
    load = Load(rate=1, seconds=3, probes=[f"{PREFIX}0-1"], acts=[])
    reader = TierReader("")
    reader.readable_ns[f"{PREFIX}0-1"], reader.written_ms[f"{PREFIX}0-1"] = time.monotonic_ns(), 0
    found = figures(load, sending, [stream], reader, event_ms=None, cpu_pct={})
    assert found.latency.p50_ms is not None
    assert found.latency.p50_ms >= 59_000  # it was due 59 s before the loop could begin


async def test_every_record_goes_once_and_each_partition_by_itself() -> None:
    producer = Producer(batch_bytes=1_000)
    streams = [stream_of(0, [0] * 20, 0, 19), stream_of(2, [0, 0, NS_PER_MS], 2), Stream(partition=3)]
    sending = await send_on_time(
        cast("AIOKafkaProducer", producer), "t", streams, start_ns=time.monotonic_ns(), tick_ns=NS_PER_MS
    )
    assert sending.sent == 23
    assert Counter(partition for partition, count in producer.batches for _ in range(count)) == {0: 20, 2: 3}
    assert set(sending.acked_ns) == {f"{PREFIX}0-0", f"{PREFIX}0-19", f"{PREFIX}2-2"}
    assert min(sending.late_ns) >= 0


def test_probes_are_among_the_load_and_not_in_step_with_it() -> None:
    probes = names("2k", 3)
    acts = plan(Trade(PRODUCTS, 1), probes, rate=RATE, lead_s=1, seed=1)
    assert len(probes) == len(set(probes)) == 3 * PER_S
    assert len(acts) == 4 * RATE
    assert [at for at, _, _ in acts] == [due_ns(index, RATE) for index in range(4 * RATE)]
    places = [index for index, (_, _, is_probe) in enumerate(acts) if is_probe]
    assert [acts[place][1] for place in places] == [Act("hold", name) for name in probes]
    assert min(places) >= RATE
    assert [place // (RATE // PER_S) for place in places] == list(range(PER_S, 4 * PER_S))
    assert len({place % (RATE // PER_S) for place in places}) > 10


# The load


def many(count: int, seed: int = 1) -> list[Act]:
    trade = Trade(PRODUCTS, seed)
    return [trade.act() for _ in range(count)]


def test_the_same_seed_makes_the_same_load() -> None:
    assert many(500) == many(500)
    assert many(500) != many(500, seed=2)


def test_nothing_happens_before_what_it_needs() -> None:
    needs = {"shipment": "sale", "delivery": "shipment", "review": "delivery"}
    seen: set[tuple[str, str, int]] = set()
    for act in many(5_000):
        assert (act.kind, act.product_id, act.number) not in seen
        seen.add((act.kind, act.product_id, act.number))
        if act.kind in needs:
            assert (needs[act.kind], act.product_id, act.number) in seen


def test_sales_come_most_often() -> None:
    kinds = Counter(act.kind for act in many(10_000))
    assert set(kinds) == {"sale", *(kind for kind, _ in SHARES)}
    assert kinds.most_common(1)[0][0] == "sale"


def test_every_act_can_be_said_as_a_command_and_as_an_event() -> None:
    acts = [*opened(PRODUCTS[:1]), Act("hold", PRODUCTS[0]), *many(1_000)]
    commands: list[Command] = [as_command(act, count, FIRST_DAY) for count, act in enumerate(acts, 1)]
    assert codec_of(COMMANDS).decode_batch([encode(command) for command in commands]) == commands
    assert len({command.command_id for command in commands}) == len(commands)
    events = [as_event(act, count) for count, act in enumerate(acts, 1)]
    assert codec_of(EVENTS).decode_own_batch([encode(event) for event in events]) == events


def decoded(stream: Stream) -> list[Any]:
    assert len(stream.due_ns) == len(stream.keys) == len(stream.bodies)
    messages = codec_of(EVENTS).decode_own_batch(stream.bodies)
    assert not any(isinstance(message, Rejected) for message in messages)
    return messages


def check_keys(stream: Stream, events: list[Any]) -> None:
    for key, event in zip(stream.keys, events, strict=True):
        if hasattr(event, "product_id"):
            assert key == event.product_id.encode()
            assert partition_of(key, PARTITIONS) == stream.partition


@pytest.mark.parametrize("batch_max", [3, 5_000])
def test_the_log_is_one_that_the_catalog_could_have_written(batch_max: int) -> None:
    log, trade, probes = EventLog(PARTITIONS, default_policy()), Trade(PRODUCTS, 1), names("2k", 1)
    ahead = log.start()
    log.ahead(ahead, opened([*PRODUCTS, *probes]), batch=10)
    log.close(ahead, FIRST_DAY)
    trade.day += 1
    acts = plan(trade, probes, rate=RATE, lead_s=0.5, seed=1)
    every = 5 * NS_PER_MS
    timed = log.timed(acts, every_ns=every, batch_max=batch_max)
    assert log.records == sum(len(stream.bodies) for stream in (*ahead, *timed))
    for before, after in zip(ahead, timed, strict=True):
        events = decoded(before) + decoded(after)
        check_keys(before, events[: len(before.keys)])
        check_keys(after, events[len(before.keys) :])
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert isinstance(events[0], e.CalendarStarted)
        assert [type(event) for event in events].count(e.CalendarStarted) == 1
        assert isinstance(events[len(before.keys) - 1], e.DayClosed)
        assert isinstance(events[-1], e.Barrier)
        assert sorted(after.due_ns) == after.due_ns
        check_batches(after, events[len(before.keys) :], batch_max)
    found = [name for stream in timed for _, name in stream.probes]
    assert sorted(found) == sorted(probes)


def check_batches(stream: Stream, events: list[Any], batch_max: int) -> None:
    """A batch has one due time, and ends in the one barrier that it has."""
    batch: list[int] = []
    for due, event in zip(stream.due_ns, events, strict=True):
        batch.append(due)
        if isinstance(event, e.Barrier):
            assert len(set(batch)) == 1
            assert 1 < len(batch) <= batch_max + 1
            batch = []
    assert not batch


def test_an_event_is_due_with_its_batch_and_never_before_its_time() -> None:
    log, every = EventLog(PARTITIONS, default_policy()), 5 * NS_PER_MS
    acts = plan(Trade(PRODUCTS, 1), names("2k", 1), rate=RATE, lead_s=0, seed=1)
    at = {act.product_id: when for when, act, is_probe in acts if is_probe}
    for stream in log.timed(acts, every_ns=every, batch_max=5_000):
        for index, name in stream.probes:
            assert at[name] <= stream.due_ns[index] < at[name] + every


# The results


def run_of(lost: int, rate: int = RATE) -> Any:
    """Ten probes, each readable 10 ms and more after it was due."""
    stream, reader = stream_of(0, [NS_PER_MS * number for number in range(10)], *range(10)), TierReader("")
    probes = [name for _, name in stream.probes]
    wall = time.time_ns() - time.monotonic_ns()
    for number, name in enumerate(probes[lost:], lost):
        reader.readable_ns[name] = NS_PER_MS * (2 * number + 10)
        reader.written_ms[name] = (wall + NS_PER_MS * (2 * number + 8)) // NS_PER_MS
    acked = {name: NS_PER_MS * (number + 1) for number, name in enumerate(probes)}
    sending = Sending(start_ns=0, sent=10, last_ns=NS_PER_S, late_ns=[0, NS_PER_MS], acked_ns=acked)
    load = Load(rate=rate, seconds=1, probes=probes, acts=[(0, Act("hold", name), True) for name in probes])
    return figures(load, sending, [stream], reader, event_ms=None, cpu_pct={"scorer": 40, "others": 70})


def results(*loops: Any) -> LoopResults:
    options = Options(products=40, seconds=1, seed=1, rates=tuple(loop.rate for loop in loops))
    return LoopResults(bench="chain", machine=MACHINE, options=options, loops=loops)


def test_latencies_are_counted_from_due_and_from_the_acknowledgement() -> None:
    found = run_of(lost=0)
    assert (found.probes, found.lost, found.rate_sent) == (10, 0, 10)
    assert (found.latency.p50_ms, found.latency.p99_ms, found.latency.max_ms) == (14.0, 19.0, 19.0)
    assert found.from_ack.max_ms == 18.0
    assert found.sender_late.max_ms == 1.0
    assert not list(complaints([found]))


def test_what_never_came_is_lost_and_said() -> None:
    found = run_of(lost=3)
    assert (found.probes, found.lost, found.latency.count) == (10, 3, 7)
    assert list(complaints([found])) == [
        "3 of 10 probes had no tier message 30 s after the last record was sent, at 2,000 a second"
    ]
    assert not results(found).good


def test_the_json_of_one_rate_and_of_several() -> None:
    assert [rate_in_words(rate) for rate in (2_000, 10_000, 500, 2_500)] == ["2k", "10k", "500", "2500"]
    one = json.loads(json.dumps(as_json(results(run_of(lost=0)))))
    wanted = {"p50_ms", "p99_ms", "max_ms", "from_ack_p99_ms", "rate_sent", "probes", "lost", "stages", "cpu_pct"}
    assert wanted | {"shape", "bench", "good", "machine", "options"} <= set(one)
    two = as_json(results(run_of(lost=0), run_of(lost=1, rate=10_000)))
    assert {f"{name}_{rate}" for name in wanted for rate in ("2k", "10k")} <= set(two)
    assert (two["probes"], two["lost"], two["good"], two["lost_10k"]) == (20, 1, False, 1)


def test_the_table_says_what_was_lost_and_what_makes_it_doubtful() -> None:
    console = Console(file=io.StringIO(), width=200)
    show(results(run_of(lost=3)), console)
    text = cast("io.StringIO", console.file).getvalue()
    for part in ("2,000 a second", "3 of 10 probes", "other work had 70% of a core", "A [fast] CPU", "event to tier"):
        assert part in text
