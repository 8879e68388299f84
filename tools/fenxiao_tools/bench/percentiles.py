"""What many latencies come to: median, 99th percentile and worst, by nearest rank, so that each is one that was measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Of `count` values, in milliseconds; all None of none."""

    count: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


def percentile(ordered: Sequence[int], percent: int) -> int:
    """The smallest value that at least `percent` of them do not exceed; `ordered` rises and is not empty."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def spread(values_ns: Iterable[int]) -> Spread:
    """Of nanoseconds."""
    ordered = sorted(values_ns)
    if not ordered:
        return Spread(count=0, p50_ms=None, p99_ms=None, max_ms=None)
    p50, p99, worst = (_ms(percentile(ordered, percent)) for percent in (50, 99, 100))
    return Spread(count=len(ordered), p50_ms=p50, p99_ms=p99, max_ms=worst)


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / NS_PER_MS, 2)
