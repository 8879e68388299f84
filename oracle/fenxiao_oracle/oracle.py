"""The entrance: all partitions' events and the policies in, all partitions' expected messages out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fenxiao_oracle.curves import build_curves
from fenxiao_oracle.intake import LogReader
from fenxiao_oracle.log import Log, LogError
from fenxiao_oracle.paths import Paths
from fenxiao_oracle.run import PartitionRun
from fenxiao_schemas.events import AnyEvent
from fenxiao_schemas.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must be in one partition of the tiers topic.

    Attributes:
        messages: The key and the encoded message of each record, in the order of `seq`.
        as_of_seq: The `seq` of the last control record that could be processed; 0 if there was none.
    """

    messages: list[tuple[bytes, bytes]]
    as_of_seq: int


def expected_tiers(
    partitions: Sequence[Iterable[AnyEvent]],
    policies: Mapping[int, Policy],
    progress: Callable[[int], None] | None = None,
) -> list[list[tuple[bytes, bytes]]]:
    """As `expect`, the messages alone."""
    return [expected.messages for expected in expect(partitions, policies, progress)]


def expect(
    partitions: Sequence[Iterable[AnyEvent]],
    policies: Mapping[int, Policy],
    progress: Callable[[int], None] | None = None,
) -> list[Expected]:
    """What the scorer must have published, by the last control record that it can process.

    A close needs the curves of the day before, so a partition stops at a close whose day before is still open in
    another one.

    Args:
        partitions: The events of each partition, in order; each is read once and may be a generator.
        policies: By their version.
        progress: Called with each day that every partition has closed.

    Raises:
        LogError: The events break the log's rules, or name a policy that is not given.
    """
    paths = Paths()
    logs = [LogReader(number, len(partitions), paths).read(events) for number, events in enumerate(partitions)]
    first_day = _first_day(logs)
    parents = paths.parents()
    curves = build_curves([], parents)
    runs = [PartitionRun(log, policies, curves) for log in logs]
    day = first_day
    while True:
        for run in runs:
            run.run_to_close()
        waiting = [run for run in runs if run.is_at_close()]
        posts = [run.close(curves) for run in waiting]
        if len(posts) < len(runs) or not runs:
            break
        curves = build_curves(posts, parents)
        if progress:
            progress(day)
        day += 1
    for run in waiting:
        run.run_to_close()
    return [Expected(messages=run.publisher.messages, as_of_seq=run.seq) for run in runs]


def _first_day(logs: Sequence[Log]) -> int:
    days = {log.first_day for log in logs if log.first_policy}
    if len(days) > 1:
        raise LogError(f"the partitions start on different days: {', '.join(map(str, sorted(days)))}")
    return days.pop() if days else 0
