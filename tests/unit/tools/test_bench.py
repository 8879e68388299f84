"""The bench's own arithmetic, its JSON, its table and its mistakes; what it measures is not judged here."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from fenxiao_tools.bench.cores import Cores, choose_cores
from fenxiao_tools.bench.figures import (
    CatalogFigures,
    Ceiling,
    Cost,
    Load,
    Machine,
    Results,
    as_json,
    ceiling_ratio,
    per_second,
    percent,
    scorer_figures,
)
from fenxiao_tools.bench.show import show
from fenxiao_tools.bench.usage import busy_s, family_cpu_s, usage_of
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
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="there is a /proc on Linux alone")


def results(*, with_scorer: bool = True, differ: int = 0) -> Results:
    scorer = scorer_figures(
        events=80_000,
        messages=9_000,
        before=BEFORE,
        after=AFTER,
        cost=COST,
        products=1_000,
        differ=differ,
        good=not differ,
    )
    return Results(
        machine=Machine(
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
        ),
        load=Load(products=1_000, days=40, seed=1, partitions=4),
        catalog=CatalogFigures(
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
        ),
        scorer=scorer if with_scorer else None,
        measured="with a ruler",
    )


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


def test_the_ratio_is_by_the_mean_of_both_ceilings() -> None:
    assert ceiling_ratio(100, 300, 100) == 0.5
    assert ceiling_ratio(100, 0, 0) is None


def test_the_scorer_beside_the_ceiling() -> None:
    found = results().scorer
    assert found is not None
    assert (found.events_per_s, found.ceiling_before_per_s, found.ceiling_after_per_s) == (20_000, 300_000, 100_000)
    assert found.ceiling_ratio == 0.1
    assert found.ceiling_cpu_ratio == round(40_000 / ((375_000 + 200_000) / 2), 3)


def test_no_ratio_by_cpu_time_where_that_is_unknown() -> None:
    cost = Cost(seconds=1.0)
    found = scorer_figures(events=1, messages=1, before=BEFORE, after=AFTER, cost=cost, products=1, differ=0, good=True)
    assert found.ceiling_cpu_ratio is None
    assert cost.others_pct is None


def test_what_others_had_of_the_core() -> None:
    assert COST.others_pct == 48
    assert replace(COST, cpu_s=4.0).others_pct == 0
    assert AFTER.others_pct == 10
    assert BEFORE.others_pct is None


def test_the_json_names_every_figure() -> None:
    found = json.loads(json.dumps(as_json(results())))
    assert set(found) == {"shape", "good", "machine", "load", "catalog", "scorer", "measured"}
    wanted = {
        "events",
        "events_per_s",
        "ceiling_before_per_s",
        "ceiling_after_per_s",
        "ceiling_ratio",
        "messages",
        "products",
        "differ",
        "cost",
    }
    assert wanted <= set(found["scorer"])
    assert {"seconds", "cpu_s", "rss_mib"} <= set(found["scorer"]["cost"])
    assert {"commands_per_s", "accepted", "duplicates", "refused", "parked"} <= set(found["catalog"])
    assert {"cores", "memory_mib", "cpu", "python", "kafka", "postgres"} <= set(found["machine"])


def test_the_json_of_the_catalog_alone() -> None:
    found = as_json(results(with_scorer=False))
    assert found["scorer"] is None
    assert found["good"]


def test_fast_and_wrong_is_not_good() -> None:
    assert not as_json(results(differ=1))["good"]


def test_the_table_shows_all_there_is() -> None:
    text = shown(results())
    for part in ("catalog, commands", "25,000", "ceiling before", "300,000", "10.0% of the ceiling", "with a ruler"):
        assert part in text
    assert "1,000 products, 0 differ" in text
    assert "share of the measured core: catalog 48%, scorer 48%, ceiling after 10%" in text
    assert "2 cores, 23.5 GiB, A [fast] CPU, Linux 6; Python 3.13.0, Kafka 4.4.0 and PostgreSQL 18.4" in text
    assert "(on core 0), what is measured not pinned" in text


def test_the_table_of_the_catalog_alone() -> None:
    text = shown(results(with_scorer=False))
    assert "ceiling" not in text
    assert "verify" not in text


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
    for command in ("scorer", "catalog", "all"):
        assert f" {command} " in done.stdout


@pytest.mark.parametrize("arguments", [("scorer", "--products", "0"), ("all", "--days", "x"), ("nonsense",)])
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
