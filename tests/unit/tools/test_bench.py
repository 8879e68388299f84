"""The bench's own arithmetic, its JSON, its table and its mistakes; what it measures is not judged here."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from fenxiao_oracle import expected_tiers
from fenxiao_schemas import events as e
from fenxiao_schemas.codec import Rejected, encode
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.policy import default_policy
from fenxiao_schemas.topics import EVENTS, codec_of
from fenxiao_tools.bench.cores import Cores, choose_cores
from fenxiao_tools.bench.figures import (
    CatalogFigures,
    Ceiling,
    Cost,
    Figures,
    Load,
    LogLoad,
    Machine,
    MemoryFigures,
    RecoveryFigures,
    Results,
    ScaleFigures,
    ScorerFigures,
    Shares,
    Stages,
    as_json,
    bytes_each,
    close_figures,
    per_second,
    percent,
    ratio,
    scale_figures,
    scorer_figures,
    size_figures,
)
from fenxiao_tools.bench.scale import ScaleLoad
from fenxiao_tools.bench.shares import Counted
from fenxiao_tools.bench.show import show
from fenxiao_tools.bench.usage import busy_s, family_cpu_s, usage_of
from fenxiao_tools.bench.zipf_log import BARRIER_EVENTS, SETUP_EVENTS, LogSize, ZipfLog
from fenxiao_tools.stack.waiting import free_port

START = "from fenxiao_tools.cli import main; main()"
COST = Cost(
    seconds=4.0,
    cpu_s=2.0,
    servers_cpu_s=1.5,
    rss_mib=120.4,
    rss_peak_mib=130.0,
    core_busy_pct=98,
    servers_core_busy_pct=60,
)
BEFORE = Ceiling(passes=3, records=300_000, seconds=1.0, cpu_s=0.8)
AFTER = Ceiling(passes=1, records=100_000, seconds=1.0, cpu_s=0.5, core_busy_pct=60)
SLOW = Ceiling(passes=1, records=50_000, seconds=1.0, cpu_s=1.0)
LOAD = Load(products=1_000, days=40, seed=1, partitions=4, activity=0.5)
SHARES = Shares(kinds={"sale_recorded": 79_600, "refund_recorded": 400}, refunds_pct=0.5, late_pct=1.01)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="there is a /proc on Linux alone")
MACHINE = Machine(
    cores=2,
    memory_mib=24_103,
    cpu="A [fast] CPU",
    system="Linux 6",
    python="3.13.0",
    kafka="4.4.0",
    postgres="18.4",
    servers_from="processes",
    servers_core=0,
    measured_core=None,
)
CATALOG = CatalogFigures(
    load=LOAD,
    commands=100_000,
    commands_per_s=25_000,
    accepted=99_000,
    duplicates=700,
    refused=290,
    parked=10,
    events=80_000,
    events_per_s=20_000,
    outcomes=100_500,
    cost=COST,
)
LOG_LOAD = LogLoad(products=2_000, events=10_000, days=3, seed=1, partitions=4)
STANDING: dict[str, Figures] = {
    "memory": MemoryFigures(
        load=LOG_LOAD,
        rss_bytes_per_product=1_234,
        rss_peak_bytes_per_product=2_345,
        rss_mib=222.0,
        rss_peak_mib=333.0,
        idle_rss_mib=111.0,
        events_per_s=5,
    ),
    "recovery": RecoveryFigures(load=LOG_LOAD, recovery_s=1.25, recovery_all_s=1.5, replayed=77, partitions=4),
    "day_close": close_figures(LOG_LOAD, Stages(first_s=2.0, later_s=3.0, first_messages=10, messages=40, steps=4)),
}


def scorer(*, differ: int = 0, cost: Cost = COST) -> ScorerFigures:
    return scorer_figures(
        load=LOAD,
        shares=SHARES,
        messages=9_000,
        ceilings=(BEFORE, AFTER),
        faststream=(SLOW, SLOW),
        cost=cost,
        products=1_000,
        differ=differ,
        good=not differ,
    )


def scale() -> ScaleFigures:
    large = size_figures(
        products=10_000, days=4, records=1_100_000, cost=Cost(seconds=6.0, cpu_s=5.5, lead_records=100_000)
    )
    small = size_figures(products=100, days=4, records=11_000, cost=Cost(seconds=0.04, cpu_s=0.05, lead_records=1_000))
    return scale_figures([large, small])


def results(bench: str = "scorer", **figures: Figures) -> Results:
    found = figures or {"catalog": CATALOG, "scorer": scorer()}
    return Results(bench=bench, machine=MACHINE, figures=found, measured="with a ruler")


def shown(found: Results) -> str:
    console = Console(file=io.StringIO(), width=200)
    show(found, console)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_rates_and_shares() -> None:
    assert per_second(1_001, 2.0) == 500
    assert per_second(5, 0.0) == 0
    assert percent(1.0, 4.0) == 25
    assert percent(None, 4.0) is None
    assert percent(1.0, 0.0) is None


def test_the_ratio_is_by_the_mean_of_the_others() -> None:
    assert ratio(100, 300, 100) == 0.5
    assert ratio(100, 0, 0) is None


def test_the_scorer_beside_the_ceilings() -> None:
    found = scorer()
    assert (found.events_per_s, found.ceiling_before_per_s, found.ceiling_after_per_s) == (20_000, 300_000, 100_000)
    assert found.ceiling_ratio == 0.1
    assert found.ceiling_cpu_ratio == round(40_000 / ((375_000 + 200_000) / 2), 3)
    assert (found.faststream_per_s, found.faststream_ratio) == (50_000, 0.4)


def test_no_ratio_by_cpu_time_where_that_is_unknown() -> None:
    cost = Cost(seconds=1.0)
    assert scorer(cost=cost).ceiling_cpu_ratio is None
    assert cost.others_pct is None


def test_what_others_had_of_the_core() -> None:
    assert COST.others_pct == 48
    assert replace(COST, cpu_s=4.0).others_pct == 0
    assert AFTER.others_pct == 10
    assert BEFORE.others_pct is None


def test_the_scale_leaves_out_the_lead_in() -> None:
    found = scale()
    assert [size.products for size in found.sizes] == [100, 10_000]
    assert [size.events for size in found.sizes] == [10_000, 1_000_000]
    assert (found.sizes[0].us_per_event, found.sizes[0].cpu_us_per_event) == (4.0, 5.0)
    assert (found.cost_ratio, found.wall_ratio) == (1.1, 1.5)


def test_the_scale_without_cpu_times_is_by_wall_time() -> None:
    sizes = [size_figures(products=n, days=1, records=n, cost=Cost(seconds=float(n))) for n in (1, 2)]
    assert scale_figures(sizes).cost_ratio == scale_figures(sizes).wall_ratio == 1.0


def test_every_market_of_a_scale_trades_alike() -> None:
    load = ScaleLoad(products=(100, 1_000), days=4, events_per_product=5.0, seed=1, partitions=4)
    assert [load.size(products).events for products in load.products] == [2_300, 23_000]


def test_the_close_lasts_until_the_first_steps() -> None:
    found = close_figures(LOG_LOAD, Stages(first_s=2.0, later_s=3.0, first_messages=10, messages=40, steps=4))
    assert (found.close_s, found.encode_s, found.first_messages, found.messages) == (2.0, 3.0, 10, 40)


def test_memory_by_the_product() -> None:
    assert bytes_each(1.0, 1_024) == 1_024
    assert bytes_each(None, 1) is None


def test_the_json_of_one_bench_names_its_figures_on_top() -> None:
    found = json.loads(json.dumps(as_json(results())))
    wanted = {
        "shape",
        "bench",
        "good",
        "machine",
        "measured",
        "catalog",
        "events_per_s",
        "ceiling_before_per_s",
        "ceiling_after_per_s",
        "ceiling_ratio",
        "faststream_per_s",
        "faststream_ratio",
        "shares",
        "messages",
        "products",
        "differ",
        "cost",
        "load",
    }
    assert wanted <= set(found)
    assert {"seconds", "cpu_s", "rss_mib"} <= set(found["cost"])
    assert {"commands_per_s", "accepted", "duplicates", "refused", "parked"} <= set(found["catalog"])
    assert {"cores", "memory_mib", "cpu", "python", "kafka", "postgres"} <= set(found["machine"])


def test_the_json_of_all_has_a_key_for_each_bench() -> None:
    figures: dict[str, Figures] = {"catalog": CATALOG, "scorer": scorer(), "scale": scale(), **STANDING}
    found = as_json(replace(results("all", **figures), others={"latency": {"good": True, "p99_ms": 3.0}}))
    assert set(found) == {*figures, "latency", "shape", "bench", "good", "machine", "measured"}
    assert found["scorer"]["ceiling_ratio"] == 0.1
    assert found["scale"]["cost_ratio"] == 1.1
    assert found["memory"]["rss_bytes_per_product"] == 1_234
    assert found["recovery"]["recovery_s"] == 1.25
    assert {"close_s", "encode_s", "commit_s", "relay_s", "messages"} <= set(found["day_close"])
    assert found["latency"]["p99_ms"] == 3.0


def test_fast_and_wrong_is_not_good() -> None:
    assert as_json(results())["good"]
    assert not as_json(results("scorer", scorer=scorer(differ=1)))["good"]
    assert not replace(results(), others={"chain": {"good": False}}).good


def test_the_tables_show_all_there_is() -> None:
    text = shown(results())
    for part in ("catalog, commands", "25,000", "ceiling before", "300,000", "10.0% of the ceiling", "with a ruler"):
        assert part in text
    assert "1,000 products over 40 days, activity 0.5, seed 1" in text
    assert "0.40 times FastStream alone" in text
    assert "0.5% are refunds, 1.01% of the sales came after their day had closed" in text
    assert "1,000 products, 0 differ" in text
    assert "share of the measured core: catalog 48%, scorer 48%, ceiling after 10%" in text
    assert "2 cores, 23.5 GiB, A [fast] CPU, Linux 6; Python 3.13.0, Kafka 4.4.0 and PostgreSQL 18.4" in text
    assert "(on core 0), what is measured not pinned" in text


def test_the_table_of_the_catalog_alone() -> None:
    text = shown(results("catalog", catalog=CATALOG))
    assert "ceiling" not in text
    assert "verify" not in text


def test_the_tables_of_the_others() -> None:
    text = shown(results("all", scale=scale(), **STANDING))
    for part in (
        "1.10 times as much",
        "1,234",
        "1.25",
        "events after the snapshots, folded again",
        "10 of 40 messages",
    ):
        assert part in text


# The log that the bench writes itself

LOG = LogSize(products=60, events=4_000, days=6, partitions=3, seed=3)


def decoded(log: ZipfLog) -> list[list[e.AnyEvent]]:
    """The events of each partition, their bodies and keys checked."""
    codec, found = codec_of(EVENTS), list[list[e.AnyEvent]]([[] for _ in range(log.size.partitions)])
    for chunk in log.whole():
        assert len(chunk.keys) == len(chunk.bodies) <= BARRIER_EVENTS + 1
        for key, body in zip(chunk.keys, chunk.bodies, strict=True):
            event = codec.decode(body)
            assert not isinstance(event, Rejected)
            assert encode(event) == body
            if product_id := getattr(event, "product_id", None):
                assert key.decode() == product_id
                assert partition_of(key, log.size.partitions) == chunk.partition
            found[chunk.partition].append(event)
        assert isinstance(found[chunk.partition][-1], e.Barrier | e.DayClosed | e.CalendarStarted)
    return found


def test_the_log_is_what_a_catalog_would_write() -> None:
    log = ZipfLog(LOG, default_policy())
    partitions = decoded(log)
    for events, seq in zip(partitions, log.seqs, strict=True):
        assert [event.seq for event in events] == list(range(1, seq + 1))
        assert isinstance(events[0], e.CalendarStarted)
        closed = [event.day for event in events if isinstance(event, e.DayClosed)]
        assert closed == list(range(log.day - LOG.days + 1, log.day))
    events = [event for own in partitions for event in own]
    assert len(events) == log.records
    kinds = {type(event) for event in events}
    assert kinds == {
        e.CalendarStarted, e.Barrier, e.DayClosed, e.ProductRegistered, e.ListingChanged, e.PlanChanged,
        e.SaleRecorded, e.ShipmentRecorded, e.DeliveryRecorded, e.ViewsRecorded, e.RefundRecorded, e.ReviewRecorded,
    }  # fmt: skip
    trade = len(events) - sum(isinstance(event, e.Barrier | e.DayClosed | e.CalendarStarted) for event in events)
    assert abs(trade - LOG.events) < LOG.events * 0.05
    told = [(event.product_id, event.day) for event in events if isinstance(event, e.ViewsRecorded)]
    assert len(told) == len(set(told))
    lines = {event.order_line_id for event in events if isinstance(event, e.SaleRecorded)}
    assert {event.order_line_id for event in events if isinstance(event, e.ShipmentRecorded)} <= lines


def test_the_log_is_the_same_for_the_same_seed() -> None:
    def bodies(seed: int) -> list[bytes]:
        log = ZipfLog(replace(LOG, seed=seed), default_policy())
        return [body for chunk in log.whole() for body in chunk.bodies]

    assert bodies(3) == bodies(3)
    assert bodies(3) != bodies(4)


def test_the_oracle_takes_the_log_and_a_held_product_makes_a_message() -> None:
    policy = default_policy()
    log = ZipfLog(LOG, policy)
    partitions, codec = decoded(log), codec_of(EVENTS)
    before = [len(found) for found in expected_tiers(partitions, {policy.version: policy})]
    assert sum(before) > LOG.products
    held = list(log.holds())
    assert [chunk.partition for chunk in held] == [0, 1, 2]
    for chunk in held:
        partitions[chunk.partition] += [codec.decode(body) for body in chunk.bodies]
    after = [len(found) for found in expected_tiers(partitions, {policy.version: policy})]
    assert after == [count + 1 for count in before]


def test_a_log_of_products_alone() -> None:
    log = ZipfLog(LogSize(products=5, events=SETUP_EVENTS * 5, days=2, partitions=2), default_policy())
    assert sum(isinstance(event, e.SaleRecorded) for own in decoded(log) for event in own) == 0


def test_the_shares_of_a_log_are_counted() -> None:
    log, counted = ZipfLog(LOG, default_policy()), Counted()
    for chunk in log.whole():
        counted.add(chunk.partition, chunk.bodies)
    shares = counted.shares()
    assert sum(shares.kinds.values()) == log.records
    assert 0.1 < shares.refunds_pct < 1.5
    assert 0.1 < shares.late_pct < 3


def test_a_command_runs_on_its_core() -> None:
    cores = choose_cores()
    code = "import os; print(*os.sched_getaffinity(0))"
    if cores.measured is None:
        assert cores.argv(["x"]) == ["x"]
        return
    with cores.on_servers():
        assert os.sched_getaffinity(0) == {cores.servers}
        done = subprocess.run(cores.argv([sys.executable, "-c", code]), capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(cores.measured)]
    assert len(os.sched_getaffinity(0)) > 1


def test_cores_that_cannot_be_kept_apart_change_nothing() -> None:
    with Cores().on_servers(), Cores().on_measured():
        assert Cores().argv(["x", "y"]) == ["x", "y"]
    assert busy_s(None) is None


@LINUX
def test_usage_is_read_from_proc() -> None:
    mine = usage_of(os.getpid())
    assert mine.cpu_s is not None
    assert mine.rss_mib is not None
    assert mine.rss_peak_mib is not None
    assert 0 < mine.rss_mib <= mine.rss_peak_mib
    family = family_cpu_s(without=1)
    assert family is not None
    assert family >= mine.cpu_s
    assert (busy_s(0) or 1) > 0
    assert usage_of(2**30).cpu_s is None


def fenxiao(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FENXIAO_")}
    return subprocess.run(
        [sys.executable, "-c", START, "bench", *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_each_measurement() -> None:
    done = fenxiao("--help")
    assert done.returncode == 0
    for command in ("scorer", "catalog", "scale", "memory", "recovery", "day-close", "all"):
        assert f" {command} " in done.stdout


@pytest.mark.parametrize("arguments", [("scorer", "--products", "0"), ("scale", "--days", "x"), ("nonsense",)])
def test_wrong_arguments_are_usage(arguments: tuple[str, ...]) -> None:
    done = fenxiao(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_unreachable_servers_are_one_line_and_no_json() -> None:
    closed = f"127.0.0.1:{free_port()}"
    done = fenxiao(
        "scorer",
        "--json",
        FENXIAO_KAFKA_BOOTSTRAP_SERVERS=closed,
        FENXIAO_POSTGRES_DSN="postgresql://me:secret@127.0.0.1:1/none",
    )
    assert done.returncode == 1
    assert not done.stdout
    assert done.stderr.strip().splitlines()[-1].startswith(f"fenxiao: no Kafka listens at {closed} ")
    assert "secret" not in done.stderr
