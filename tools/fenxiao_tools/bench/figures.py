"""The results of a run as plain values, and their arithmetic; `show` prints them, `as_json` is what programs read."""

from dataclasses import asdict, dataclass
from typing import Any

SHAPE_VERSION = 1
"""Of the JSON object; raised when a field is renamed or goes."""
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
        seconds: From the first lease to caught up.
        cpu_s: Of the process, in this time.
        servers_cpu_s: Of Kafka and PostgreSQL (where they are processes of ours) and of the polling.
        rss_mib: At its end; the peak is since the process started.
        core_busy_pct: Of its core, whoever kept it busy.
        servers_core_busy_pct: Of the core that Kafka, PostgreSQL and the polling share.
    """

    seconds: float
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
class CatalogFigures:
    """Commands accepted, deduplicated, stored and emitted by one process.

    Attributes:
        commands: How many there were; accepted, duplicates, refused and parked sum up to them.
        events: How many it emitted, barriers and calendar included.
    """

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
    """Events turned into tiers by one process, beside the ceiling.

    Attributes:
        ceiling_ratio: The scorer's rate by the mean of the two ceilings.
        ceiling_cpu_ratio: The same of events per second of CPU time, which other work on the machine hardly changes.
        messages: Tier messages published.
        products: How many verify compared.
        differ: How many of them were wrong.
        good: Whether verify found nothing else to say either.
    """

    events: int
    events_per_s: int
    ceiling_before_per_s: int
    ceiling_after_per_s: int
    ceiling_ratio: float | None
    ceiling_cpu_ratio: float | None
    messages: int
    products: int
    differ: int
    good: bool
    ceilings: tuple[Ceiling, Ceiling]
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What it was measured with."""

    products: int
    days: int
    seed: int
    partitions: int


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
    """One run."""

    machine: Machine
    load: Load
    catalog: CatalogFigures
    scorer: ScorerFigures | None
    measured: str

    @property
    def good(self) -> bool:
        """Whether what was measured was right too; fast and wrong is nothing."""
        return self.scorer is None or self.scorer.good


def per_second(records: int, seconds: float) -> int:
    """A rate; 0 for no time at all."""
    return round(records / seconds) if seconds > 0 else 0


def ceiling_ratio(per_s: int, before_per_s: int, after_per_s: int) -> float | None:
    """A rate by the mean of two ceilings."""
    mean = (before_per_s + after_per_s) / 2
    return round(per_s / mean, 3) if mean > 0 else None


def percent(part: float | None, whole: float) -> int | None:
    """A share, if the part is known."""
    return None if part is None or whole <= 0 else round(100 * part / whole)


def others_pct(cpu_s: float | None, seconds: float, core_busy_pct: int | None) -> int | None:
    """What is left of a core's busy share without one process's own."""
    own = percent(cpu_s, seconds)
    return None if own is None or core_busy_pct is None else max(0, core_busy_pct - own)


def scorer_figures(
    *, events: int, messages: int, before: Ceiling, after: Ceiling, cost: Cost, products: int, differ: int, good: bool
) -> ScorerFigures:
    """From what was counted."""
    rate, cpu_rate = per_second(events, cost.seconds), per_second(events, cost.cpu_s or 0)
    return ScorerFigures(
        events=events,
        events_per_s=rate,
        ceiling_before_per_s=before.per_s,
        ceiling_after_per_s=after.per_s,
        ceiling_ratio=ceiling_ratio(rate, before.per_s, after.per_s),
        ceiling_cpu_ratio=ceiling_ratio(cpu_rate, before.per_cpu_s, after.per_cpu_s) if cpu_rate else None,
        messages=messages,
        products=products,
        differ=differ,
        good=good,
        ceilings=(before, after),
        cost=cost,
    )


def as_json(results: Results) -> dict[str, Any]:
    """The same as plain values."""
    return {"shape": SHAPE_VERSION, "good": results.good, **asdict(results)}
