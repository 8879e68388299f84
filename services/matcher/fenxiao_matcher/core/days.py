"""The open day, and the policy in force on it, out of the control records of all partitions. `state` keeps one.

Partitions close a day at different places of their logs; the day of a list is the least of their open days, so that no
partition's sales of a day can still be missing when the next one has begun.
"""

from fenxiao_schemas.events import CalendarStarted, DayClosed


class Calendar:
    """The open day of each of `partitions` partitions."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._open_days: dict[int, int] = {}
        self._policy_versions: dict[int, int] = {}
        self.open_day: int | None = None
        """None: a partition has not started."""

    @property
    def policy_version(self) -> int | None:
        """The version in force on the open day."""
        return None if self.open_day is None else self._policy_versions[self.open_day]

    def start(self, partition: int, event: CalendarStarted) -> None:
        """The partition's first day is open."""
        self._open(partition, event.first_day, event.policy_version)

    def close(self, partition: int, event: DayClosed) -> None:
        """The partition's next day is open."""
        self._open(partition, event.day + 1, event.next_policy_version)

    def _open(self, partition: int, day: int, policy_version: int) -> None:
        self._open_days[partition] = day
        self._policy_versions[day] = policy_version
        if len(self._open_days) < self._partitions:
            return
        self.open_day = min(self._open_days.values())
        for past in [day for day in self._policy_versions if day < self.open_day]:
            del self._policy_versions[past]
