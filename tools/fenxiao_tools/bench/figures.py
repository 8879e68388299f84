"""The results of a run as plain values, and their arithmetic; `show` prints them, `as_json` is what programs read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

SHAPE_VERSION = 2
"""Of the JSON object; raised when a field is renamed or goes."""
BYTES_PER_MIB = 1024 * 1024
MEASURED = (
    "a service is measured from its first lease of a partition (its interpreter's start and imports are not counted) "
    "until it is caught up: offsets and rows committed, every message acknowledged by Kafka, its outbox empty; "
    "both are read from PostgreSQL every {poll_ms} ms"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """Some passes over the events, read and decoded and nothing else; see `Cost` for the rest."""

    passes: int
    records: int
    seconds: float
    cpu_s: float
    core_busy_pct: int | None = None

    @property
    def others_pct(self) -> int | None:
        """As `Cost`'s."""
        return others_pct(self.cpu_s, self.seconds, self.core_busy_pct)

    @property
    def per_s(self) -> int:
        """Events a second."""
        return per_second(self.records, self.seconds)

    @property
    def per_cpu_s(self) -> int:
        """Events a second of CPU time."""
        return per_second(self.records, self.cpu_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process took for its work.

    Attributes:
        seconds: From the first lease, or from the end of a lead-in, to caught up.
        lead_records: So many were done when the clock was started.
        cpu_s: Of the process, in this time.
        servers_cpu_s: Of Kafka and PostgreSQL (where they are processes of ours) and of the polling.
        rss_mib: At its end; the peak is since the process started.
        core_busy_pct: Of its core, whoever kept it busy.
        servers_core_busy_pct: Of the core that Kafka, PostgreSQL and the polling share.
    """

    seconds: float
    lead_records: int = 0
    cpu_s: float | None = None
    servers_cpu_s: float | None = None
    rss_mib: float | None = None
    rss_peak_mib: float | None = None
    core_busy_pct: int | None = None
    servers_core_busy_pct: int | None = None

    @property
    def others_pct(self) -> int | None:
        """The share of its core that somebody else had, or that the machine's host did: what makes a run doubtful."""
        return others_pct(self.cpu_s, self.seconds, self.core_busy_pct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The made market that it was measured with."""

    products: int
    days: int
    seed: int
    partitions: int
    activity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What the events are.

    Attributes:
        kinds: How many of each kind.
        refunds_pct: Refunds among all events.
        late_pct: Among the sales, those of a day that was closed already.
    """

    kinds: Mapping[str, int]
    refunds_pct: float
    late_pct: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFigures:
    """Commands accepted, deduplicated, stored and emitted by one process.

    Attributes:
        commands: How many there were; accepted, duplicates, refused and parked sum up to them.
        events: How many it emitted, barriers and calendar included.
    """

    load: Load
    commands: int
    commands_per_s: int
    accepted: int
    duplicates: int
    refused: int
    parked: int
    events: int
    events_per_s: int
    outcomes: int
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerFigures:
    """Events turned into tiers by one process, beside the ceilings.

    Attributes:
        ceiling_ratio: The scorer's rate by the mean of the two ceilings.
        ceiling_cpu_ratio: The same of events per second of CPU time, which other work on the machine hardly changes.
        faststream_per_s: The second ceiling: FastStream's own batch path with a handler that only counts.
        faststream_ratio: The scorer's rate by that.
        messages: Tier messages published.
        products: How many verify compared.
        differ: How many of them were wrong.
        good: Whether verify found nothing else to say either.
    """

    load: Load
    events: int
    events_per_s: int
    ceiling_before_per_s: int
    ceiling_after_per_s: int
    ceiling_ratio: float | None
    ceiling_cpu_ratio: float | None
    faststream_per_s: int
    faststream_ratio: float | None
    messages: int
    products: int
    differ: int
    good: bool
    shares: Shares
    ceilings: tuple[Ceiling, Ceiling]
    faststream: tuple[Ceiling, Ceiling]
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeFigures:
    """The scorer on a market of one size, after a lead-in in which all products open.

    Attributes:
        events: Measured, the lead-in not among them.
        us_per_event: Wall time, in microseconds.
        cpu_us_per_event: The process's CPU time.
    """

    products: int
    days: int
    events: int
    us_per_event: float
    cpu_us_per_event: float | None
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleFigures:
    """What an event costs at several sizes.

    Attributes:
        cost_ratio: The largest size's cost of an event by the smallest one's: of CPU time where that is known.
        wall_ratio: The same of wall time.
        written_by: Who wrote the events.
    """

    sizes: tuple[SizeFigures, ...]
    cost_ratio: float | None
    wall_ratio: float | None
    written_by: str = "the bench itself, in the catalog's place"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLoad:
    """A log that the bench wrote.

    Attributes:
        events: All records of it.
    """

    products: int
    events: int
    days: int
    seed: int
    partitions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFigures:
    """What a scorer that has caught up keeps in memory.

    Attributes:
        rss_bytes_per_product: All of its resident memory by the number of products, interpreter and libraries included.
        rss_peak_bytes_per_product: The same at its highest, since the process started.
        idle_rss_mib: Of a scorer that has read nothing.
    """

    load: LogLoad
    rss_bytes_per_product: int | None
    rss_peak_bytes_per_product: int | None
    rss_mib: float | None
    rss_peak_mib: float | None
    idle_rss_mib: float | None
    events_per_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryFigures:
    """SIGKILL, an immediate start again, and what was appended meanwhile: until its tier message can be read.

    Attributes:
        recovery_s: From SIGKILL to the first message.
        recovery_all_s: To that of the last partition.
        replayed: Events between the snapshots and the end of the log.
        partitions: How many had something to say.
    """

    load: LogLoad
    recovery_s: float
    recovery_all_s: float
    replayed: int
    partitions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseFigures:
    """One close of a day, all partitions one after the other on one core.

    Attributes:
        close_s: Histograms, sweep and assessment, until each partition has its first step; that step's few messages, which
            `first_messages` counts, are encoded in this time too.
        encode_s: Assessing in full and encoding all the others, and the products' rows for PostgreSQL.
        commit_s: All transactions: rows, offsets, outbox.
        relay_s: Sending the messages to Kafka, until they are acknowledged, and marking them.
        messages: How many.
        steps: In so many transactions.
    """

    load: LogLoad
    close_s: float
    encode_s: float
    commit_s: float
    relay_s: float
    messages: int
    first_messages: int
    steps: int


@dataclass(slots=True, kw_only=True)
class Stages:
    """What `close_once` notes: seconds of each stage, over all partitions.

    Attributes:
        first_s: Until a partition's first step: histograms, sweep, assessment, and that step's own messages.
        later_s: The other steps.
        first_messages: Of the first steps.
    """

    first_s: float = 0.0
    later_s: float = 0.0
    commit_s: float = 0.0
    relay_s: float = 0.0
    first_messages: int = 0
    messages: int = 0
    steps: int = 0


type Figures = CatalogFigures | ScorerFigures | ScaleFigures | MemoryFigures | RecoveryFigures | CloseFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What it was measured on.

    Attributes:
        servers_from: Who started the servers: `processes`, `containers` or the `environment`.
        servers_core: Theirs, if they could be pinned.
        measured_core: That of what is measured, if it could be pinned.
    """

    cores: int
    memory_mib: int | None
    cpu: str
    system: str
    python: str
    kafka: str
    postgres: str
    servers_from: str
    servers_core: int | None
    measured_core: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One run.

    Attributes:
        bench: The command that was given.
        figures: By bench, in the order in which they were measured.
        others: JSON of benches that have shapes of their own.
    """

    bench: str
    machine: Machine
    figures: Mapping[str, Figures]
    measured: str
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether what was measured was right too; fast and wrong is nothing."""
        own = all(getattr(each, "good", True) for each in self.figures.values())
        return own and all(each["good"] for each in self.others.values())


def per_second(records: int, seconds: float) -> int:
    """A rate; 0 for no time at all."""
    return round(records / seconds) if seconds > 0 else 0


def ratio(rate: float, *others: float) -> float | None:
    """A rate by the mean of others."""
    mean = sum(others) / len(others)
    return round(rate / mean, 3) if mean > 0 else None


def percent(part: float | None, whole: float) -> int | None:
    """A share, if the part is known."""
    return None if part is None or whole <= 0 else round(100 * part / whole)


def others_pct(cpu_s: float | None, seconds: float, core_busy_pct: int | None) -> int | None:
    """What is left of a core's busy share without one process's own."""
    own = percent(cpu_s, seconds)
    return None if own is None or core_busy_pct is None else max(0, core_busy_pct - own)


def scorer_figures(
    *,
    load: Load,
    shares: Shares,
    messages: int,
    ceilings: tuple[Ceiling, Ceiling],
    faststream: tuple[Ceiling, Ceiling],
    cost: Cost,
    products: int,
    differ: int,
    good: bool,
) -> ScorerFigures:
    """From what was counted."""
    events = sum(shares.kinds.values())
    rate, cpu_rate = per_second(events, cost.seconds), per_second(events, cost.cpu_s or 0)
    slow = round(sum(each.per_s for each in faststream) / len(faststream))
    return ScorerFigures(
        load=load,
        events=events,
        events_per_s=rate,
        ceiling_before_per_s=ceilings[0].per_s,
        ceiling_after_per_s=ceilings[1].per_s,
        ceiling_ratio=ratio(rate, *(each.per_s for each in ceilings)),
        ceiling_cpu_ratio=ratio(cpu_rate, *(each.per_cpu_s for each in ceilings)) if cpu_rate else None,
        faststream_per_s=slow,
        faststream_ratio=ratio(rate, slow),
        messages=messages,
        products=products,
        differ=differ,
        good=good,
        shares=shares,
        ceilings=ceilings,
        faststream=faststream,
        cost=cost,
    )


def size_figures(*, products: int, days: int, records: int, cost: Cost) -> SizeFigures:
    """From what was counted: what came before the clock was started is left out."""
    events = records - cost.lead_records
    return SizeFigures(
        products=products,
        days=days,
        events=events,
        us_per_event=_micros(cost.seconds, events),
        cpu_us_per_event=None if cost.cpu_s is None else _micros(cost.cpu_s, events),
        cost=cost,
    )


def scale_figures(sizes: Sequence[SizeFigures]) -> ScaleFigures:
    """The largest beside the smallest."""
    ordered = sorted(sizes, key=lambda size: size.products)
    first, last = ordered[0], ordered[-1]
    wall = ratio(last.us_per_event, first.us_per_event)
    known = first.cpu_us_per_event is not None and last.cpu_us_per_event is not None
    cpu = ratio(last.cpu_us_per_event or 0, first.cpu_us_per_event or 0) if known else None
    return ScaleFigures(sizes=tuple(ordered), cost_ratio=wall if cpu is None else cpu, wall_ratio=wall)


def close_figures(load: LogLoad, stages: Stages) -> CloseFigures:
    """As noted. Nothing is subtracted for the first steps' messages: at small sizes that would be a guess."""
    return CloseFigures(
        load=load,
        close_s=round(stages.first_s, 3),
        encode_s=round(stages.later_s, 3),
        commit_s=round(stages.commit_s, 3),
        relay_s=round(stages.relay_s, 3),
        messages=stages.messages,
        first_messages=stages.first_messages,
        steps=stages.steps,
    )


def bytes_each(mib: float | None, products: int) -> int | None:
    """Memory by the product."""
    return None if mib is None else round(mib * BYTES_PER_MIB / products)


def _micros(seconds: float, events: int) -> float:
    return round(1_000_000 * seconds / events, 3) if events > 0 else 0.0


def as_json(results: Results) -> dict[str, Any]:
    """Plain values: the figures of a bench alone stand on top, those of several under their names."""
    found: dict[str, Any] = {"shape": SHAPE_VERSION, "bench": results.bench, "good": results.good}
    for name, figures in results.figures.items():
        found |= asdict(figures) if name == results.bench else {name: asdict(figures)}
    return found | dict(results.others) | {"machine": asdict(results.machine), "measured": results.measured}
