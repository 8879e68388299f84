"""One run of a bench, from starting servers to stopping them: `market`, `scale` and `standing` measure, each on a `host`.

A deployment is measured from an empty log on, so each market has one of its own; memory, recovery and close share theirs.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from rich.console import Console

from fenxiao_tools.bench.chain import run_chain
from fenxiao_tools.bench.cores import choose_cores
from fenxiao_tools.bench.deployment import installed
from fenxiao_tools.bench.figures import MEASURED, Figures, Load, Machine, Results, scale_figures
from fenxiao_tools.bench.host import Host
from fenxiao_tools.bench.latency import run_latency
from fenxiao_tools.bench.loops import LoopResults, Options
from fenxiao_tools.bench.loops import as_json as loops_as_json
from fenxiao_tools.bench.market import measure_catalog, measure_scorer
from fenxiao_tools.bench.scale import ScaleLoad, measure_size
from fenxiao_tools.bench.show_loops import show as show_loops
from fenxiao_tools.bench.standing import PARTS, Part, measure_standing
from fenxiao_tools.bench.watch import POLL_S
from fenxiao_tools.bench.zipf_log import LogSize
from fenxiao_tools.choose import choose_source
from fenxiao_tools.ingest.items import Source
from fenxiao_tools.phases import Phases

LOOP_RATE = 2_000


class Run:
    """What has been measured so far; each method measures some more, on servers that it starts and stops.

    All of them raise:
        ToolError: A part could not be started, or failed.
        StackError: There are no servers.
    """

    def __init__(self, bench: str) -> None:
        self._bench, self._phases, self._cores = bench, Phases(), choose_cores()
        self._figures: dict[str, Figures] = {}
        self._loops: list[LoopResults] = []
        self._machine: Machine

    def market(self, load: Load, *, with_scorer: bool) -> None:
        """`catalog`, and `scorer` if wanted."""
        source = choose_source(None, products=load.products, days=load.days, seed=load.seed, activity=load.activity)
        with self._host(source, load.partitions) as host:
            if with_scorer:
                warm(host)
            self._figures["catalog"] = measure_catalog(host, load, source)
            if with_scorer:
                self._figures["scorer"] = measure_scorer(host, load)

    def scale(self, load: ScaleLoad) -> None:
        """`scale`."""
        sizes = []
        for products in load.products:
            with self._host(choose_source(None), load.partitions) as host:
                warm(host)
                sizes.append(measure_size(host, load.size(products)))
        self._figures["scale"] = scale_figures(sizes)

    def standing(self, size: LogSize, wanted: Collection[Part] = PARTS) -> None:
        """`memory`, `recovery` and `day_close`, or some of them."""
        with self._host(choose_source(None), size.partitions) as host:
            warm(host)
            self._figures |= measure_standing(host, size, wanted)

    def loops(self, products: int, seconds: float, *, seed: int) -> None:
        """`latency` and `chain`, at 2,000 a second."""
        options = Options(products=products, seconds=seconds, seed=seed, rates=(LOOP_RATE,))
        self._loops = [run_latency(options), run_chain(options)]

    def results(self) -> Results:
        """All of it."""
        self._phases.total("measured")
        return Results(
            bench=self._bench,
            machine=self._machine,
            figures=self._figures,
            measured=MEASURED.format(poll_ms=round(1_000 * POLL_S)),
            others={each.bench: loops_as_json(each) for each in self._loops},
        )

    def show_loops(self, console: Console) -> None:
        """Print what `show` does not know."""
        for each in self._loops:
            show_loops(each, console)

    @contextmanager
    def _host(self, source: Source, partitions: int) -> Iterator[Host]:
        with installed(source, self._phases, self._cores, partitions=partitions) as found:
            host = Host(found, self._phases, self._cores)
            self._machine = host.machine()
            yield host


def warm(host: Host) -> None:
    """Compile what the scorer compiles at its first start on a machine: that is no part of any measurement."""
    with host.phases.phase("compiling what is not compiled yet"):
        host.child("core_fold")
